"""What LangChain asks, as Mneme asks it: the text that may differ, and all that must be equal."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, TypeAlias, get_args

from mneme import Similar
from mneme.model import Mode
from mneme_langchain._identity import model_digest
from mneme_langchain._messages import Block, Message, looks_like_json, parse_messages

Context: TypeAlias = Literal["exact", "similar"]
QueryExtractor: TypeAlias = Callable[[str], str | None]
"""(text of the last user message, or a plain model's prompt) -> the part of it to compare by meaning."""

# Questions drown in a text they share. With the bundled embedder the median cosine of six different questions
# about an article was 0.38 alone, 0.85 behind 500 characters of it and 0.96 behind 1,500.
MAX_QUESTION_CHARS = 500
# An exact-only entry's query is for people who inspect the cache; the whole text is in `vary`, hashed.
_SHOWN = 200
_ROLES = {"human": "user", "ai": "assistant"}


@dataclass(frozen=True, slots=True)
class Request:
    """The arguments of `cache.get` and `cache.put`."""

    query: str
    vary: dict[str, Any]
    mode: Mode


@dataclass(frozen=True, slots=True)
class RequestBuilder:
    """Turns LangChain's two strings into a Request."""

    query_extractor: QueryExtractor | None
    max_question_chars: int
    context: Context = "exact"

    def __post_init__(self) -> None:
        if self.context not in get_args(Context):
            raise ValueError(f'context is {self.context!r}; it is "exact" or "similar".')

    def build(self, prompt: str, llm_string: str, scope: Mapping[str, str | int]) -> Request:
        """Return the request of a prompt.

        Semantic when the last message is the user's and its question is short enough for an embedding to tell
        it from others; all around the question must be equal then. Otherwise exact: everything must be equal.
        Raises NotKeyedError where the strings do not identify the request.
        """
        text, around = _split(prompt)
        before, question, after = self._question(text) if around.asks else ("", "", text)
        turns, rest = _turns(around.messages) if question and self.context == "similar" else ([], around.messages)
        context = [around.kind, bool(question), rest, before, after]
        vary: dict[str, Any] = {
            "client": "langchain/1",
            "model": model_digest(llm_string),
            "context": sha256(json.dumps(context, sort_keys=True).encode()).hexdigest(),
        }
        if question and self.context == "similar":
            vary["turns"] = Similar(turns)
        if scope:
            vary["scope"] = dict(scope)
        if question:
            return Request(question, vary, "semantic")
        return Request(text.strip()[:_SHOWN] or "(no text)", vary, "exact")

    def _question(self, text: str) -> tuple[str, str, str]:
        """Cut `text` into what stands before the question, the question, and what stands after it."""
        question = text if self.query_extractor is None else self.query_extractor(text)
        if not question or not question.strip() or len(question) > self.max_question_chars:
            return "", "", text
        before, found, after = text.rpartition(question)
        return (before, question, after) if found else ("", "", text)


@dataclass(frozen=True, slots=True)
class _Around:
    kind: str
    messages: list[Message]
    """The conversation with a gap where the text was."""
    asks: bool
    """Whether the text may be compared by meaning: it is the last word, and the user's."""


def _split(prompt: str) -> tuple[str, _Around]:
    """Return the text of the last user message (or a plain prompt) and the rest."""
    messages = parse_messages(prompt)
    if messages is None:
        return prompt, _Around("text", [], asks=not looks_like_json(prompt))
    for position in range(len(messages) - 1, -1, -1):
        if messages[position]["kind"] == "human":
            text, rest = _without_text(messages[position])
            gapped = [*messages[:position], rest, *messages[position + 1 :]]
            return text, _Around("chat", gapped, asks=position == len(messages) - 1)
    return "", _Around("chat", messages, asks=False)


def _turns(messages: list[Message]) -> tuple[list[dict[str, str]], list[Message]]:
    """Return the earlier turns that are nothing but text of user and assistant, and what must be equal.

    In what must be equal a turn leaves its kind, so that the other messages keep their places among the turns.
    """
    turns, rest = [], []
    for message in messages:
        texts = [block.get("text") for block in message["content"] if block.keys() == {"type", "text"}]
        is_plain = message.keys() == {"kind", "content"} and message["kind"] in _ROLES
        if is_plain and len(texts) == len(message["content"]) and all(isinstance(text, str) for text in texts):
            turns.append({"role": _ROLES[message["kind"]], "content": "\n".join(map(str, texts))})
            rest.append({"kind": message["kind"]})
        else:
            rest.append(message)
    return turns, rest


def _without_text(message: Message) -> tuple[str, Message]:
    """Return the last text block's text, and the message with a gap in its place.

    The blocks before it, such as a retrieved document, belong to what must be equal.
    """
    blocks: list[Block] = message["content"]
    for position in range(len(blocks) - 1, -1, -1):
        text = blocks[position].get("text")
        if blocks[position].get("type") == "text" and isinstance(text, str):
            gapped = [*blocks[:position], {**blocks[position], "text": None}, *blocks[position + 1 :]]
            return text, {**message, "content": gapped}
    return "", message
