"""Which answers may be stored, and which of them served for another wording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from llama_index.core.base.llms.types import (
    ChatResponse,
    CompletionResponse,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

Answer: TypeAlias = ChatResponse | CompletionResponse

_REASONS = ("finish_reason", "stop_reason", "done_reason", "status")
# What providers call an answer that was cut short or held back.
_INCOMPLETE = (
    # OpenAI and those who speak its format, Ollama, Mistral
    *("length", "content_filter", "model_length", "error", "incomplete", "failed", "cancelled", "refusal"),
    # Anthropic, Bedrock, Cohere
    *("max_tokens", "pause_turn", "model_context_window_exceeded"),
    *("content_filtered", "guardrail_intervened", "error_toxic", "error_limit"),
    # Google
    *("max_output_tokens", "safety", "recitation", "blocklist", "prohibited_content", "spii", "other"),
    *("malformed_function_call", "unexpected_tool_call"),
)


def admits(answer: Answer) -> bool | Literal["exact"]:
    """Say whether an answer may be stored; one that calls tools for the same request alone."""
    return is_complete(answer) and ("exact" if calls_tools(answer) else True)


def admits_stream(chunks: Sequence[Answer]) -> bool | Literal["exact"]:
    """Say whether a stream may be stored: its last chunk holds all that was said, any may say how it ended."""
    if not chunks or not _has_ended(chunks) or any(_said(place) for chunk in chunks for place in _places(chunk)):
        return False
    return admits(chunks[-1])


def is_complete(answer: Answer) -> bool:
    """Whether `answer` is neither empty nor, as far as its provider says, cut short or refused."""
    if any(_said(place) for place in _places(answer)):
        return False
    if isinstance(answer, CompletionResponse):
        return bool(answer.text.strip())
    blocks = answer.message.blocks
    texts = [block.text for block in blocks if isinstance(block, TextBlock)]
    others = [block for block in blocks if not isinstance(block, TextBlock | ThinkingBlock)]
    return bool(others) or any(text.strip() for text in texts) or calls_tools(answer)


def calls_tools(answer: Answer) -> bool:
    """Whether `answer` asks for tools to be run: their arguments belong to one wording of the question."""
    if isinstance(answer, CompletionResponse):
        return False
    in_blocks = any(isinstance(block, ToolCallBlock) for block in answer.message.blocks)
    return in_blocks or bool(answer.message.additional_kwargs.keys() & {"tool_calls", "function_call"})


def _has_ended(chunks: Sequence[Answer]) -> bool:
    """Return False for a stream of OpenAI's format whose chunks give no reason for its end: it broke off."""
    listed = [_get(chunk.raw, "choices") for chunk in chunks]
    choices = [choice for choices in listed if isinstance(choices, list | tuple) for choice in choices]
    return not choices or any(_get(choice, "finish_reason") for choice in choices)


def _places(answer: Answer) -> list[Any]:
    """Return where providers report how an answer ended."""
    raw = answer.raw
    message = answer.message.additional_kwargs if isinstance(answer, ChatResponse) else {}
    listed = [_get(raw, "choices"), _get(raw, "candidates")]
    items = [item for items in listed if isinstance(items, list | tuple) for item in items]
    return [raw, answer.additional_kwargs, message, *items, *(_get(item, "message") for item in items)]


def _said(place: Any) -> bool:
    """Return whether `place` says that the answer is not whole."""
    words = (str(_get(place, name)).rpartition(".")[2].lower() for name in _REASONS)
    return bool(_get(place, "refusal")) or any(word in _INCOMPLETE for word in words)


def _get(place: Any, name: str) -> Any:
    return place.get(name) if isinstance(place, Mapping) else getattr(place, name, None)
