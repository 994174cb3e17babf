"""Why a model's answers come from its cache or not, and taking one back, whichever way the model is cached."""

from __future__ import annotations

from typing import Any

from langchain_core.globals import get_llm_cache
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig

from mneme import Explanation
from mneme_langchain._link import Link
from mneme_langchain._model import LINK
from mneme_langchain._scope import run_of
from mneme_langchain._strings import Prompt, call_of, unbound
from mneme_langchain.cache import MnemeCache


def explain(prompt: Prompt, llm: Any, *, config: RunnableConfig | None = None) -> Explanation:
    """Return why a call of a cached model hits or misses.

    prompt: what was asked, as text or messages. llm: the model of `cached_model`, or one with a `MnemeCache`, its own
    or the global one; as it was called, with its tools or its structured output.
    config: the chain's, where `scope_from_config` reads it.
    Raises TypeError for a model without such a cache, InvalidArgumentError for a call that is not cached, and what the
    embedder raises.
    """
    link = link_of(llm)
    with run_of(config):
        return link.explain(prompt, llm) if isinstance(link, MnemeCache) else link.explain(*call_of(prompt, llm))


async def aexplain(prompt: Prompt, llm: Any, *, config: RunnableConfig | None = None) -> Explanation:
    """Return what `explain` returns."""
    link = link_of(llm)
    with run_of(config):
        if isinstance(link, MnemeCache):
            return await link.aexplain(prompt, llm)
        return await link.aexplain(*call_of(prompt, llm))


def report_wrong(prompt: Prompt, llm: Any, *, config: RunnableConfig | None = None) -> int:
    """Take back the answer that a call of a cached model gets, as `cache.report_wrong` does; 0 where it gets none.

    The arguments and errors are those of `explain`.
    """
    link = link_of(llm)
    with run_of(config):
        if isinstance(link, MnemeCache):
            return link.report_wrong(prompt, llm)
        return link.report_wrong(*call_of(prompt, llm))


async def areport_wrong(prompt: Prompt, llm: Any, *, config: RunnableConfig | None = None) -> int:
    """Do what `report_wrong` does."""
    link = link_of(llm)
    with run_of(config):
        if isinstance(link, MnemeCache):
            return await link.areport_wrong(prompt, llm)
        return await link.areport_wrong(*call_of(prompt, llm))


def link_of(llm: Any) -> Link | MnemeCache:
    """Return what a model, bound or not, asks before it answers. Raises TypeError where that is no cache of Mneme."""
    model, _ = unbound(llm)
    link: Link | None = getattr(type(model), LINK, None)
    found = link or _cache_of(model)
    if isinstance(found, Link | MnemeCache):
        return found
    raise TypeError(
        f"this {type(model).__name__} is not cached by Mneme: give the model that cached_model returned, or one with a "
        "MnemeCache."
    )


def _cache_of(model: BaseChatModel) -> Any:
    return get_llm_cache() if model.cache is None or model.cache is True else model.cache
