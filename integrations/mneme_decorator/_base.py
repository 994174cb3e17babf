"""What the sync and the async cached function share: everything but the call itself."""

from __future__ import annotations

import copy
import functools
import inspect
import threading
import types
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields, replace
from typing import Any, Generic, ParamSpec, Self, TypeAlias, TypeVar, cast

from mneme import AsyncSemanticCache, Explanation, Hit, InvalidArgumentError, Outcome, SemanticCache
from mneme.runtime.served import note_served
from mneme_decorator._keeping import Keeping
from mneme_decorator._request import Plan, Request

Tags: TypeAlias = Iterable[str] | Callable[[Any], Iterable[str]]
"""Tags of an answer, or a function of the answer (for a generator: of the list of chunks)."""
SourceVersion: TypeAlias = Mapping[str, str] | Callable[[Any], Mapping[str, str]]
"""Sources of an answer with their versions, or a function of the answer."""

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=SemanticCache | AsyncSemanticCache)


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """What became of the calls of one function in this process."""

    hits_exact: int
    hits_semantic: int
    misses: int
    """Calls for which the function ran."""
    shared: int
    """Calls that got the answer of an equal one under way, which was not kept."""
    uncached: int
    """Calls whose arguments have no key, or that the cache could not serve."""
    refused: int = 0
    """Calls that got an answer again that may not be kept, while `negative_ttl` lasted."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a function is called: see `Cached.options`."""

    bypass: bool = False
    refresh: bool = False
    read_only: bool = False
    ttl: float | None = None
    namespace: str | None = None
    tags: Tags = ()
    source_version: SourceVersion | None = None
    stale_while_revalidate: float | None = None


