"""Answers as text and back: plain JSON and a closed list of classes, so that reading runs nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ChatMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, Generation, GenerationChunk
from pydantic import BaseModel

Usage: TypeAlias = Literal["keep", "zero"]
"""What a hit reports as its token usage: what the stored answer once cost, or nothing."""

_VERSION: Final = 1
GENERATIONS: Final[dict[str, type[Generation]]] = {
    kind.__name__: kind for kind in (Generation, GenerationChunk, ChatGeneration, ChatGenerationChunk)
}
MESSAGES: Final[dict[str, type[BaseMessage]]] = {
    kind.__name__: kind for kind in (AIMessage, AIMessageChunk, ChatMessage)
}
_NO_USAGE: Final = UsageMetadata(input_tokens=0, output_tokens=0, total_tokens=0)


def encode(generations: Sequence[Generation], *, fill_usage: bool = True) -> str | None:
    """Return `generations` as text, or None where the text would not read back as the same values.

    Message ids are left out: a graph replaces messages of equal id, and a replayed one overwrites an answer.
    fill_usage: complete a missing token usage, which LangChain's own handling of hits needs.
    """
    try:
        portable = [_portable(each, fill_usage) for each in generations]
        value = {"v": _VERSION, "generations": [_dump(each) for each in portable]}
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()  # refuses half a surrogate pair, which no store can hold
        return text if decode(text) == portable else None
    except (TypeError, ValueError, KeyError, RecursionError):
        return None


def decode(text: str, *, usage: Usage = "keep") -> list[Generation]:
    """Return new generations from text that `encode` wrote.

    Raises ValueError, KeyError or TypeError for any other text.
    """
    stored = json.loads(text)
    if stored["v"] != _VERSION or not stored["generations"]:
        raise ValueError("the stored answer is empty or of another version")
    return [_load(each, usage) for each in stored["generations"]]


def _dump(generation: Generation) -> dict[str, Any]:
    fields: dict[str, Any] = {"kind": type(generation).__name__, "info": generation.generation_info}
    if isinstance(generation, ChatGeneration):
        fields["message_kind"] = type(generation.message).__name__
        fields["message"] = generation.message.model_dump(warnings=False)
    else:
        fields["text"] = generation.text
    return fields


def _load(fields: dict[str, Any], usage: Usage) -> Generation:
    kind = GENERATIONS[fields["kind"]]
    if not issubclass(kind, ChatGeneration):
        return kind(text=fields["text"], generation_info=fields["info"])
    message = MESSAGES[fields["message_kind"]].model_validate(fields["message"])
    if usage == "zero" and isinstance(message, AIMessage):
        message.usage_metadata = UsageMetadata(**_NO_USAGE)
    return kind(message=message, generation_info=fields["info"])


def _portable(generation: Generation, fill_usage: bool) -> Generation:
    """Return a copy as a hit shall show it: no id, complete usage, a parsed model as its JSON."""
    if not isinstance(generation, ChatGeneration):
        return generation
    message = generation.message
    update: dict[str, Any] = {"id": None}
    if isinstance(message, AIMessage) and fill_usage:
        # LangChain adds a cost of zero to a hit's usage; alone it is no valid usage and breaks later reads.
        update["usage_metadata"] = {**_NO_USAGE, **(message.usage_metadata or {})}
    parsed = message.additional_kwargs.get("parsed")
    if isinstance(parsed, BaseModel):
        update["additional_kwargs"] = {**message.additional_kwargs, "parsed": _as_json(parsed)}
    return generation.model_copy(update={"message": message.model_copy(update=update)})


def _as_json(parsed: BaseModel) -> Any:
    """Return a structured answer's JSON, or the answer itself, to be refused, where that does not read back."""
    fields = parsed.model_dump(mode="json", by_alias=True, warnings=False)
    return fields if type(parsed).model_validate(fields) == parsed else parsed
