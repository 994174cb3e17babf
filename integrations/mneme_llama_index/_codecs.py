"""LlamaIndex's answers as JSON text, and back as new objects. Nothing is pickled."""

from __future__ import annotations

import json
from typing import Any, Generic, TypeVar

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

R = TypeVar("R", ChatResponse, CompletionResponse)

_VERSION = 2
_PLAIN = ("chat", "complete", "stream_chat", "stream_complete")
_METHODS = {*_PLAIN, *(f"a{name}" for name in _PLAIN)}


class ResponseCodec(Generic[R]):
    """For one answer of one of LlamaIndex's kinds. `raw`, the client's own object, comes back as a mapping.

    via: the model's other methods that the answer came through, outermost first; stored with it and read back.
    """

    def __init__(self, kind: type[R]) -> None:
        self._kind: type[R] = kind
        self.via: list[str] = []

    def encode(self, value: R) -> str | None:
        """Return `value` as JSON, or None for one that would come back different."""
        try:
            text = _written(self.via, answer=_fields(value))
            copy = self.decode(text)
        except (TypeError, ValueError, RecursionError):  # pydantic's errors are ValueErrors
            return None
        return text if _content(copy) == _content(value) else None

    def decode(self, text: str) -> R:
        """Return the answer kept as `text`. Raises ValueError when it is damaged."""
        stored = _read(text, self.via)
        return self._kind.model_validate(stored["answer"])


class StreamCodec(Generic[R]):
    """For one stream of one of LlamaIndex's kinds of answer; `via` as for an answer.

    Each chunk holds all that was said so far: where that is the chunk before and its delta, it is left out.
    """

    def __init__(self, kind: type[R]) -> None:
        self._kind: type[R] = kind
        self.via: list[str] = []

    def encode(self, value: list[R]) -> str | None:
        """Return the chunks as JSON, or None for chunks that would come back different."""
        try:
            said, chunks = "", []
            for chunk in value:
                fields = _fields(chunk)
                holder, name = _text_of(fields)
                if holder is not None:
                    whole = holder[name]
                    if whole == said + (fields["delta"] or ""):
                        holder[name] = None
                    said = whole
                chunks.append(fields)
            text = _written(self.via, chunks=chunks)
            copies = self.decode(text)
        except (TypeError, ValueError, RecursionError):
            return None
        return text if list(map(_content, copies)) == list(map(_content, value)) else None

    def decode(self, text: str) -> list[R]:
        """Return the chunks kept as `text`. Raises ValueError when they are damaged."""
        stored = _read(text, self.via)
        said = ""
        for fields in stored["chunks"]:
            holder, name = _text_of(fields)
            if holder is not None:
                said = holder[name] = said + (fields["delta"] or "") if holder[name] is None else holder[name]
        return [self._kind.model_validate(fields) for fields in stored["chunks"]]


def _written(via: list[str], **content: Any) -> str:
    return json.dumps({"v": _VERSION, "via": via, **content}, allow_nan=False)


def _read(text: str, via: list[str]) -> dict[str, Any]:
    stored = json.loads(text)
    if not isinstance(stored, dict) or stored.get("v") != _VERSION or not _METHODS.issuperset(stored["via"]):
        raise ValueError("this answer was stored by another version")
    via[:] = stored["via"]
    return stored


def _fields(value: ChatResponse | CompletionResponse) -> dict[str, Any]:
    fields = value.model_dump(mode="json", exclude={"raw"}, warnings=False)
    return {**fields, "raw": _plain(value.raw)}


def _text_of(fields: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """Return the mapping that holds what was said so far, and its key there; None where that is not one text."""
    if "message" not in fields:
        return fields, "text"
    blocks = fields["message"]["blocks"]
    return (blocks[0], "text") if len(blocks) == 1 and blocks[0].get("block_type") == "text" else (None, "")


def _plain(raw: Any) -> Any:
    """Return the client's own object as JSON; what JSON cannot say in it becomes None."""
    if isinstance(raw, BaseModel):
        raw = raw.model_dump(exclude_unset=True, warnings=False)
    try:
        return to_jsonable_python(raw, inf_nan_mode="null", fallback=lambda _: None)
    except ValueError:
        return None


def _content(value: ChatResponse | CompletionResponse) -> Any:
    """Return what a copy must have in common: all but the client's own objects."""
    if isinstance(value, ChatResponse):
        return value.message.role, value.message.blocks, value.delta, value.logprobs
    return value.text, value.delta, value.logprobs
