"""context="similar": conversations worded differently share answers, others do not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anthropic
import openai
import pytest

from mneme import AsyncSemanticCache, InvalidArgumentError, SemanticCache, Similar
from mneme_decorator import cached, wrap_anthropic, wrap_openai
from mneme_decorator._messages import read, turns_apart

ROUTER, REWORDED, MODEM = "How do I reset my router?", "How can I reset my router?", "How do I reset my modem?"
QUESTION = "How long does it take?"


def user(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **more}


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


PRESS = {"role": "assistant", "content": "Press the button."}
PULL = {"role": "assistant", "content": "Pull the plug."}
BRIEF = {"role": "system", "content": "Be brief."}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
FIRST = [user(ROUTER), PRESS]


@pytest.fixture
def asked() -> list[Any]:
    return []


@pytest.fixture
def ask(cache: SemanticCache, asked: list[Any]) -> Any:
    @cached(cache, context="similar", ignore="asked")
    def ask(messages: list[Any]) -> str:
        asked.append(messages)
        return f"answer {len(asked)}"

    return ask


@pytest.mark.parametrize(
    ("turns", "shared"),
    [
        (FIRST, True),
        ([user(REWORDED), PRESS], True),
        ([user([text(REWORDED)]), PRESS], True),
        ([user(MODEM), PRESS], False),
        ([user(ROUTER), PULL], False),
        ([BRIEF, *FIRST], False),
        ([user([text(ROUTER), IMAGE]), PRESS], False),
        ([user([text("Hello."), text(ROUTER)]), PRESS], False),
        ([user([text(ROUTER, cache_control={"type": "ephemeral"})]), PRESS], False),
        ([user(ROUTER, name="kim"), PRESS], False),
        ([user(ROUTER), {**PRESS, "tool_calls": [CALL]}], False),
        (FIRST[:1], False),
        ([], False),
    ],
    ids=[
        *("equal", "reworded", "block", "other", "other answer", "system", "image", "texts", "marked"),
        *("name", "tool", "fewer", "none"),
    ],
)
def test_answers_are_shared_where_the_turns_say_the_same(ask: Any, turns: Any, shared: bool) -> None:
    first, again = ask([*FIRST, user(QUESTION)]), ask([*turns, user(QUESTION)])

    assert (again == first) is shared
    assert ask([*turns, user(QUESTION)]) == again


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([BRIEF, *FIRST], [*FIRST, BRIEF]),
        ([user(None), *FIRST], [*FIRST, user(None)]),
        ([{"role": "user"}, user(ROUTER)], [user(ROUTER), {"role": "user"}]),
    ],
)
def test_what_is_no_turn_keeps_its_place_among_the_turns(ask: Any, one: Any, other: Any) -> None:
    answers = [ask([*turns, user(QUESTION)]) for turns in (one, other, one)]

    assert answers == ["answer 1", "answer 2", "answer 1"]


@pytest.mark.parametrize(
    "last", [user("word " * 300), user(" "), {"role": "tool", "tool_call_id": "call_1", "content": "42"}, PRESS]
)
def test_what_is_compared_exactly_is_so_with_its_turns(ask: Any, last: Any) -> None:
    answers = [ask([user(words), PRESS, last]) for words in (ROUTER, REWORDED, ROUTER)]

    assert answers == ["answer 1", "answer 2", "answer 1"]


def test_a_first_question_is_answered_as_ever(ask: Any) -> None:
    answers = [ask([user(words)]) for words in ("what is the weather in Paris", "in Paris, what is the weather")]

    assert answers == ["answer 1", "answer 1"]


def test_turns_of_every_name_for_their_speaker_are_told_apart() -> None:
    messages = [{"role": "human", "content": ROUTER}, {"role": "ai", "content": "Press."}, user(QUESTION)]
    turns, rest = turns_apart(read(messages, "messages").context)

    assert turns == [{"role": "user", "content": ROUTER}, {"role": "assistant", "content": "Press."}]
    assert rest[:2] == [{"role": "human", "content": None}, {"role": "ai", "content": None}]


def test_exact_mode_compares_no_turns(cache: SemanticCache) -> None:
    @cached(cache, context="similar", mode="exact")
    def ask(messages: list[Any]) -> str:
        return f"{messages[0]['content']}"

    assert [ask([user(words), PRESS, user(QUESTION)]) for words in (ROUTER, REWORDED)] == [ROUTER, REWORDED]


def test_a_call_can_be_looked_up_explained_and_taken_back(ask: Any) -> None:
    said = [*FIRST, user(QUESTION)]
    first = ask(said)

    assert (ask.lookup([user(REWORDED), PRESS, user(QUESTION)]).response, ask.cache_key(said)) == (
        first,
        ask.cache_key([dict(message) for message in said]),
    )
    assert "modem" in str(ask.explain([user(MODEM), PRESS, user(QUESTION)]))
    assert (ask.invalidate(said), ask.lookup(said)) == (True, None)


async def test_coroutines_and_streams_share_too(async_cache: AsyncSemanticCache) -> None:
    ran = []

    @cached(async_cache, context="similar", ignore="ran")
    async def ask(messages: list[Any]) -> str:
        ran.append(messages)
        return "a minute"

    @cached(async_cache, context="similar", ignore="ran")
    async def stream(messages: list[Any]) -> AsyncIterator[str]:
        ran.append(messages)
        for word in ("a", "minute"):
            yield word

    for words in (ROUTER, REWORDED):
        assert await ask([user(words), PRESS, user(QUESTION)]) == "a minute"
        assert [word async for word in stream([user(words), PRESS, user(QUESTION)])] == ["a", "minute"]
    assert len(ran) == 2


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(("other", "expected"), [(REWORDED, 1), (MODEM, 2)])
def test_the_clients_compare_turns(
    cache: SemanticCache, endpoint: Any, streaming: bool, other: str, expected: int
) -> None:
    with openai.OpenAI(base_url=endpoint.url, api_key="k", max_retries=0) as plain:
        client: Any = wrap_openai(plain, cache, context="similar")
        for words in (ROUTER, other):
            messages = [BRIEF, user(words), PRESS, user(QUESTION)]
            answer = client.chat.completions.create(model="m", messages=messages, stream=streaming)
            if streaming:
                assert list(answer)

    assert len(endpoint.asked) == expected


@pytest.mark.parametrize(("other", "expected"), [(REWORDED, 1), (MODEM, 2)])
def test_responses_and_anthropics_messages_compare_turns(
    cache: SemanticCache, endpoint: Any, other: str, expected: int
) -> None:
    url = endpoint.url.removesuffix("/v1")
    with (
        openai.OpenAI(base_url=endpoint.url, api_key="k", max_retries=0) as plain,
        anthropic.Anthropic(base_url=url, api_key="k", max_retries=0) as claude,
    ):
        responses: Any = wrap_openai(plain, cache, context="similar").responses
        messages: Any = wrap_anthropic(claude, cache, context="similar").messages
        for words in (ROUTER, other):
            said = [user(words), PRESS, user(QUESTION)]
            responses.create(model="m", input=said)
            messages.create(model="c", max_tokens=9, system="Be brief.", messages=said)

    assert len(endpoint.asked) == 2 * expected


def test_another_context_is_named(cache: SemanticCache) -> None:
    with pytest.raises(InvalidArgumentError, match="'near'"):
        cached(cache, context="near")  # type: ignore[arg-type]  # that is the point


def test_turns_are_part_of_the_request_in_clear_and_the_rest_is_not(ask: Any) -> None:
    vary = ask._request(([BRIEF, *FIRST, user(QUESTION)],), {}).vary

    assert isinstance(vary["turns"], Similar)
    assert vary["turns"].turns == (("user", ROUTER), ("assistant", "Press the button."))
    assert ROUTER not in repr(vary["context"])
