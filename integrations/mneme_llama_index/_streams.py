"""A model's stream by way of the cache, in both colours. The cache's own failures never reach the caller."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse
from llama_index.core.llms import LLM

from mneme import MnemeError
from mneme_llama_index._admission import admits_stream
from mneme_llama_index._codecs import StreamCodec
from mneme_llama_index._events import tell
from mneme_llama_index._link import Link, answering
from mneme_llama_index._request import Request
from mneme_llama_index._serve import asked

R = TypeVar("R", ChatResponse, CompletionResponse)
T = TypeVar("T")


def serve_stream(
    link: Link,
    llm: LLM,
    codec: StreamCodec[R],
    ask: Callable[[], Request],
    call: Callable[[], Generator[R, None, None]],
) -> Generator[R, None, None]:
    """Return the stream for the request that `ask` makes: a cached one, or that of `call`."""

    def produce() -> Generator[R, None, None]:
        with answering(llm):
            stream = call()
        return held(stream, lambda: answering(llm))

    request = asked(link, ask)
    if request is None:
        return produce()
    try:
        outcome = link.cache.get_or_stream(produce=produce, **_how(link, request, codec))
    except MnemeError as error:
        link.warn("the cache was left out", error)
        return produce()
    if outcome.hit is not None:
        tell(outcome.hit)
    return _as_generator(outcome.value)


async def aserve_stream(
    link: Link,
    llm: LLM,
    codec: StreamCodec[R],
    ask: Callable[[], Request],
    call: Callable[[], Awaitable[AsyncGenerator[R, None]]],
) -> AsyncGenerator[R, None]:
    """The same for a coroutine function that returns an async stream."""

    async def produce() -> AsyncGenerator[R, None]:
        with answering(llm):
            stream = await call()
        async for chunk in aheld(stream, lambda: answering(llm)):
            yield chunk

    request = asked(link, ask)
    if request is None:
        return produce()
    try:
        outcome = await link.async_cache.get_or_stream(produce=produce, **_how(link, request, codec))
    except MnemeError as error:
        link.warn("the cache was left out", error)
        return produce()
    if outcome.hit is not None:
        tell(outcome.hit)
    return _as_async_generator(outcome.value)


def held(stream: Iterator[T], hold: Callable[[], AbstractContextManager[Any]]) -> Generator[T, None, None]:
    """Yield from `stream`, holding while it works and not while its reader does."""
    while True:
        with hold():
            try:
                chunk = next(stream)
            except StopIteration:
                return
        yield chunk


async def aheld(stream: AsyncIterator[T], hold: Callable[[], AbstractContextManager[Any]]) -> AsyncGenerator[T, None]:
    """The same for an async stream."""
    while True:
        with hold():
            try:
                chunk = await anext(stream)
            except StopAsyncIteration:
                return
        yield chunk


def _how(link: Link, request: Request, codec: StreamCodec[R]) -> dict[str, Any]:
    return {**link.place(request), "ttl": link.ttl, "mode": request.mode, "codec": codec, "cache_if": admits_stream}


def _as_generator(stream: Iterator[R]) -> Generator[R, None, None]:
    yield from stream


async def _as_async_generator(stream: AsyncIterator[R]) -> AsyncGenerator[R, None]:
    async for chunk in stream:
        yield chunk
