"""What a person reads of an answer that an integration stored.

Integrations store answers as JSON, so that they come back as their clients' own objects. Only the shapes are known
here: whoever looks into a cache need not have the integration, or its client, installed.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

# Of a stored answer, whose shape is only known once it is read.
Json: TypeAlias = Any

_ENVELOPE: Final = re.compile(r"(?:answer |stream )?([{\[].*)", re.DOTALL)
_VECTOR: Final = re.compile(r"f([48]):([A-Za-z0-9+/]{16,})(={0,2})")
_THOUGHTS: Final = ("thinking", "redacted_thinking", "reasoning", "input_json_delta")
_NAMES: Final = ("name", "tool_name")
_ARGUMENTS: Final = ("input", "arguments", "args", "tool_kwargs")


def readable(stored: str) -> str:
    """Return the text of a stored answer and the tools it calls, or `stored` itself where its shape is not known.

    Known are the answers of `mneme_langchain` and `mneme_llama_index`, and those of OpenAI's and Anthropic's clients.
    """
    if (vector := _VECTOR.fullmatch(stored)) is not None:
        size, packed, padding = vector.groups()
        numbers = (len(packed) + len(padding)) * 3 // 4 - len(padding)
        return f"an embedding of {numbers // int(size):,} numbers"
    envelope = _ENVELOPE.fullmatch(stored)
    if envelope is None:
        return stored
    try:
        answers = [str(each) for each in _answers(json.loads(envelope[1]))]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return stored
    return "\n\n".join(filter(None, answers)) or stored


@dataclass(slots=True)
class _Answer:
    """What was said and called, gathered from the blocks and chunks of one answer."""

    text: str = ""
    others: list[str] = field(default_factory=list)
    calls: dict[Any, list[Json]] = field(default_factory=dict)
    """Name and arguments; a stream gives both in pieces, which have a number in common."""

    def call(self, number: Any, name: str | None, arguments: Json) -> None:
        held = self.calls.setdefault(len(self.calls) if number is None else number, ["", ""])
        held[0] += name or ""
        held[1] = arguments if isinstance(arguments, Mapping) else held[1] + (arguments or "")

    def __str__(self) -> str:
        calls = [f"calls tool {name}({_shown(arguments)})" for name, arguments in self.calls.values()]
        return "\n".join([*([self.text] if self.text.strip() else []), *self.others, *calls])


def _answers(stored: Json) -> Iterable[_Answer]:
    """Return the answers, none where the shape is not known; raises what a lookup in JSON does for a damaged one."""
    found: defaultdict[Any, _Answer] = defaultdict(_Answer)
    match stored:
        case {"v": 1, "generations": [*generations]}:
            for at, generation in enumerate(generations):
                _langchain(found[0 if generation["kind"].endswith("Chunk") else at], generation)
        case {"v": 2, "via": [*_], "answer": {**answer}}:
            _llama_index(found[0], answer)
        case {"v": 2, "via": [*_], "chunks": [*chunks]}:
            _llama_index(found[0], _last(chunks))
        case {"object": "chat.completion", "choices": [*choices]}:
            for choice in choices:
                _openai(found[choice["index"]], choice["message"])
        case [{"object": "chat.completion.chunk"}, *_]:
            for choice in [choice for chunk in stored for choice in chunk["choices"]]:
                _openai(found[choice["index"]], choice["delta"])
        case {"object": "response", "output": [*items]} | [*_, {"response": {"output": [*items]}}]:
            _blocks(found[0], items)
        case {"type": "message", "role": "assistant", "content": [*blocks]}:
            _blocks(found[0], blocks)
        case [{"type": "message_start"}, *_]:
            for event in stored:
                _anthropic(found[0], event)
    return found.values()


def _langchain(answer: _Answer, generation: Json) -> None:
    message = generation.get("message")
    if message is None:
        answer.text += generation["text"]
        return
    # An assistant's calls stand beside its content, and some clients repeat them there.
    _blocks(answer, message["content"], calls="tool_calls" not in message)
    extra = message.get("additional_kwargs") or {}
    calls = message.get("tool_call_chunks") or message.get("tool_calls")
    _openai(answer, {"tool_calls": calls} if calls else {**extra, "content": None})


def _llama_index(answer: _Answer, fields: Json) -> None:
    message = fields.get("message")
    if message is None:
        answer.text += fields["text"]
        return
    _blocks(answer, message["blocks"])
    if not answer.calls:
        _openai(answer, {**message["additional_kwargs"], "content": None})


def _last(chunks: list[Json]) -> Json:
    """Return the last of LlamaIndex's chunks, which holds all that was said; null means: as before, and the delta."""
    said = ""
    for chunk in chunks:
        blocks = chunk["message"]["blocks"] if "message" in chunk else [chunk]
        for block in blocks:
            if "text" in block:
                said = block["text"] = said + (chunk["delta"] or "") if block["text"] is None else block["text"]
    return chunks[-1]


def _openai(answer: _Answer, message: Json) -> None:
    """Read a message, or a part of one."""
    _blocks(answer, message.get("content") or "")
    for call in message.get("tool_calls") or ():
        function = call.get("function", call)
        answer.call(call.get("index"), function.get("name"), _first(function, _ARGUMENTS))
    if (call := message.get("function_call")) is not None:
        answer.call("function_call", call.get("name"), call.get("arguments"))


def _anthropic(answer: _Answer, event: Json) -> None:
    match event:
        case {"type": "content_block_start", "index": at, "content_block": {"type": "tool_use", "name": name}}:
            answer.call(at, name, None)
        case {"type": "content_block_start", "content_block": block}:
            _blocks(answer, [block])
        case {"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}}:
            answer.text += text
        case {"type": "content_block_delta", "index": at, "delta": {"partial_json": text}}:
            answer.call(at, None, text)


def _blocks(answer: _Answer, content: Json, *, calls: bool = True) -> None:
    """Read a content: a text, or blocks as all of these clients have them."""
    for block in [content] if isinstance(content, str) else content:
        kind = "text" if isinstance(block, str) else block.get("type") or block["block_type"]
        if isinstance(block, str):
            answer.text += block
        elif kind in ("text", "output_text"):
            answer.text += block["text"]
        elif kind == "message":
            _blocks(answer, block["content"])
        elif kind in ("tool_use", "tool_call", "function_call"):
            if calls:
                answer.call(None, _first(block, _NAMES), _first(block, _ARGUMENTS))
        elif kind not in _THOUGHTS:
            answer.others.append(f"[{kind}]")


def _first(fields: Mapping[str, Json], names: Iterable[str]) -> Json:
    return next((fields[name] for name in names if name in fields), None)


def _shown(arguments: Json) -> str:
    """Return a tool's arguments as they are written in a program: `city=Bern, days=3`."""
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except ValueError:
            return str(arguments)
    if not isinstance(arguments, Mapping):
        return str(arguments)
    said = {name: value if isinstance(value, str) else json.dumps(value) for name, value in arguments.items()}
    return ", ".join(f"{name}={value}" for name, value in said.items())
