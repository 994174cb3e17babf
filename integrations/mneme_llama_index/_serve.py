"""A model's call by way of the cache, in both colours. The cache's own failures never reach the caller."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse
from llama_index.core.llms import LLM

from mneme import MnemeError, Outcome
from mneme_llama_index._admission import admits
from mneme_llama_index._codecs import ResponseCodec
from mneme_llama_index._events import tell
from mneme_llama_index._link import Link, answering
from mneme_llama_index._request import Request

R = TypeVar("R", ChatResponse, CompletionResponse)


def serve(link: Link, llm: LLM, codec: ResponseCodec[R], ask: Callable[[], Request], call: Callable[[], R]) -> R:
    """Return the answer to the request that `ask` makes: a cached one, or that of `call`."""
    request = asked(link, ask)
    if request is None:
        return call()
    ran = False

    def run() -> R:
        nonlocal ran
        ran = True
        with answering(llm):
            return call()

    try:
        outcome: Outcome[R] = link.cache.get_or_compute(compute=run, **_how(link, request, codec))
    except MnemeError as error:
        if ran:
            raise
        link.warn("the cache was left out", error)
        return run()
    return _own(link, request, outcome, ran)


async def aserve(
    link: Link,
    llm: LLM,
    codec: ResponseCodec[R],
    ask: Callable[[], Request],
    call: Callable[[], Awaitable[R]],
) -> R:
    """The same for a coroutine function."""
    request = asked(link, ask)
    if request is None:
        return await call()
    ran = False

    async def run() -> R:
        nonlocal ran
        ran = True
        with answering(llm):
            return await call()

    try:
        outcome: Outcome[R] = await link.async_cache.get_or_compute(compute=run, **_how(link, request, codec))
    except MnemeError as error:
        if ran:
            raise
        link.warn("the cache was left out", error)
        return await run()
    return _own(link, request, outcome, ran)


@contextmanager
def forgetting(link: Link | None, requests: list[Request]) -> Iterator[None]:
    """Remove the answers to `requests` when what is made of them fails: it would fail for ever."""
    try:
        yield
    except Exception:
        if link is not None:
            for request in requests:
                try:
                    link.cache.delete(**link.place(request))
                except MnemeError as error:
                    link.warn("an answer that did not parse was not removed", error)
        raise


@asynccontextmanager
async def aforgetting(link: Link | None, requests: list[Request]) -> AsyncIterator[None]:
    """The same for coroutines."""
    try:
        yield
    except Exception:
        if link is not None:
            for request in requests:
                try:
                    await link.async_cache.delete(**link.place(request))
                except MnemeError as error:
                    link.warn("an answer that did not parse was not removed", error)
        raise


def asked(link: Link, ask: Callable[[], Request]) -> Request | None:
    try:
        return link.here(ask())
    except Exception as error:  # arguments, media and settings are the user's: reading them may fail anyhow
        link.warn("a call without a key was made without the cache", error)
        return None


def _how(link: Link, request: Request, codec: ResponseCodec[R]) -> dict[str, Any]:
    return {**link.place(request), "ttl": link.ttl, "mode": request.mode, "codec": codec, "cache_if": admits}


def _own(link: Link, request: Request, outcome: Outcome[R], ran: bool) -> R:
    """Return the caller's own answer: LlamaIndex changes answers in place."""
    if outcome.hit is not None:
        link.served(request, outcome.hit)
        tell(outcome.hit)
        return outcome.value
    return outcome.value if ran else copy.deepcopy(outcome.value)
