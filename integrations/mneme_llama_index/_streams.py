"""A model's stream by way of the cache, in both colours. The cache's own failures never reach the caller."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import AbstractContextManager, aclosing, closing
from itertools import chain
from typing import Any, TypeVar

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse

from mneme import MnemeError
from mneme_llama_index._admission import admits_stream
from mneme_llama_index._codecs import StreamCodec
from mneme_llama_index._link import answering
from mneme_llama_index._serve import Asking
from mneme_llama_index._telling import atell_stream, tell_stream

R = TypeVar("R", ChatResponse, CompletionResponse)
T = TypeVar("T")


def serve_stream(
    asking: Asking, codec: StreamCodec[R], ask: Callable[[], Generator[R, None, None]]
) -> Generator[R, None, None]:
    """Return the stream of the call: a cached one, or that of `ask`."""
    link, ran = asking.link, False

    def hold() -> AbstractContextManager[None]:
        return answering(asking.call.llm, codec.via)

    def produce() -> Generator[R, None, None]:
        nonlocal ran
        ran = True
        with hold():
            stream = ask()
        return held(stream, hold)

    try:
        outcome = link.cache.get_or_stream(produce=produce, codec=codec, cache_if=admits_stream, **asking.how())
    except MnemeError as error:
        link.warn("the cache was left out", error)
        return produce()
    asking.hit(outcome.hit)
    if outcome.hit is not None:
        call = asking.told(codec.via)
        return _as_generator(outcome.value) if call is None else tell_stream(call, outcome.value)
    return _followed(asking, outcome.value, lambda: ran)


async def aserve_stream(
    asking: Asking, codec: StreamCodec[R], ask: Callable[[], Awaitable[AsyncGenerator[R, None]]]
) -> AsyncGenerator[R, None]:
    """The same for a coroutine function that returns an async stream."""
    link, ran = asking.link, False

    def hold() -> AbstractContextManager[None]:
        return answering(asking.call.llm, codec.via)

    async def produce() -> AsyncGenerator[R, None]:
        nonlocal ran
        ran = True
        with hold():
            stream = await ask()
        async with aclosing(aheld(stream, hold)) as chunks:
            async for chunk in chunks:
                yield chunk

    try:
        outcome = await link.async_cache.get_or_stream(
            produce=produce, codec=codec, cache_if=admits_stream, **asking.how()
        )
    except MnemeError as error:
        link.warn("the cache was left out", error)
        return produce()
    asking.hit(outcome.hit)
    if outcome.hit is not None:
        call = asking.told(codec.via)
        return _as_async_generator(outcome.value) if call is None else atell_stream(call, outcome.value)
    return _afollowed(asking, outcome.value, lambda: ran)


def _followed(asking: Asking, stream: Iterator[R], leads: Callable[[], bool]) -> Generator[R, None, None]:
    """Yield the chunks; tell of them where it is another caller's stream, which shows at the first."""
    with closing(_as_generator(stream)) as chunks:
        for first in chunks:
            rest, call = chain([first], chunks), asking.told([])
            yield from rest if leads() or call is None else tell_stream(call, rest)


async def _afollowed(asking: Asking, stream: AsyncIterator[R], leads: Callable[[], bool]) -> AsyncGenerator[R, None]:
    """The same for a stream of tasks."""
    async with aclosing(_as_async_generator(stream)) as chunks:
        async for first in chunks:
            rest, call = _achain(first, chunks), asking.told([])
            async with aclosing(rest if leads() or call is None else atell_stream(call, rest)) as told:
                async for chunk in told:
                    yield chunk


async def _achain(first: R, rest: AsyncIterator[R]) -> AsyncGenerator[R, None]:
    yield first
    async for chunk in rest:
        yield chunk


def held(stream: Iterator[T], hold: Callable[[], AbstractContextManager[Any]]) -> Generator[T, None, None]:
    """Yield from `stream`, holding while it works and not while its reader does."""
    try:
        while True:
            with hold():
                try:
                    chunk = next(stream)
                except StopIteration:
                    return
            yield chunk
    finally:
        if isinstance(stream, Generator):
            stream.close()


async def aheld(stream: AsyncIterator[T], hold: Callable[[], AbstractContextManager[Any]]) -> AsyncGenerator[T, None]:
    """The same for an async stream."""
    try:
        while True:
            with hold():
                try:
                    chunk = await anext(stream)
                except StopAsyncIteration:
                    return
            yield chunk
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()


def _as_generator(stream: Iterator[R]) -> Generator[R, None, None]:
    yield from stream


async def _as_async_generator(stream: AsyncIterator[R]) -> AsyncGenerator[R, None]:
    try:
        async for chunk in stream:
            yield chunk
    finally:
        if isinstance(stream, AsyncGenerator):  # at once, not when it is collected
            await stream.aclose()
