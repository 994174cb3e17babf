"""The `create` of a wrapped client says why it answers, and takes an answer back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from mneme import InvalidArgumentError, SemanticCache, served_hits
from mneme_decorator import cached, wrap_anthropic, wrap_openai

QUESTION, REWORDED = "how do I reset my password", "my password, how do I reset"


def call_of(kind: str, text: str, **more: Any) -> dict[str, Any]:
    """Return what the `create` of a kind is given."""
    if kind == "response":
        return {"model": "m", "input": text, **more}
    more = {**more, "max_tokens": 9} if kind == "claude" else more
    return {"model": "m", "messages": [{"role": "user", "content": text}], **more}


@pytest.fixture(params=["chat", "response", "claude"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def create(kind: str, cache: SemanticCache, endpoint: Any) -> Iterator[Any]:
    if kind == "claude":
        url = endpoint.url.removesuffix("/v1")
        with anthropic.Anthropic(base_url=url, api_key="k", max_retries=0) as claude:
            yield wrap_anthropic(claude, cache).messages.create
    else:
        with openai.OpenAI(base_url=endpoint.url, api_key="k", max_retries=0) as opened:
            client = wrap_openai(opened, cache)
            yield client.responses.create if kind == "response" else client.chat.completions.create


def test_a_call_is_explained_and_its_answer_taken_back(kind: str, create: Any, endpoint: Any) -> None:
    asked, reworded = call_of(kind, QUESTION), call_of(kind, REWORDED)
    before = create.lookup(**asked), create.explain(**asked).outcome
    with served_hits() as hits:
        create(**asked)
        create(**reworded)
    outcomes = [create.explain(**each).outcome for each in (asked, reworded, call_of(kind, QUESTION, temperature=0.9))]
    reported = [create.report_wrong(**reworded) for _ in range(2)]

    assert (before, outcomes, reported) == ((None, "no_match"), ["exact", "semantic", "no_match"], [1, 0])
    assert ([hit.asked for hit in hits], create.lookup(**asked).key) == ([REWORDED], hits[0].key)
    assert (create.invalidate(**asked), create.lookup(**asked), len(endpoint.asked)) == (True, None, 1)


def test_a_stream_is_a_call_of_its_own(cache: SemanticCache, endpoint: Any) -> None:
    with openai.OpenAI(base_url=endpoint.url, api_key="k", max_retries=0) as opened:
        create: Any = wrap_openai(opened, cache).chat.completions.create
        asked = call_of("chat", QUESTION, stream=True)
        with served_hits() as hits:
            for _ in range(2):
                list(create(**asked))

        assert (create.explain(**asked).outcome, create.explain(**call_of("chat", QUESTION)).outcome) == (
            "exact",
            "no_match",
        )
        assert (len(hits), create.report_wrong(**asked), create.lookup(**asked)) == (1, 1, None)


async def test_the_same_awaited(cache: SemanticCache, endpoint: Any) -> None:
    async with openai.AsyncOpenAI(base_url=endpoint.url, api_key="k", max_retries=0) as opened:
        create: Any = wrap_openai(opened, cache).chat.completions.create
        await create(**call_of("chat", QUESTION))
        reworded = call_of("chat", REWORDED)
        outcome = (await create.explain(**reworded)).outcome

        assert (outcome, [await create.report_wrong(**reworded) for _ in range(2)]) == ("semantic", [1, 0])


def test_a_call_that_is_not_cached_is_an_error(cache: SemanticCache, endpoint: Any) -> None:
    with openai.OpenAI(base_url=endpoint.url, api_key="k", max_retries=0) as opened:
        create: Any = wrap_openai(opened, cache).responses.create
        with pytest.raises(InvalidArgumentError, match="this call is not cached"):
            create.explain(model="m", input=QUESTION, conversation="conv_1")


async def test_what_a_decorated_function_was_served_is_noted(cache: SemanticCache) -> None:
    @cached(cache)
    def ask(prompt: str) -> str:
        return prompt

    @cached(cache)
    async def aask(prompt: str) -> str:
        return prompt

    @cached(cache)
    def words(prompt: str) -> Iterator[str]:
        yield from prompt.split()

    with served_hits() as hits:
        for _ in range(2):
            ask("one")
            await aask("two")
            list(words("three"))
    ask("one")

    assert [hit.asked for hit in hits] == ["one", "two", "three"]
