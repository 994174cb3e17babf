"""The tokens that LlamaIndex's answers took are what hits save."""

from __future__ import annotations

from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse

from mneme import SemanticCache, TokenUsage
from mneme_llama_index import cached_llm
from mneme_llama_index._usage import usage_of

MESSAGES = [ChatMessage(role="user", content="How are you?")]


def test_a_hit_saves_what_the_client_reported(cache: SemanticCache, openai: Any) -> None:
    llm = cached_llm(openai, cache)
    for _ in range(3):
        llm.chat(MESSAGES)
    (saving,) = cache.stats().savings

    assert (saving.usage.input_tokens, saving.usage.output_tokens) == (10, 4)
    assert saving.usage.model == openai.model


def test_what_llama_index_itself_counted_does_where_the_client_says_nothing(counting: Any) -> None:
    counted = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    answer = ChatResponse(message=MESSAGES[0], raw=None, additional_kwargs=counted)

    assert usage_of(counting(), answer) == TokenUsage("counting", 5, 2)


def test_of_a_stream_the_largest_counts_hold(counting: Any) -> None:
    raws = [{"model": "m", "usage": None}, {"model": "m", "usage": {"prompt_tokens": 5, "completion_tokens": 2}}]
    chunks = [CompletionResponse(text="x", raw=raw) for raw in raws]

    assert usage_of(counting(), chunks) == TokenUsage("m", 5, 2)
    assert usage_of(counting(), CompletionResponse(text="x")) is None
