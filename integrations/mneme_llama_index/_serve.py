"""A model's call by way of the cache, in both colours. The cache's own failures never reach the caller."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse

from mneme import Hit, MnemeError, Outcome
from mneme.runtime.served import note_served
from mneme_llama_index._admission import admits
from mneme_llama_index._codecs import ResponseCodec
from mneme_llama_index._events import tell
from mneme_llama_index._link import Link, answering
from mneme_llama_index._request import Request
from mneme_llama_index._telling import Call, tell_answer
from mneme_llama_index._usage import usage_of

R = TypeVar("R", ChatResponse, CompletionResponse)


@dataclass(frozen=True, slots=True)
class Asking:
    """A call of a model on its way to the cache."""

    link: Link
    call: Call
    request: Request

    def how(self) -> dict[str, Any]:
        """Return where the answer is kept, and how long."""
        kept = {"ttl": self.link.ttl, "mode": self.request.mode, "usage": partial(usage_of, self.call.llm)}
        return {**self.link.place(self.request), **kept}

    def hit(self, hit: Hit | None) -> None:
        """Tell of a hit, if it was one."""
        if hit is not None:
            self.link.served(self.request, hit)
            note_served(hit)
            tell(hit)

    def told(self, via: list[str]) -> Call | None:
        """Return the call to tell of, with the methods that its answer came through; None where hits are told alone."""
        if self.link.events == "hit":
            return None
        # Methods that are called twice for one answer do not call each other.
        return replace(self.call, via=tuple(via) if len(set(via)) == len(via) else ())


def serve(asking: Asking, codec: ResponseCodec[R], ask: Callable[[], R]) -> R:
    """Return the answer to the call: a cached one, or that of `ask`."""
    link, ran = asking.link, False

    def run() -> R:
        nonlocal ran
        ran = True
        with answering(asking.call.llm, codec.via):
            return ask()

    try:
        outcome: Outcome[R] = link.cache.get_or_compute(compute=run, codec=codec, cache_if=admits, **asking.how())
    except MnemeError as error:
        if ran:
            raise
        link.warn("the cache was left out", error)
        return run()
    return outcome.value if ran else _own(asking, outcome, codec.via)


async def aserve(asking: Asking, codec: ResponseCodec[R], ask: Callable[[], Awaitable[R]]) -> R:
    """The same for a coroutine function."""
    link, ran = asking.link, False

    async def run() -> R:
        nonlocal ran
        ran = True
        with answering(asking.call.llm, codec.via):
            return await ask()

    try:
        outcome: Outcome[R] = await link.async_cache.get_or_compute(
            compute=run, codec=codec, cache_if=admits, **asking.how()
        )
    except MnemeError as error:
        if ran:
            raise
        link.warn("the cache was left out", error)
        return await run()
    return outcome.value if ran else _own(asking, outcome, codec.via)


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


def _own(asking: Asking, outcome: Outcome[R], via: list[str]) -> R:
    """Return the caller's own answer, which LlamaIndex may change in place, and tell of it."""
    answer = outcome.value if outcome.hit is not None else copy.deepcopy(outcome.value)
    asking.hit(outcome.hit)
    call = asking.told(via)
    if call is not None:
        try:
            tell_answer(call, answer)
        except Exception as error:  # a handler's, or that of the function which renders messages
            asking.link.warn("a hit was not told", error)
    return answer
