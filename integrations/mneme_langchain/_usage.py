"""The tokens that an answer took, as LangChain reports them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, Generation

from mneme import TokenUsage, usage_in

_MODEL_KEYS = ("model_name", "model", "model_id")


def usage_of(answer: Sequence[Generation] | ChatResult) -> TokenUsage | None:
    """Return the tokens of an answer, None where its model does not say; several generations report the same ones.

    Never raises: a model's class may report anything, and its answer is cached without, then.
    """
    try:
        generations = answer.generations if isinstance(answer, ChatResult) else answer
        messages = [each.message for each in generations if isinstance(each, ChatGeneration)]
        return next((found for found in (_added([each]) for each in messages) if found is not None), None)
    except Exception:
        return None


def usage_of_stream(chunks: list[ChatGenerationChunk]) -> TokenUsage | None:
    """Return the tokens of a stream: what its chunks report adds up. Never raises, as `usage_of`."""
    try:
        return _added([chunk.message for chunk in chunks])
    except Exception:
        return None


def _added(messages: Iterable[Any]) -> TokenUsage | None:
    total = output = cached = 0
    model = ""
    for message in messages:
        usage = getattr(message, "usage_metadata", None) or {}
        total += usage.get("input_tokens") or 0
        output += usage.get("output_tokens") or 0
        cached += (usage.get("input_token_details") or {}).get("cache_read") or 0
        known = getattr(message, "response_metadata", None) or {}
        model = model or next((known[key] for key in _MODEL_KEYS if isinstance(known.get(key), str)), "")
    details = {"cached_tokens": cached}
    return usage_in(
        {"model": model, "usage": {"input_tokens": total, "output_tokens": output, "input_tokens_details": details}}
    )
