"""The tokens that LangChain's answers took are what hits save."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, Generation

from mneme import SemanticCache, TokenUsage
from mneme_langchain import cached_model
from mneme_langchain._usage import usage_of, usage_of_stream


def message(total: int, output: int, model: str = "gpt-4o-mini", **details: Any) -> AIMessage:
    usage: Any = {"input_tokens": total, "output_tokens": output, "total_tokens": total + output, **details}
    return AIMessage("Fine.", usage_metadata=usage, response_metadata={"model_name": model})


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_hit_saves_what_the_model_reported(cache: SemanticCache, chat: Any, wrapped: bool) -> None:
    asking = chat(answer=lambda _: message(90, 9))
    model = cached_model(asking, cache) if wrapped else asking
    for _ in range(3):
        model.invoke("How are you today?")

    assert [each.usage for each in cache.stats().savings] == [TokenUsage("gpt-4o-mini", 180, 18)]


def test_cached_input_is_told_apart_and_several_generations_are_one_call() -> None:
    several = [ChatGeneration(message=message(90, 9, input_token_details={"cache_read": 50})) for _ in range(2)]

    assert usage_of(several) == TokenUsage("gpt-4o-mini", 90, 9, 50)
    assert usage_of([Generation(text="plain")]) is None


def test_what_chunks_report_adds_up() -> None:
    first: Any = {"input_tokens": 90, "output_tokens": 0, "total_tokens": 90}
    last: Any = {"input_tokens": 0, "output_tokens": 9, "total_tokens": 9}
    chunks = [
        ChatGenerationChunk(message=AIMessageChunk("Fi", usage_metadata=first, response_metadata={"model": "claude"})),
        ChatGenerationChunk(message=AIMessageChunk("ne.")),
        ChatGenerationChunk(message=AIMessageChunk("", usage_metadata=last)),
    ]

    assert usage_of_stream(chunks) == TokenUsage("claude", 90, 9)
    assert usage_of_stream([]) is None


class Raising(AIMessage):
    """Its class reports tokens as it likes."""

    def __getattribute__(self, name: str) -> Any:
        if name == "usage_metadata":
            raise RuntimeError(name)
        return super().__getattribute__(name)


@pytest.mark.parametrize(
    "reported", [[1], {"input_tokens": "3"}, {"input_tokens": float("nan")}, {"input_tokens": 10**400}]
)
def test_tokens_that_make_no_sense_are_left_out(reported: Any) -> None:
    odd, chunk = AIMessage("Fine."), AIMessageChunk("Fine.")
    odd.usage_metadata = chunk.usage_metadata = reported

    assert usage_of([ChatGeneration(message=odd)]) is None
    assert usage_of_stream([ChatGenerationChunk(message=chunk)]) is None


def test_a_message_that_raises_has_no_tokens() -> None:
    assert usage_of([ChatGeneration(message=Raising("Fine."))]) is None
