"""Why a cached model's answers come from its cache or not, and taking one back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.llms import LLM
from llama_index.core.prompts import BasePromptTemplate

from mneme import Explanation, InvalidArgumentError
from mneme_llama_index._caching import keyed
from mneme_llama_index._link import Link, predicting
from mneme_llama_index._request import Request
from mneme_llama_index._twin import LINK

Asked: TypeAlias = str | Sequence[ChatMessage] | BasePromptTemplate

_STREAM: Final = "stream_"


def explain(prompt: Asked, llm: LLM, *, stream: bool = False, **arguments: Any) -> Explanation:
    """Return why a call of a cached model hits or misses.

    prompt: the messages of a chat, the text of a completion, or the template of a prediction.
    stream: whether the answer was streamed; streams and whole answers are kept apart.
    arguments: the others of the call; of a template, what it is filled with.
    Raises TypeError for a model that is not cached, InvalidArgumentError for a call that is not, and what the embedder
    raises.
    """
    link, request = _request(prompt, llm, stream, arguments)
    return link.cache.explain(**link.place(request))


async def aexplain(prompt: Asked, llm: LLM, *, stream: bool = False, **arguments: Any) -> Explanation:
    """Return what `explain` returns."""
    link, request = _request(prompt, llm, stream, arguments)
    return await link.async_cache.explain(**link.place(request))


def report_wrong(prompt: Asked, llm: LLM, *, stream: bool = False, **arguments: Any) -> int:
    """Take back the answer that a call gets from the cache, as `cache.report_wrong` does; 0 where it gets none.

    The arguments and errors are those of `explain`.
    """
    link, request = _request(prompt, llm, stream, arguments)
    hit = link.cache.get(**link.place(request), mode=request.mode)
    return 0 if hit is None else link.cache.report_wrong(hit)


async def areport_wrong(prompt: Asked, llm: LLM, *, stream: bool = False, **arguments: Any) -> int:
    """Do what `report_wrong` does."""
    link, request = _request(prompt, llm, stream, arguments)
    hit = await link.async_cache.get(**link.place(request), mode=request.mode)
    return 0 if hit is None else await link.async_cache.report_wrong(hit)


def _request(prompt: Asked, llm: Any, stream: bool, arguments: dict[str, Any]) -> tuple[Link, Request]:
    link: Link | None = getattr(llm, LINK, None)
    if link is None:
        raise TypeError(f"this {type(llm).__name__} is not cached by Mneme: give the model that cached_llm returned.")
    prefix = _STREAM if stream else ""
    try:
        if not isinstance(prompt, BasePromptTemplate):
            return link, keyed(llm, link, f"{prefix}{_kind(prompt)}", prompt, arguments)
        with predicting(prompt, arguments):
            if llm.metadata.is_chat_model:
                return link, keyed(llm, link, f"{prefix}chat", llm._get_messages(prompt, **arguments), {})
            text = llm._get_prompt(prompt, **arguments)
            return link, keyed(llm, link, f"{prefix}complete", text, {"formatted": True})
    except Exception as error:  # arguments, media and settings are the user's: reading them may fail anyhow
        raise InvalidArgumentError(f"this call is not cached: {type(error).__name__}: {error}") from error


def _kind(prompt: str | Sequence[ChatMessage]) -> str:
    return "complete" if isinstance(prompt, str) else "chat"
