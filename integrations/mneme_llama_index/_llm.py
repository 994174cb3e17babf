"""Any LlamaIndex model, with its answers cached: `Settings.llm = cached_llm(OpenAI(...), cache)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from llama_index.core.llms import LLM
from llama_index.core.llms.structured_llm import StructuredLLM

from mneme import AsyncSemanticCache, InvalidArgumentError, SemanticCache
from mneme_llama_index._caching import Caching
from mneme_llama_index._link import Link
from mneme_llama_index._request import Context, Events, Mode
from mneme_llama_index._twin import twin_of

L = TypeVar("L", bound=LLM)


def cached_llm(
    llm: L,
    cache: SemanticCache | AsyncSemanticCache,
    *,
    namespace: str = "default",
    vary: Mapping[str, Any] | None = None,
    ttl: float | None = None,
    mode: Mode = "semantic",
    max_question_chars: int = 500,
    context: Context = "exact",
    events: Events = "model",
) -> L:
    """Return a copy of `llm` whose chats, completions and streams answer from `cache` where they can.

    The copy passes for one of the same class and shares the model's clients; `llm` itself stays uncached.
    vary: what else must be equal for an answer to be reused, such as settings that are no fields of it.
    ttl: seconds. mode: "exact" compares no meaning. max_question_chars: a longer question is compared exactly; texts
        that share a long part are alike, whatever they ask.
    context: what a query engine retrieved and the earlier turns of a chat must be equal for an answer to be reused
        ("exact"). What was retrieved may differ ("ignore": then name the index and its version in vary), or the turns
        may be worded differently ("similar"; see `mneme.Similar`: they are stored with the answer, in clear).
    events: callbacks, token counters and instrumentation are told of a hit what they are told of a call ("model"), or
        nothing but a `SemanticCacheHitEvent` ("hit").

    A failure of the cache is a WARNING on the logger `mneme.llama_index`, never the caller's error.
    """
    if isinstance(llm, StructuredLLM):
        options: dict[str, Any] = {"namespace": namespace, "vary": vary, "ttl": ttl, "mode": mode}
        inner = cached_llm(
            llm.llm, cache, max_question_chars=max_question_chars, context=context, events=events, **options
        )
        return llm.model_copy(update={"llm": inner})
    if not isinstance(llm, LLM):
        raise InvalidArgumentError(f"llm is of type {type(llm).__name__}; it is one of LlamaIndex's models.")
    if mode not in ("semantic", "exact"):
        raise InvalidArgumentError(f"mode is {mode!r}; it is 'semantic' or 'exact'.")
    if context not in ("exact", "ignore", "similar"):
        raise InvalidArgumentError(f"context is {context!r}; it is 'exact', 'ignore' or 'similar'.")
    if events not in ("model", "hit"):
        raise InvalidArgumentError(f"events is {events!r}; it is 'model' or 'hit'.")
    if ttl is not None and not ttl > 0:
        raise InvalidArgumentError(f"ttl is {ttl!r}; it is a number of seconds above 0, or None.")
    both = (cache.as_sync(), cache) if isinstance(cache, AsyncSemanticCache) else (cache, cache.as_async())
    return twin_of(llm, Caching, Link(*both, namespace, vary, ttl, mode, max_question_chars, context, events))
