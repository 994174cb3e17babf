"""Streams of a cached model: kept when they end by themselves, replayed chunk for chunk, shared while they run."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse
from llama_index.core.llms import LLM
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel

from mneme import SemanticCache
from mneme_llama_index import cached_llm
from mneme_llama_index._codecs import StreamCodec

QUESTION, REWORDED = "how do I reset my password", "my password, how do I reset"


class Person(BaseModel):
    """Someone."""

    name: str


def chunks_of(llm: LLM, text: str) -> list[Any]:
    return [(each.message.content, each.delta) for each in llm.stream_chat([ChatMessage(text)])]


def test_a_stream_is_replayed_to_the_same_and_to_similar_questions(
    cache: SemanticCache, openai: Any, endpoint: Any
) -> None:
    llm = cached_llm(openai, cache)
    streams = [chunks_of(llm, text) for text in (QUESTION, QUESTION, REWORDED)]
    completions = [[each.text for each in llm.stream_complete(text)] for text in (QUESTION, REWORDED)]

    assert (streams[0] == streams[1] == streams[2], streams[0] == chunks_of(openai, QUESTION)) == (True, True)
    assert (completions[0] == completions[1], len(endpoint.asked)) == (True, 3)


async def test_equal_async_streams_at_once_are_one(cache: SemanticCache, openai: Any, endpoint: Any) -> None:
    llm = cached_llm(openai, cache)

    async def read() -> list[Any]:
        stream = await llm.astream_chat([ChatMessage("the same")])
        return [(each.message.content, each.delta) async for each in stream]

    streams = await asyncio.gather(*(read() for _ in range(10)))

    assert (all(stream == streams[0] for stream in streams), len(endpoint.asked)) == (True, 1)


def test_a_stream_left_early_is_not_kept(cache: SemanticCache, counting: Any) -> None:
    llm = cached_llm(counting(), cache)
    stream = llm.stream_complete("a question")
    next(stream)
    stream.close()

    assert (cache.stats().entries, [each.text for each in llm.stream_complete("a question")]) == (0, ["ans", "answer"])


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_a_stream_that_was_cut_short_is_not_kept(cache: SemanticCache, openai: Any, endpoint: Any, reason: str) -> None:
    endpoint.reason = reason
    llm = cached_llm(openai, cache)
    first, second = chunks_of(llm, QUESTION), chunks_of(llm, QUESTION)

    assert (first == second, len(endpoint.asked), cache.stats().entries) == (True, 2, 0)


def test_a_stream_made_from_a_template_is_compared_exactly(cache: SemanticCache, openai: Any, endpoint: Any) -> None:
    llm = cached_llm(openai, cache)
    template = PromptTemplate("The shop opens at nine and closes at five. {question}")
    answers = [
        "".join(llm.stream(template, question=question))
        for question in ("When does it open?", "When does it open?", "When open it does?")
    ]

    assert (answers[0] == answers[1], len(endpoint.asked), cache.stats().hits_semantic) == (True, 2, 0)


async def test_structured_streams_are_those_of_the_model(cache: SemanticCache, openai: Any, endpoint: Any) -> None:
    template = PromptTemplate("Who is {name}?")
    function = {"name": "Person", "arguments": '{"name": "Jane"}'}
    endpoint.message = {"content": None, "tool_calls": [{"id": "1", "type": "function", "function": function}]}
    llm = cached_llm(openai, cache)
    streams = [
        [each.model_dump() for each in model.stream_structured_predict(Person, template, name="Jane")]
        for model in (openai, llm, llm)
    ]

    assert (streams[0] == streams[1] == streams[2], len(endpoint.asked)) == (True, 2)


def test_a_failing_cache_fails_no_stream(cache: SemanticCache, counting: Any) -> None:
    llm = cached_llm(counting(), cache)
    cache.close()

    assert [each.text for each in llm.stream_complete("a question")] == ["ans", "answer"]


def test_what_was_said_so_far_is_stored_once() -> None:
    words = [f"word{number} " for number in range(300)]
    chat = [
        ChatResponse(message=ChatMessage("".join(words[: at + 1]), role="assistant"), delta=word)
        for at, word in enumerate(words)
    ]
    completion = [CompletionResponse(text="".join(words[: at + 1]), delta=word) for at, word in enumerate(words)]
    odd = [CompletionResponse(text="a", delta="a"), CompletionResponse(text="other", delta="b")]
    codecs = StreamCodec(ChatResponse), StreamCodec(CompletionResponse)
    texts = [codecs[0].encode(chat), codecs[1].encode(completion), codecs[1].encode(odd)]

    assert codecs[0].decode(texts[0]) == chat
    assert [codecs[1].decode(text) for text in texts[1:]] == [completion, odd]
    assert max(map(len, texts)) < 100_000
