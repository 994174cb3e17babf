"""The cached generator in both colours, twins but for the await."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import aclosing, closing
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, cast, overload

from mneme import MnemeError, Outcome
from mneme_decorator._base import AsyncCached, SyncCached

P = ParamSpec("P")
Q = ParamSpec("Q")
T = TypeVar("T")
S = TypeVar("S")


class CachedGenerator(SyncCached[P, T], Generic[P, T]):
    """A generator function whose streams are cached: kept when they end by themselves, replayed chunk for chunk."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Generator[T]:
        """Yield a cached stream, or the function's; equal calls meanwhile read the same one."""
        request = self._request_or_none(args, kwargs)
        ran = False

        def run() -> Iterator[T]:
            nonlocal ran
            ran = True
            return cast("Iterator[T]", self._function(*args, **kwargs))

        outcome: Outcome[Iterator[T]] | None = None
        if request is not None:
            try:
                with self._overriding():
                    outcome = self.cache.get_or_stream(produce=run, **self._how(request))
            except MnemeError as error:
                self._keeping.warn("called without the cache", error)
                self._count("uncached")
        stream = run() if outcome is None else outcome.value
        with closing(cast("Generator[T]", stream)) as chunks:
            try:
                yield from chunks
            finally:
                if request is not None and outcome is not None:
                    self._count_outcome(request, outcome, ran)

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(
        self: CachedGenerator[Concatenate[S, Q], T], instance: S, owner: type | None = None
    ) -> CachedGenerator[Q, T]: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Return the function as a method."""
        return self if instance is None else self._bound_to(instance)


class CachedStream(AsyncCached[P, T], Generic[P, T]):
    """An async generator function whose streams are cached."""

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[T]:
        """Yield a cached stream, or the function's; equal calls meanwhile read the same one."""
        request = self._request_or_none(args, kwargs)
        ran = False

        def run() -> AsyncIterator[T]:
            nonlocal ran
            ran = True
            return cast("AsyncIterator[T]", self._function(*args, **kwargs))

        outcome: Outcome[AsyncIterator[T]] | None = None
        if request is not None:
            try:
                with self._overriding():
                    outcome = await self.cache.get_or_stream(produce=run, **self._how(request))
            except MnemeError as error:
                self._keeping.warn("called without the cache", error)
                self._count("uncached")
        stream = run() if outcome is None else outcome.value
        async with aclosing(cast("AsyncGenerator[T]", stream)) as chunks:
            try:
                async for chunk in chunks:
                    yield chunk
            finally:
                if request is not None and outcome is not None:
                    self._count_outcome(request, outcome, ran)

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(
        self: CachedStream[Concatenate[S, Q], T], instance: S, owner: type | None = None
    ) -> CachedStream[Q, T]: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Return the function as a method."""
        return self if instance is None else self._bound_to(instance)
