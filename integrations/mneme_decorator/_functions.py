"""The cached function in both colours, twins but for the await."""

from __future__ import annotations

from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from mneme import MnemeError
from mneme_decorator._base import AsyncCached, SyncCached

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
S = TypeVar("S")


class CachedFunction(SyncCached[P, R], Generic[P, R]):
    """A function whose answers are cached."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return a cached answer, or the function's."""
        request = self._request_or_none(args, kwargs)
        ran = False

        def run() -> R:
            nonlocal ran
            ran = True
            answer: R = self._function(*args, **kwargs)
            return answer

        if request is None:
            return run()
        try:
            with self._overriding():
                outcome = self.cache.get_or_compute(compute=run, **self._how(request), **self._staleness())
        except MnemeError as error:
            if ran:
                raise
            self._keeping.warn("called without the cache", error)
            self._count("uncached")
            return run()
        return self._settle(request, outcome, ran)

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(
        self: CachedFunction[Concatenate[S, Q], R], instance: S, owner: type | None = None
    ) -> CachedFunction[Q, R]: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Return the function as a method."""
        return self if instance is None else self._bound_to(instance)


class CachedCoroutine(AsyncCached[P, R], Generic[P, R]):
    """A coroutine function whose answers are cached."""

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return a cached answer, or the function's."""
        request = self._request_or_none(args, kwargs)
        ran = False

        async def run() -> R:
            nonlocal ran
            ran = True
            answer: R = await self._function(*args, **kwargs)
            return answer

        if request is None:
            return await run()
        try:
            with self._overriding():
                outcome = await self.cache.get_or_compute(compute=run, **self._how(request), **self._staleness())
        except MnemeError as error:
            if ran:
                raise
            self._keeping.warn("called without the cache", error)
            self._count("uncached")
            return await run()
        return self._settle(request, outcome, ran)

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(
        self: CachedCoroutine[Concatenate[S, Q], R], instance: S, owner: type | None = None
    ) -> CachedCoroutine[Q, R]: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Return the function as a method."""
        return self if instance is None else self._bound_to(instance)
