"""Reads the prompt string LangChain hands to a cache, without building any object from it.

A chat model's prompt is `dumps(messages)`: a JSON list of `{"lc": 1, "type": "constructor", "id": [...],
"kwargs": {...}}`. It is read with plain JSON and a check of its shape; `langchain_core.load.loads` would
instantiate what the text names. Any other prompt is a plain model's text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

# A message or a block is JSON whose shape is the caller's, hence Any.
Message: TypeAlias = dict[str, Any]
Block: TypeAlias = dict[str, Any]

_ESCAPED = "__lc_escaped__"
# What changes from call to call although the conversation is the same, or never reaches the model.
_VOLATILE = frozenset({"id", "type", "usage_metadata", "response_metadata", "artifact"})
_STREAMED = frozenset({"tool_call_chunks", "chunk_position"})
_CALLS = ("tool_calls", "invalid_tool_calls")
# What of a block beside its id does not tell it from another.
_ABOUT = frozenset(
    {
        "id",
        "type",
        "index",
        "source_type",
        "mime_type",
        "filename",
        "extras",
        "metadata",
        "annotations",
        "cache_control",
    }
)
_ID_KEYS = ("id", "call_id", "tool_use_id", "tool_call_id")


class NotKeyedError(Exception):
    """LangChain's strings do not tell which request this is, so it is not cached."""


def looks_like_json(prompt: str) -> bool:
    """Say whether `prompt` is a serialised structure, in which a question would drown when embedded."""
    return prompt.lstrip()[:2] in ("[{", "[]") or prompt.lstrip()[:1] == "{"


def parse_messages(prompt: str) -> list[Message] | None:
    """Return the messages of a chat prompt in canonical form, or None where it is not one.

    Canonical: a kind (human, ai, tool ...), content as a list of blocks, and the fields the model sees. Ids,
    usage and response metadata are gone (LangChain changes them on a hit), tool calls are numbered in their
    order, and a streamed message equals a whole one.
    Raises NotKeyedError for values LangChain could only describe, not serialise.
    """
    if not prompt.startswith("[{"):
        return None
    try:
        raw = json.loads(prompt)
    except (ValueError, RecursionError):
        return None
    if not all(_is_message(item) for item in raw):
        return None
    fields = [item["kwargs"] for item in raw]
    numbers = _tool_call_numbers(fields)
    messages = [_canonical(each, numbers) for each in fields]
    _refuse_descriptions(messages)
    return messages


def _is_message(item: Any) -> bool:
    if not (isinstance(item, dict) and item.get("lc") == 1 and item.get("type") == "constructor"):
        return False
    fields = item.get("kwargs")
    return (
        isinstance(fields, dict)
        and isinstance(fields.get("type"), str)
        and isinstance(fields.get("content"), str | list)
    )


def _visible(fields: Message) -> Message:
    return {name: value for name, value in fields.items() if name not in _VOLATILE | _STREAMED}


def _refuse_descriptions(values: Iterable[Any]) -> None:
    """Raise NotKeyedError where LangChain wrote an object's repr, which two objects may share."""
    for value in values:
        if isinstance(value, dict):
            if value.get("lc") == 1 and value.get("type") == "not_implemented":
                raise NotKeyedError("a message holds a value that LangChain cannot serialise")
            _refuse_descriptions(value.values())
        elif isinstance(value, list):
            _refuse_descriptions(value)


def _canonical(fields: Message, numbers: dict[str, str]) -> Message:
    message = _visible(fields)
    message["kind"] = fields["type"].removesuffix("Chunk").removesuffix("Message").lower()
    message["content"] = [_numbered(block, numbers) for block in _blocks(fields["content"])]
    for name in _CALLS:
        calls = [_numbered(call, numbers) for call in message.pop(name, None) or ()]
        if calls:
            message[name] = calls
    extra = {name: value for name, value in (message.pop("additional_kwargs", None) or {}).items() if name != "parsed"}
    if any(name in message for name in _CALLS):
        extra.pop("tool_calls", None)  # the provider's spelling of the same calls
    if extra:
        message["additional_kwargs"] = extra
    return _numbered(message, numbers)


def _blocks(content: str | list[Any]) -> Iterator[Block]:
    """Yield content as blocks: text that came bare and text that came as a block are the same."""
    for item in [content] if isinstance(content, str) else content:
        if isinstance(item, str):
            if item:
                yield {"type": "text", "text": item}
        elif isinstance(item, dict):
            yield item[_ESCAPED] if item.keys() == {_ESCAPED} else item
        else:
            yield {"type": "unknown", "value": item}


def _tool_call_numbers(messages: list[Message]) -> dict[str, str]:
    """Number the tool calls in their order: providers give them random ids."""
    numbers: dict[str, str] = {}
    for message in messages:
        for name in _CALLS:
            for call in message.get(name) or ():
                if isinstance(call.get("id"), str):
                    numbers.setdefault(call["id"], f"call {len(numbers)}")
    return numbers


def _numbered(value: dict[str, Any], numbers: dict[str, str]) -> dict[str, Any]:
    """Return a block, call or message with numbers for tool call ids and without ids LangChain made up."""
    renamed: dict[str, Any] = {}
    for name, item in value.items():
        if name == "id" and isinstance(item, str) and item.startswith("lc_") and _says_more(value):
            continue
        renamed[name] = numbers.get(item, item) if name in _ID_KEYS and isinstance(item, str) else item
    return renamed


def _says_more(block: dict[str, Any]) -> bool:
    """Return whether a block is known by more than its id, which may be that of an uploaded file."""
    return block.get("source_type") != "id" and bool(block.keys() - _ABOUT)
