"""LangChain's cache interface over a Mneme cache."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from langchain_core.caches import BaseCache
from langchain_core.outputs import Generation

from mneme import (
    AsyncSemanticCache,
    CacheClosedError,
    Explanation,
    Hit,
    InvalidArgumentError,
    SemanticCache,
    StoreBackendError,
)
from mneme.model import Mode
from mneme.runtime.served import note_served
from mneme_langchain._codec import Usage, decode
from mneme_langchain._entry import Entry, entry_of
from mneme_langchain._messages import NotKeyedError
from mneme_langchain._request import MAX_QUESTION_CHARS, Context, QueryExtractor, Request, RequestBuilder
from mneme_langchain._scope import scope_of_run
from mneme_langchain._strings import Model, Prompt, strings_of

_log = logging.getLogger("mneme.langchain")


class MnemeCache(BaseCache):
    """Serves LangChain's model calls from a Mneme cache: `set_llm_cache(MnemeCache(cache))`.

    cache: a SemanticCache or an AsyncSemanticCache; both of LangChain's colours work over either.
    namespace: where answers are kept. `cache.scope(namespace=...)` stands in for "default" alone: leave it at that
        where scopes tell tenants apart.
    scope_from_config: names in the running chain's `configurable` or `metadata` whose values must be equal for a
        hit, such as ("user_id",). A call without them is not cached.
    query_extractor: given the text of the last user message, returns the part of it to compare by meaning; the
        rest must be equal. A result that is no part of the text makes the request exact only.
    ttl: seconds; None is the cache's default.
    usage: whether a hit reports the token usage of the stored answer ("keep") or none ("zero").
    max_question_chars: a longer question is answered by exact hits only.
    context: earlier turns must be equal ("exact"), or may be worded differently ("similar"; see `mneme.Similar`).

    A failure of the cache is a WARNING on the logger `mneme.langchain` and a miss, never the caller's error.
    """

    def __init__(
        self,
        cache: SemanticCache | AsyncSemanticCache,
        *,
        namespace: str = "default",
        scope_from_config: Sequence[str] = (),
        query_extractor: QueryExtractor | None = None,
        ttl: float | None = None,
        usage: Usage = "keep",
        max_question_chars: int = MAX_QUESTION_CHARS,
        context: Context = "exact",
    ) -> None:
        if not isinstance(cache, SemanticCache | AsyncSemanticCache):
            raise TypeError(
                f"MnemeCache needs a SemanticCache or an AsyncSemanticCache, got {cache!r}. "
                "Write MnemeCache(SemanticCache.open(...))."
            )
        self._sync, self._async = cache.as_sync(), cache.as_async()
        self._namespace = namespace
        self._scope_names = (scope_from_config,) if isinstance(scope_from_config, str) else tuple(scope_from_config)
        self._builder = RequestBuilder(query_extractor, max_question_chars, context)
        if ttl is not None and (isinstance(ttl, bool) or not isinstance(ttl, int | float) or not ttl > 0):
            raise InvalidArgumentError(f"ttl is {ttl!r}; it is a number of seconds above 0, or None.")
        self._keeping: dict[str, Any] = {"namespace": namespace, "ttl": ttl}
        self._usage: Usage = usage
        self._warned: set[str] = set()

    def lookup(self, prompt: str, llm_string: str) -> list[Generation] | None:
        """Return new copies of the answers stored for an equal or similar request, or None."""
        with self._guarded("lookup", "the model is asked"):
            request = self._request(prompt, llm_string)
            hit = self._sync.get(request.query, namespace=self._namespace, vary=request.vary, mode=request.mode)
            answer = self._decode(hit)
            if hit is not None and answer is None:
                self._sync.delete(hit.query, namespace=hit.namespace, vary=request.vary)
            return answer
        return None

    async def alookup(self, prompt: str, llm_string: str) -> list[Generation] | None:
        """Return what `lookup` returns; an exact hit does not leave the event loop."""
        with self._guarded("lookup", "the model is asked"):
            request = self._request(prompt, llm_string)
            hit = await self._async.get(request.query, namespace=self._namespace, vary=request.vary, mode=request.mode)
            answer = self._decode(hit)
            if hit is not None and answer is None:
                await self._async.delete(hit.query, namespace=hit.namespace, vary=request.vary)
            return answer
        return None

    def update(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        """Store complete answers; those that ask for tools are kept for exact hits only."""
        with self._guarded("update", "the answer is not kept"):
            entry = self._entry(prompt, llm_string, return_val)
            if entry is None:
                return
            query, response, vary, mode, usage = entry
            try:
                self._sync.put(query, response, vary=vary, mode=mode, usage=usage, **self._keeping)
            except Exception as error:
                _raise_unless_unembedded(error, mode)
                self._sync.put(query, response, vary=vary, mode="exact", usage=usage, **self._keeping)

    async def aupdate(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        """Store what `update` stores."""
        with self._guarded("update", "the answer is not kept"):
            entry = self._entry(prompt, llm_string, return_val)
            if entry is None:
                return
            query, response, vary, mode, usage = entry
            try:
                await self._async.put(query, response, vary=vary, mode=mode, usage=usage, **self._keeping)
            except Exception as error:
                _raise_unless_unembedded(error, mode)
                await self._async.put(query, response, vary=vary, mode="exact", usage=usage, **self._keeping)

    def explain(self, prompt: Prompt, llm: Model) -> Explanation:
        """Return why a request hits or misses.

        prompt, llm: LangChain's two strings; or what was asked, as text or messages, and the chat model, bound or not.
        Raises ValueError for a request that is not cached, and what the embedder raises.
        """
        request = self._asked(prompt, llm)
        return self._sync.explain(request.query, namespace=self._namespace, vary=request.vary)

    async def aexplain(self, prompt: Prompt, llm: Model) -> Explanation:
        """Return what `explain` returns."""
        request = self._asked(prompt, llm)
        return await self._async.explain(request.query, namespace=self._namespace, vary=request.vary)

    def report_wrong(self, prompt: Prompt, llm: Model) -> int:
        """Take back the answer that a request gets from the cache, as `cache.report_wrong` does; 0 where it gets none.

        prompt, llm: as for `explain`.
        """
        request = self._asked(prompt, llm)
        hit = self._sync.get(request.query, namespace=self._namespace, vary=request.vary, mode=request.mode)
        return 0 if hit is None else self._sync.report_wrong(hit)

    async def areport_wrong(self, prompt: Prompt, llm: Model) -> int:
        """Do what `report_wrong` does."""
        request = self._asked(prompt, llm)
        hit = await self._async.get(request.query, namespace=self._namespace, vary=request.vary, mode=request.mode)
        return 0 if hit is None else await self._async.report_wrong(hit)

    def clear(self, **kwargs: Any) -> None:
        """Remove every entry of this cache's namespace, or of the one given as `namespace=`.

        A scope's namespace stands in for "default", as everywhere.
        """
        self._sync.clear_namespace(self._meant(kwargs))

    async def aclear(self, **kwargs: Any) -> None:
        """Remove what `clear` removes."""
        self._async.clear_namespace(self._meant(kwargs))

    def __deepcopy__(self, memo: Any) -> MnemeCache:
        """Return this cache: a deep copy of a model shares its answers."""
        return self

    def _request(self, prompt: str, llm_string: str) -> Request:
        return self._builder.build(prompt, llm_string, scope_of_run(self._scope_names))

    def _meant(self, options: dict[str, Any]) -> str:
        named: str = options.get("namespace", self._namespace)
        # What counts are those of says which scope there is.
        return (self._async.stats().namespace or named) if named == "default" else named

    def _asked(self, prompt: Prompt, llm: Model) -> Request:
        try:
            return self._request(*strings_of(prompt, llm))
        except NotKeyedError as reason:
            raise InvalidArgumentError(f"this request is not cached: {reason}.") from reason

    def _entry(self, prompt: str, llm_string: str, generations: Sequence[Generation]) -> Entry | None:
        return entry_of(generations, lambda: self._request(prompt, llm_string))

    def _decode(self, hit: Hit | None) -> list[Generation] | None:
        if hit is None:
            return None
        try:
            answer = decode(hit.response, usage=self._usage)
        except (ValueError, KeyError, TypeError):
            _log.warning("removed an entry that holds no readable answer")
            return None
        note_served(hit)
        return answer

    @contextmanager
    def _guarded(self, what: str, consequence: str) -> Iterator[None]:
        """Turn errors into log lines. They name the error's type alone: its text may quote the prompt."""
        try:
            yield
        except NotKeyedError as reason:
            if str(reason) not in self._warned:
                self._warned.add(str(reason))
                _log.warning("not cached: %s", reason)
        except Exception as error:
            _log.warning("%s failed with %s; %s", what, type(error).__name__, consequence)


def _raise_unless_unembedded(error: Exception, mode: Mode) -> None:
    """Raise `error` again where a vector had no part in it; without one the answer still serves equal requests."""
    if mode == "exact" or isinstance(error, StoreBackendError | CacheClosedError):
        raise error
    _log.warning("no vector could be stored: %s; the answer serves equal requests only", type(error).__name__)
