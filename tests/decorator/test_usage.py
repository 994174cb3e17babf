"""What a hit of a decorated function saves: the tokens that the answer took."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from mneme import SemanticCache, TokenUsage
from mneme_decorator import cached, wrap_anthropic, wrap_openai

QUESTION = [{"role": "user", "content": "how do I reset my password"}]


def saved(cache: SemanticCache) -> tuple[TokenUsage, ...]:
    return tuple(each.usage for each in cache.stats().savings)


@pytest.mark.parametrize("stream", [False, True])
def test_openai_s_answers_carry_their_usage(cache: SemanticCache, endpoint: Any, stream: bool) -> None:
    options: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    with openai.OpenAI(base_url=endpoint.url, api_key="k", max_retries=0) as opened:
        client = wrap_openai(opened, cache)
        for _ in range(3):
            list(client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION, **options))

    assert saved(cache) == (TokenUsage("gpt-4o-mini", 10, 4),)


@pytest.mark.parametrize("stream", [False, True])
def test_claude_s_answers_carry_their_usage(cache: SemanticCache, endpoint: Any, stream: bool) -> None:
    url = endpoint.url.removesuffix("/v1")
    with anthropic.Anthropic(base_url=url, api_key="k", max_retries=0) as opened:
        client = wrap_anthropic(opened, cache)
        for _ in range(2):
            list(client.messages.create(model="claude-haiku-4-5", messages=QUESTION, max_tokens=9, stream=stream))

    assert saved(cache) == (TokenUsage("claude-haiku-4-5", 5, 2),)


def test_a_function_says_what_its_answers_took(cache: SemanticCache) -> None:
    @cached(cache, usage=lambda answer: TokenUsage("mine", len(answer), 1))
    def ask(question: str) -> str:
        return question.upper()

    for _ in range(3):
        ask("how are you")

    assert saved(cache) == (TokenUsage("mine", 22, 2),)


def test_so_does_a_generator_of_its_chunks(cache: SemanticCache) -> None:
    @cached(cache, usage=lambda chunks: {"model": "mine", "input_tokens": 0, "output_tokens": len(chunks)})
    def ask(question: str) -> Iterator[str]:
        yield from question.split()

    for _ in range(2):
        list(ask("how are you"))

    assert saved(cache) == (TokenUsage("mine", 0, 3),)


def test_a_usage_that_fails_is_said_and_harms_nothing(cache: SemanticCache, caplog: pytest.LogCaptureFixture) -> None:
    @cached(cache, usage=lambda answer: answer.tokens)
    def ask(question: str) -> str:
        return question.upper()

    with caplog.at_level(logging.WARNING, "mneme.decorator"):
        answers = [ask("how are you") for _ in range(2)]

    assert (answers, saved(cache), "usage failed" in caplog.text) == (["HOW ARE YOU"] * 2, (), True)
    assert cache.stats().hits_exact == 1
