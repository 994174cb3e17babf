"""The tokens that an answer took, as the model's client or LlamaIndex reports them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse
from llama_index.core.llms import LLM

from mneme import TokenUsage, usage_in


def usage_of(llm: LLM, answer: ChatResponse | CompletionResponse | list[Any]) -> TokenUsage | None:
    """Return the tokens of an answer, or of a stream's chunks; None where nobody says."""
    parts: list[Any] = answer if isinstance(answer, list) else [answer]
    found = usage_in([part.raw for part in parts]) or usage_in([{"usage": part.additional_kwargs} for part in parts])
    if found is None or found.model:
        return found
    name = getattr(getattr(llm, "metadata", None), "model_name", "")
    return replace(found, model=name) if isinstance(name, str) else found
