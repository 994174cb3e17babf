"""What to look up for a conversation: the last thing the user said, inside everything else."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from mneme.identity import calls_numbered
from mneme_decorator._canonical import Json, Unkeyable, canonical, is_model

# A message as clients take it: a mapping, or an object that turns into one.
Message: TypeAlias = Any

_USER = ("user", "human")
_SPEAKERS = {**dict.fromkeys(_USER, "user"), "assistant": "assistant", "ai": "assistant"}
_TEXT_TYPES = ("text", "input_text", "output_text")
_TOOL_RESULTS = ("tool_result", "function_call_output")
_TOOL_CALLS = ("function", "function_call", "tool_use", "tool_call", "custom", "custom_tool_call")


@dataclasses.dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation split in what may be worded differently and what must be equal."""

    query: str
    """The text of the last user message; of several texts, the last."""
    context: Json
    """All the rest: earlier turns, and what the last message holds beside its question."""
    answers_user: bool
    """Whether the model is to answer the user's words, and not a tool's result or its own beginning."""


def read(messages: Sequence[Message], where: str) -> Conversation:
    """Split `messages`, in any chat client's format of role and content.

    Tool call ids are replaced by their order: they differ between runs and say nothing.
    Raises Unkeyable for what is no conversation.
    """
    plain = [_plain(message, f"{where}[{position}]") for position, message in enumerate(messages)]
    asked = max((at for at, message in enumerate(plain) if _is_user(message)), default=None)
    query = "" if asked is None else _take_question(plain[asked])
    answers_user = asked is not None and asked == len(plain) - 1 and bool(query.strip())
    return Conversation(query, calls_numbered(canonical(plain, where), {}, _TOOL_CALLS), answers_user)


def turns_apart(context: list[Json]) -> tuple[list[dict[str, str]], list[Json]]:
    """Return the earlier turns that are one text of the user or the assistant, and what must be equal.

    context: of a conversation that answers the user, whose question is in the last message. In what must be equal a
    turn leaves its role, so that the other messages keep their places among the turns.
    """
    turns, rest = [], []
    for message in context[:-1]:
        text = _only_text(message)
        if text is None:
            rest.append(message)
        else:
            turns.append({"role": _SPEAKERS[message["role"]], "content": text})
            rest.append({"role": message["role"], "content": None})  # no message has a field that is None
    return turns, [*rest, context[-1]]


def _only_text(message: Json) -> str | None:
    if message.keys() != {"role", "content"} or message["role"] not in _SPEAKERS:
        return None
    blocks = _blocks(message)
    is_one = len(blocks) == 1 and _is_text(blocks[0]) and blocks[0].keys() == {"type", "text"}
    return blocks[0]["text"] if is_one else None


def _plain(message: Message, where: str) -> dict[str, Any]:
    if is_model(type(message)):
        message = message.model_dump()
    elif dataclasses.is_dataclass(message) and not isinstance(message, type):
        message = dataclasses.asdict(message)
    if not isinstance(message, Mapping):
        raise Unkeyable(f"{where} is of type {type(message).__name__}; a message is a mapping or a model.")
    # An absent field and one that is None mean the same to every chat API.
    return {name: item for name, item in message.items() if item is not None}


def _is_user(message: Mapping[str, Any]) -> bool:
    holds_result = any(_type_of(block) in _TOOL_RESULTS for block in _blocks(message))
    return message.get("role", message.get("type")) in _USER and not holds_result


def _take_question(message: dict[str, Any]) -> str:
    """Return the last text of `message`, leaving a mark in its place; a text before it is a document or an order."""
    blocks = _blocks(message)
    asked = max((at for at, block in enumerate(blocks) if _is_text(block)), default=None)
    if asked is None:
        return ""
    question: str = blocks[asked]["text"]
    blocks[asked] = {**blocks[asked], "text": ""}
    message["content"] = blocks
    return question


def _blocks(message: Mapping[str, Any]) -> list[Any]:
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return list(content) if isinstance(content, list | tuple) else []


def _is_text(block: Any) -> bool:
    return _type_of(block) in _TEXT_TYPES and isinstance(block.get("text"), str)


def _type_of(block: Any) -> Any:
    return block.get("type") if isinstance(block, Mapping) else None
