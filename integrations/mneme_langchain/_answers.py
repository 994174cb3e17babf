"""What a wrapped model stores: a whole answer or the chunks of a stream, each readable as the other."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Literal

from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, Generation

from mneme_langchain._admission import calls_tools, is_complete
from mneme_langchain._codec import Usage, decode, encode

# Before the JSON of generations.
_WHOLE, _STREAM = "answer ", "stream "


class Answers:
    """The codec of whole answers; a stored stream is read as the answer its chunks add up to."""

    def __init__(self, usage: Usage) -> None:
        self._usage: Usage = usage

    def encode(self, value: ChatResult) -> str | None:
        """Return the answer as text, or None where it would not read back as the same."""
        text = encode(value.generations, fill_usage=False)
        return None if text is None else _WHOLE + text

    def decode(self, text: str) -> ChatResult:
        """Return a new answer from text that this or `Chunks` wrote; raises ValueError, KeyError or TypeError."""
        kind, generations = _read(text, self._usage)
        if kind == _STREAM:
            return generate_from_stream(iter(map(_chunk, generations)))
        return ChatResult(generations=[each for each in generations if isinstance(each, ChatGeneration)])


class Chunks:
    """The codec of streams; a stored whole answer is read as a stream of one chunk."""

    def __init__(self, usage: Usage) -> None:
        self._usage: Usage = usage

    def encode(self, value: list[ChatGenerationChunk]) -> str | None:
        """Return the chunks as text, or None where they would not read back as the same."""
        text = encode(value, fill_usage=False)
        return None if text is None else _STREAM + text

    def decode(self, text: str) -> list[ChatGenerationChunk]:
        """Return new chunks from text that this or `Answers` wrote; raises ValueError, KeyError or TypeError."""
        return [_chunk(each) for each in _read(text, self._usage)[1]]


def admits(answer: ChatResult) -> bool | Literal["exact"]:
    """Say whether an answer may be stored; one that calls tools for the same request alone."""
    return _admits(answer.generations)


def admits_stream(chunks: list[ChatGenerationChunk]) -> bool | Literal["exact"]:
    """Say whether a stream may be stored, by what its chunks add up to."""
    # Adding chunks up changes the first one.
    return bool(chunks) and _admits(generate_from_stream(iter(copy.deepcopy(chunks))).generations)


def _admits(generations: Sequence[Generation]) -> bool | Literal["exact"]:
    return is_complete(generations) and ("exact" if calls_tools(generations) else True)


def _read(text: str, usage: Usage) -> tuple[str, list[Generation]]:
    for kind in (_WHOLE, _STREAM):
        if text.startswith(kind):
            return kind, decode(text.removeprefix(kind), usage=usage)
    raise ValueError("the stored answer is of another version")


def _chunk(generation: Generation) -> ChatGenerationChunk:
    """Return a generation as a chunk."""
    if isinstance(generation, ChatGenerationChunk):
        return generation
    if not isinstance(generation, ChatGeneration):
        raise ValueError("the stored answer is no chat model's")
    message = generation.message
    fields = {name: value for name, value in message.model_dump().items() if name != "type"}
    if not isinstance(message, AIMessage):
        raise ValueError("the stored answer is no assistant's message")
    chunk = AIMessageChunk(**fields, chunk_position="last")
    return ChatGenerationChunk(message=chunk, generation_info=generation.generation_info)