class Cached(Generic[P, R, C]):
    """A function whose answers are cached. It is called as the function is."""

    __wrapped__: Callable[P, Any]

    def __init__(self, function: Callable[P, Any], cache: C, plan: Plan, keeping: Keeping, options: Options) -> None:
        functools.update_wrapper(cast(Any, self), function)  # typed for functions, works on any object
        self.cache = cache
        self._function: Callable[..., Any] = function
        self._plan = plan
        self._keeping = keeping
        self._options = options
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        _look_like_a_function(self, function)

    def options(
        self,
        *,
        bypass: bool = False,
        refresh: bool = False,
        read_only: bool = False,
        ttl: float | None = None,
        namespace: str | None = None,
    ) -> Self:
        """Return the same function, called another way: `await ask.options(refresh=True)("How are you?")`.

        bypass: the cache is left out. refresh: the function runs, and its answer replaces the one kept.
        read_only: nothing is stored. These three hold for cached functions called further down, too.
        ttl: seconds. namespace: instead of the function's own.
        """
        check_ttl(ttl)
        return self._changed(
            _options=replace(
                self._options,
                bypass=bypass,
                refresh=refresh,
                read_only=read_only,
                ttl=self._options.ttl if ttl is None else ttl,
                namespace=self._options.namespace if namespace is None else namespace,
            )
        )

    def cache_key(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """Return the exact key of a call, hexadecimal. Raises TypeError for arguments that have none."""
        return self.cache.key(**self._place(self._request(args, kwargs), mode=False))

    def cache_info(self) -> CacheInfo:
        """Return what became of the calls so far."""
        with self._lock:
            return CacheInfo(*[self._counts[field.name] for field in fields(CacheInfo)])

    def cache_clear(self) -> None:
        """Remove everything in the function's own namespace, and start counting anew.

        Raises InvalidArgumentError where the function has none: others keep their answers in the same one.
        """
        namespace = self._options.namespace or self._plan.own_namespace
        if namespace is None:
            raise InvalidArgumentError(
                f"{self._plan.name} has no namespace of its own: clearing would remove answers of others. "
                "Decorate it with namespace='…', or call cache.clear_namespace('…') or .invalidate(…)."
            )
        self.cache.clear_namespace(namespace)
        with self._lock:
            self._counts.clear()

    @property  # type: ignore[misc]  # nobody sets it
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The class of functions: a pydantic model then takes it for a method, where it would want a field."""
        return types.FunctionType

    def __reduce__(self) -> str:
        """Pickled by name and copied as itself, as functions are."""
        return self.__qualname__  # type: ignore[attr-defined,no-any-return]  # set by update_wrapper

    def _changed(self, **changes: Any) -> Self:
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, **changes)
        return other

    def _bound_to(self, instance: object) -> Any:
        """Return the function as a method of `instance`."""
        method = types.MethodType(self._function, instance)
        plan = self._plan.bound_to(instance)
        return self._changed(_function=method, __wrapped__=method, _plan=plan)

    def _request(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Request:
        return self._plan.request(self._plan.bind(args, kwargs))

    def _request_or_none(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Request | None:
        """Return what to ask the cache, or None when it is to be left out of this call."""
        try:
            request = self._request(args, kwargs)
        except Exception as error:  # arguments without a key, or the user's query=, vary= or namespace= failed
            self._keeping.warn("called without the cache", error)
            self._count("uncached")
            return None
        for reason in request.formless:
            self._keeping.warn("not in the key", reason)
        return request

    def _place(self, request: Request, *, mode: bool = True) -> dict[str, Any]:
        namespace = self._options.namespace or request.namespace
        place = {"query": request.query, "namespace": namespace, "vary": request.vary}
        return {**place, "mode": request.mode} if mode else place

    def _how(self, request: Request) -> dict[str, Any]:
        """Return the keyword arguments of `get_or_compute` and `get_or_stream` that do not depend on which."""
        keeping = {"codec": self._keeping, "cache_if": self._keeping.admits, "usage": self._keeping.used}
        options = self._options
        origins = {"tags": options.tags, "source_version": options.source_version}
        return {**self._place(request), **keeping, **origins, "ttl": options.ttl}

    def _staleness(self) -> dict[str, Any]:
        """Return what `get_or_compute` alone takes."""
        return {"stale_while_revalidate": self._options.stale_while_revalidate}

    def _overriding(self) -> AbstractContextManager[None]:
        options = self._options
        if not (options.bypass or options.refresh or options.read_only):
            return nullcontext()  # whatever override holds around the call
        return self.cache.override(bypass=options.bypass, refresh=options.refresh, read_only=options.read_only)

    def _settle(self, request: Request, outcome: Outcome[R], ran: bool) -> R:
        """Count the outcome of a call and return the caller's own answer."""
        self._count_outcome(request, outcome, ran)
        return outcome.value if ran or outcome.hit is not None else _own(outcome.value)

    def _count_outcome(self, request: Request, outcome: Outcome[Any], ran: bool) -> None:
        note_served(outcome.hit)
        if outcome.hit is not None:
            self._count(f"hits_{outcome.hit.layer}")
        elif outcome.status == "refused":
            self._count("refused")
        else:
            self._count("misses" if ran else "shared")
        if ran:
            self._watch(request)

    def _watch(self, request: Request) -> None:
        """Warn where the function changed what its answers are told apart by: none of them will be found again."""
        moved = request.moved()
        if moved:
            self._keeping.warn(
                f"{', '.join(moved)} changed while it ran, and is in the key",
                "answers from before the change are not found. Where it changes no answer, name it in ignore=.",
            )

    def _count(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1


class SyncCached(Cached[P, R, SemanticCache], Generic[P, R]):
    """What all cached functions that are not awaited can do."""

    def lookup(self, *args: P.args, **kwargs: P.kwargs) -> Hit | None:
        """Return the entry that would answer a call. Raises TypeError for arguments without a key."""
        with self._overriding():
            hit: Hit | None = self.cache.get(**self._place(self._request(args, kwargs)))
        return hit

    def explain(self, *args: P.args, **kwargs: P.kwargs) -> Explanation:
        """Return why a call hits or misses. Raises TypeError for arguments without a key."""
        return self.cache.explain(**self._place(self._request(args, kwargs), mode=False))

    def report_wrong(self, *args: P.args, **kwargs: P.kwargs) -> int:
        """Take back the answer that a call gets from the cache, as `cache.report_wrong` does; 0 where it gets none."""
        hit = self.cache.get(**self._place(self._request(args, kwargs)))
        return 0 if hit is None else self.cache.report_wrong(hit)

    def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Remove the answer kept for exactly this call; say whether there was one."""
        return self.cache.delete(**self._place(self._request(args, kwargs), mode=False))


class AsyncCached(Cached[P, R, AsyncSemanticCache], Generic[P, R]):
    """What all cached functions that are awaited can do."""

    async def lookup(self, *args: P.args, **kwargs: P.kwargs) -> Hit | None:
        """Return the entry that would answer a call. Raises TypeError for arguments without a key."""
        with self._overriding():
            hit: Hit | None = await self.cache.get(**self._place(self._request(args, kwargs)))
        return hit

    async def explain(self, *args: P.args, **kwargs: P.kwargs) -> Explanation:
        """Return why a call hits or misses. Raises TypeError for arguments without a key."""
        return await self.cache.explain(**self._place(self._request(args, kwargs), mode=False))

    async def report_wrong(self, *args: P.args, **kwargs: P.kwargs) -> int:
        """Take back the answer that a call gets from the cache, as `cache.report_wrong` does; 0 where it gets none."""
        hit = await self.cache.get(**self._place(self._request(args, kwargs)))
        return 0 if hit is None else await self.cache.report_wrong(hit)

    async def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Remove the answer kept for exactly this call; say whether there was one."""
        return await self.cache.delete(**self._place(self._request(args, kwargs), mode=False))


def check_ttl(ttl: float | None, name: str = "ttl") -> None:
    """Raise InvalidArgumentError unless `ttl` is None or seconds."""
    if ttl is not None and (isinstance(ttl, bool) or not isinstance(ttl, int | float) or not ttl > 0):
        raise InvalidArgumentError(f"{name} is {ttl!r}; it is a number of seconds above 0, or None.")


def _own(answer: R) -> R:
    """Return a copy, so that callers who shared one answer can change theirs."""
    try:
        return copy.deepcopy(answer)
    except Exception:  # an answer may hold anything; without a copy they share it
        return answer


def _look_like_a_function(wrapper: Cached[Any, Any, Any], function: Callable[..., Any]) -> None:
    """Give `wrapper` what `inspect` and others read of a function."""
    inner = inspect.unwrap(function)
    for name in ("__code__", "__defaults__", "__kwdefaults__", "__closure__", "__globals__"):
        setattr(wrapper, name, getattr(function, name, getattr(inner, name, None)))
