"""Caching the `create` of an SDK client: the same objects come back, streams included."""

from __future__ import annotations

import functools
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from mneme import AsyncSemanticCache, InvalidArgumentError, SemanticCache
from mneme_decorator._cached import Decorator, cached
from mneme_decorator._codecs import ModelCodec
from mneme_decorator._endpoint import SENTINELS, Client, endpoint_of, has_state

Cache: TypeAlias = SemanticCache | AsyncSemanticCache
# The SDKs' own methods, with keyword arguments only.
Create: TypeAlias = Callable[..., Any]

# How long to wait changes no answer; what the SDK's own method depends on is in the endpoint.
IGNORED = ("timeout", "original")
# What a cached function has beside the call, and the `create` of a wrapped client has, too.
ASKING = ("lookup", "explain", "report_wrong", "invalidate")
_RAW = "x-stainless-raw-response"
# The endpoint of a request, or None where the request is not to be cached.
Where: TypeAlias = Callable[[Mapping[str, Any]], dict[str, Any] | None]

_log = logging.getLogger("mneme.decorator")


@dataclass(frozen=True, slots=True)
class Kinds:
    """What one endpoint takes and gives."""

    query: str
    """The argument that holds the conversation."""
    answer: Any
    chunk: Any
    stream: Any
    """The SDK's class of streams."""


def cache_create(
    resource: Any, kinds: Kinds, cache: Cache, *, client: Client, path: str, is_async: bool, **options: Any
) -> None:
    """Replace `resource.create` by one that asks the cache first. Raw responses are left alone."""
    # Made from the method that is there now: they ask for the response itself, which is not cached.
    _ = resource.with_raw_response, resource.with_streaming_response
    ignored = options.pop("ignore", ())
    ignored = (*IGNORED, *([ignored] if isinstance(ignored, str) else ignored))
    options = {"query": kinds.query, "ignore": ignored, **options}

    def where(parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        try:
            return None if _is_raw(parameters) or has_state(parameters) else endpoint_of(client, path)
        except Exception:  # what an SDK's client looks like is the SDK's affair
            _log.warning("a client's headers could not be read; it is asked without the cache", exc_info=True)
            return None

    whole = cached(cache, codec=ModelCodec(kinds.answer), **options)
    chunks = cached(cache, codec=ModelCodec(list[kinds.chunk]), **options)  # type: ignore[name-defined]  # at run time
    create, stream = (_async_create, _async_stream_of) if is_async else (_create, _stream_of)
    resource.create = create(resource.create, whole, chunks, stream(kinds.stream), where)


def _create(original: Create, whole: Decorator, chunks: Decorator, make: Callable[[Any], Any], where: Where) -> Create:
    @whole
    def complete(*, endpoint: dict[str, Any], **parameters: Any) -> Any:  # noqa: ARG001  # a part of the key
        return original(**parameters)

    @chunks
    def stream(*, endpoint: dict[str, Any], **parameters: Any) -> Iterator[Any]:  # noqa: ARG001
        with original(**parameters) as upstream:
            yield from upstream

    @functools.wraps(original)
    def create(**parameters: Any) -> Any:
        parameters = _given(parameters)
        endpoint = where(parameters)
        if endpoint is None:
            return original(**parameters)
        if not parameters.get("stream"):
            return complete(endpoint=endpoint, **parameters)
        return make(_opened(stream(endpoint=endpoint, **parameters)))

    return _asking(create, complete, stream, where)


def _async_create(
    original: Create, whole: Decorator, chunks: Decorator, make: Callable[[Any], Any], where: Where
) -> Create:
    @whole
    async def complete(*, endpoint: dict[str, Any], **parameters: Any) -> Any:  # noqa: ARG001  # a part of the key
        return await original(**parameters)

    @chunks
    async def stream(*, endpoint: dict[str, Any], **parameters: Any) -> AsyncIterator[Any]:  # noqa: ARG001
        async with await original(**parameters) as upstream:
            async for chunk in upstream:
                yield chunk

    @functools.wraps(original)
    async def create(**parameters: Any) -> Any:
        parameters = _given(parameters)
        endpoint = where(parameters)
        if endpoint is None:
            return await original(**parameters)
        if not parameters.get("stream"):
            return await complete(endpoint=endpoint, **parameters)
        return make(await _aopened(stream(endpoint=endpoint, **parameters)))

    return _asking(create, complete, stream, where)


def _asking(create: Create, complete: Any, stream: Any, where: Where) -> Create:
    """Return `create` with what a cached function has beside the call: `create.explain(model=…, messages=…)`."""

    def method(name: str) -> Create:
        def asked(**parameters: Any) -> Any:
            parameters = _given(parameters)
            endpoint = where(parameters)
            if endpoint is None:
                raise InvalidArgumentError("this call is not cached: it asks for a raw response or a server's state.")
            function = stream if parameters.get("stream") else complete
            return getattr(function, name)(endpoint=endpoint, **parameters)

        return asked

    for name in ASKING:
        setattr(create, name, method(name))
    return create


def _stream_of(base: Any) -> Callable[[Any], Any]:
    """Return a subclass of the SDK's stream that reads chunks from an iterator; its `response` is None."""

    class Stream(base):  # type: ignore[misc]  # whichever SDK's it is
        def __init__(self, chunks: Generator[Any]) -> None:
            self._chunks, self.response = chunks, None

        def __next__(self) -> Any:
            return next(self._chunks)

        def __iter__(self) -> Iterator[Any]:
            yield from self._chunks

        def close(self) -> None:
            self._chunks.close()

    return Stream


def _async_stream_of(base: Any) -> Callable[[Any], Any]:
    """Return a subclass of the SDK's async stream, as `_stream_of` does."""

    class AsyncStream(base):  # type: ignore[misc]  # whichever SDK's it is
        def __init__(self, chunks: AsyncGenerator[Any]) -> None:
            self._chunks, self.response = chunks, None

        async def __anext__(self) -> Any:
            return await anext(self._chunks)

        async def __aiter__(self) -> AsyncIterator[Any]:
            async for chunk in self._chunks:
                yield chunk

        async def close(self) -> None:
            await self._chunks.aclose()

    return AsyncStream


def _given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters without those that hold the SDK's word for "not given"."""
    return {name: value for name, value in parameters.items() if type(value).__name__ not in SENTINELS}


def _is_raw(parameters: Mapping[str, Any]) -> bool:
    return any(name.lower() == _RAW for name in parameters.get("extra_headers") or ())


def _opened(chunks: Generator[Any]) -> Generator[Any]:
    """Return the chunks after asking for the first: `create` raises what is wrong with the request, as before."""
    try:
        first = [next(chunks)]
    except StopIteration:
        first = []

    def rest() -> Generator[Any]:
        try:
            yield from first
            yield from chunks
        finally:
            chunks.close()

    return rest()


async def _aopened(chunks: AsyncGenerator[Any]) -> AsyncGenerator[Any]:
    """Return the chunks after asking for the first, as `_opened` does."""
    first = [chunk async for chunk in _first(chunks)]

    async def rest() -> AsyncGenerator[Any]:
        try:
            for chunk in first:
                yield chunk
            async for chunk in chunks:
                yield chunk
        finally:
            await chunks.aclose()

    return rest()


async def _first(chunks: AsyncGenerator[Any]) -> AsyncGenerator[Any]:
    try:
        yield await anext(chunks)
    except StopAsyncIteration:
        return
