"""From a call of a model to what the cache is asked: pure, no model is called and nothing looked up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from llama_index.core.base.llms.types import ChatMessage, MessageRole, TextBlock

from mneme import Similar
from mneme_llama_index._canonical import Json, canonical, renumbered

Mode: TypeAlias = Literal["semantic", "exact"]
Context: TypeAlias = Literal["exact", "ignore", "similar"]
Events: TypeAlias = Literal["model", "hit"]

_SPEAKERS = (MessageRole.USER.value, MessageRole.ASSISTANT.value)
# How ReActAgent and CodeActAgent hand a tool's result to the model in the user's name.
_TOOL_RESULTS = ("Observation:", "Result of executing the code given:")


@dataclass(frozen=True, slots=True)
class Request:
    """What the cache is asked for one call."""

    query: str
    """The text that may be worded differently."""
    vary: dict[str, Json]
    """All that must be equal."""
    mode: Mode


def chat_request(
    messages: Sequence[ChatMessage], arguments: Mapping[str, Any], common: dict[str, Json], call: str = "chat"
) -> Request:
    """Return the request of a chat: the last user message is asked, everything else must be equal.

    arguments: the other arguments of the call, tools among them. common: what the call shares with others.
    call: the kind of call, whose answers are kept apart from those of others.
    Exact only where the model is to go on from a tool's result or from its own words.
    Raises NotKeyedError or OSError for what cannot be keyed.
    """
    asked = max((at for at, message in enumerate(messages) if message.role == MessageRole.USER), default=-1)
    question = _question(messages[asked]) if asked >= 0 else None
    turns = [_turn(message, question if at == asked else None) for at, message in enumerate(messages)]
    vary = {**common, "call": call, "turns": renumbered(turns, {}), "arguments": canonical(arguments)}
    query = question.text if question else ""
    answers_user = asked == len(messages) - 1 and not query.startswith(_TOOL_RESULTS)
    return Request(query, vary, "semantic" if answers_user and query.strip() else "exact")


def completion_request(
    prompt: str, arguments: Mapping[str, Any], common: dict[str, Json], call: str = "complete"
) -> Request:
    """Return the request of a completion. Exact only for a prompt that was made from a template.

    Raises NotKeyedError or OSError for what cannot be keyed.
    """
    is_formatted = bool(arguments.get("formatted"))
    arguments = {**arguments, "formatted": is_formatted or None}
    vary = {**common, "call": call, "arguments": canonical(arguments)}
    is_question = bool(prompt.strip()) and not is_formatted
    return Request(prompt, vary, "semantic" if is_question else "exact")


def with_similar_turns(request: Request) -> Request:
    """Return the request of a chat whose earlier turns may be worded differently.

    Those that are one text of the user or the assistant; where they stood their role is left, so that all other
    messages keep their places among them.
    """
    *earlier, last = request.vary["turns"]
    texts = [_only_text(turn) for turn in earlier]
    said = [{"role": turn[0], "content": text} for turn, text in zip(earlier, texts, strict=True) if text is not None]
    rest = [turn if text is None else turn[:1] for turn, text in zip(earlier, texts, strict=True)]
    return Request(request.query, {**request.vary, "turns": [*rest, last], "said": Similar(said)}, request.mode)


def _only_text(turn: Json) -> str | None:
    match turn:
        case [role, [{"block_type": "text", "text": str(text), **more}], {**said_besides}]:
            is_plain = role in _SPEAKERS and not more and not said_besides and not text.startswith(_TOOL_RESULTS)
            return text if is_plain else None
        case _:
            return None


def _question(message: ChatMessage) -> TextBlock | None:
    """Return the last text of `message`; a text before it is a document or an order, and must be equal."""
    texts = [block for block in message.blocks if isinstance(block, TextBlock)]
    return texts[-1] if texts else None


def _turn(message: ChatMessage, question: TextBlock | None) -> Json:
    blocks = ["question" if block is question else canonical(block) for block in message.blocks]
    return [message.role.value, blocks, canonical(message.additional_kwargs)]
