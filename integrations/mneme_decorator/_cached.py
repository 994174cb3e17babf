"""The decorator."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar, overload

from mneme import AsyncSemanticCache, InvalidArgumentError, SemanticCache, usage_in
from mneme.engine.origins import check_sources, check_tags
from mneme_decorator._admission import calls_tools, is_complete, is_complete_stream, stream_calls_tools
from mneme_decorator._base import Cached, Options, SourceVersion, Tags, check_ttl
from mneme_decorator._codecs import Codec, codec_for, codec_for_stream
from mneme_decorator._functions import CachedCoroutine, CachedFunction
from mneme_decorator._introspection import return_annotation_of
from mneme_decorator._keeping import Keeping, UsageOf
from mneme_decorator._request import Arguments, Context, Mode, Plan, Query, Varying
from mneme_decorator._streams import CachedGenerator, CachedStream

P = ParamSpec("P")
R = TypeVar("R")


def cached(
    cache: SemanticCache | AsyncSemanticCache,
    *,
    query: Query | None = None,
    vary: Varying | None = None,
    ignore: Iterable[str] = (),
    ttl: float | None = None,
    namespace: str | Callable[[Arguments], str] | None = None,
    cache_if: Callable[[Any], bool] | None = None,
    codec: Codec | None = None,
    mode: Mode = "semantic",
    max_question_chars: int = 500,
    context: Context = "exact",
    tags: Tags = (),
    source_version: SourceVersion | None = None,
    stale_while_revalidate: float | None = None,
    usage: UsageOf | None = None,
) -> Decorator:
    """Return a decorator that caches the answers of a function, coroutine function, generator or async generator.

        @cached(cache)
        async def complete(messages: list[dict], *, model: str) -> ChatCompletion: ...

    query: the argument that may be worded differently, or a function that makes it from the arguments. By
        default `messages` (the last user message is asked, the rest must be equal), else `prompt`, `query`,
        `question` or `input`, else the only argument of type str.
    vary: the arguments that must be equal for an answer to be reused, or a function that gives a mapping of
        what must. By default all others; `self` counts by its attributes, and what a function inside another
        captures counts too. ignore: what is left out of that: arguments, captured variables, and "self.name".
    ttl: seconds. namespace: a text, or a function that gives it from the arguments.
    cache_if: whether an answer is stored. By default `is_complete`: not empty, not cut short, not refused. For a
        generator it is given the list of chunks, and `is_complete_stream` is the default.
    codec: turns answers into text and back. By default chosen by the return annotation.
    tags: texts, or a function of the answer that gives them, for `cache.invalidate(tags=...)`.
    source_version: sources with their versions, as {"handbook": "7"}, or a function of the answer, for
        `cache.invalidate(source=...)`.
    stale_while_revalidate: seconds after its ttl for which the answer of the same call is still given, while the
        function runs once in the background, in a thread or a task. Not for generators.
    usage: a function of the answer that gives the tokens it took, for what hits save in `cache.stats()`. By default the
        answer's own `usage` is read, as OpenAI and Anthropic report it.
    mode: "exact" compares no meaning. max_question_chars: a longer question is compared exactly; texts that share a
        long part are alike, whatever they ask.
    context: earlier turns of `messages` must be equal ("exact"), or may be worded differently ("similar"; see
        `mneme.Similar`: they are stored with the answer, in clear).

    Decorating raises TypeError where the function leaves open what is asked, or its answers cannot be kept.
    A call whose arguments have no key is made without the cache, with a WARNING on logger `mneme.decorator`.
    """
    if not isinstance(cache, SemanticCache | AsyncSemanticCache):
        raise TypeError(f"cached needs a cache, got {cache!r}. Write @cached(cache), then the function.")
    check_ttl(ttl)
    if mode not in ("semantic", "exact"):
        raise InvalidArgumentError(f"mode is {mode!r}; it is 'semantic' or 'exact'.")
    if context not in ("exact", "similar"):
        raise InvalidArgumentError(f"context is {context!r}; it is 'exact' or 'similar'.")
    check_ttl(stale_while_revalidate, "stale_while_revalidate")
    options = Options(
        ttl=ttl,
        tags=tags if callable(tags) else check_tags(tags),
        source_version=source_version if callable(source_version) else check_sources(source_version),
        stale_while_revalidate=stale_while_revalidate,
    )
    return Decorator(
        cache, query, vary, ignore, options, namespace, cache_if, codec, mode, max_question_chars, context, usage
    )


@dataclass(frozen=True, slots=True)
class Decorator:
    """What `cached` returns: give it a function."""

    _cache: SemanticCache | AsyncSemanticCache
    _query: Query | None
    _vary: Varying | None
    _ignore: Iterable[str]
    _options: Options
    _namespace: str | Callable[[Arguments], str] | None
    _cache_if: Callable[[Any], bool] | None
    _codec: Codec | None
    _mode: Mode
    _max_question_chars: int
    _context: Context
    _usage: UsageOf | None = None

    @overload  # all of these are functions too; the first signature that fits holds
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> CachedCoroutine[P, R]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, function: Callable[P, AsyncIterator[R]], /) -> CachedStream[P, R]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, function: Callable[P, Iterator[R]], /) -> CachedGenerator[P, R]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, function: Callable[P, R], /) -> CachedFunction[P, R]: ...
    def __call__(self, function: Callable[..., Any], /) -> Any:
        """Return `function`, cached."""
        kind = _kind_of(function)
        plan = Plan(
            function,
            query=self._query,
            vary=self._vary,
            ignore=self._ignore,
            namespace=self._namespace,
            mode=self._mode,
            max_question_chars=self._max_question_chars,
            context=self._context,
        )
        is_stream = kind in (CachedStream, CachedGenerator)
        if is_stream and self._options.stale_while_revalidate is not None:
            raise TypeError(f"{plan.name} is a generator; stale_while_revalidate is for functions that return.")
        codec = self._codec or _codec_of(function, plan.name, codec_for_stream if is_stream else codec_for)
        whole, calls = (is_complete_stream, stream_calls_tools) if is_stream else (is_complete, calls_tools)
        keeping = Keeping(plan.name, codec, self._cache_if or whole, calls, self._usage or usage_in)
        # The colour of the cache is that of the kind, which no type says.
        cache: Any = self._cache.as_async() if kind in (CachedCoroutine, CachedStream) else self._cache.as_sync()
        return kind(function, cache, plan, keeping, self._options)


def _kind_of(function: Callable[..., Any]) -> type[Cached[..., Any, Any]]:
    """Return the class that stands for a function of its kind. Raises TypeError for what cannot be cached."""
    if isinstance(function, classmethod | staticmethod):
        raise TypeError(f"put @cached below @{type(function).__name__}, next to the function.")
    inner = inspect.unwrap(function)
    if not (inspect.isfunction(inner) or inspect.ismethod(inner)) or not hasattr(function, "__qualname__"):
        raise TypeError(f"{function!r} is no plain function; wrap what it does in a def and decorate that.")
    # A decorator below may have hidden what it wraps.
    for is_kind, kind in (
        (inspect.isasyncgenfunction, CachedStream),
        (inspect.isgeneratorfunction, CachedGenerator),
        (inspect.iscoroutinefunction, CachedCoroutine),
    ):
        if is_kind(function) or is_kind(inner):
            return kind
    return CachedFunction


def _codec_of(function: Callable[..., Any], name: str, codec_of: Callable[[Any], Codec]) -> Codec:
    try:
        return codec_of(return_annotation_of(function))
    except TypeError as error:
        raise TypeError(
            f"{name}: {error}. Annotate what it returns with str, JSON types, a dataclass or a pydantic "
            "model, or give codec= with encode(answer) -> text and decode(text) -> answer."
        ) from error
