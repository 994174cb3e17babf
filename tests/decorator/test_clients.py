"""wrap_openai and wrap_anthropic around the real SDKs, against an endpoint in their wire formats."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import httpx
import openai
import pytest
from anthropic.types import Message
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from mneme import SemanticCache
from mneme_decorator import wrap_anthropic, wrap_openai

QUESTION = [{"role": "user", "content": "how do I reset my password"}]
REWORDED = [{"role": "user", "content": "my password, how do I reset"}]


@pytest.fixture
def client(cache: SemanticCache, endpoint: Any) -> Any:
    with openai.OpenAI(base_url=endpoint.url, api_key="k", max_retries=0) as opened:
        yield wrap_openai(opened, cache)


@pytest.fixture
async def aclient(cache: SemanticCache, endpoint: Any) -> Any:
    async with openai.AsyncOpenAI(base_url=endpoint.url, api_key="k", max_retries=0) as opened:
        yield wrap_openai(opened, cache)


@pytest.fixture
def claude(cache: SemanticCache, endpoint: Any) -> Any:
    with anthropic.Anthropic(base_url=endpoint.url.removesuffix("/v1"), api_key="k", max_retries=0) as opened:
        yield wrap_anthropic(opened, cache)


@pytest.fixture
async def aclaude(cache: SemanticCache, endpoint: Any) -> Any:
    url = endpoint.url.removesuffix("/v1")
    async with anthropic.AsyncAnthropic(base_url=url, api_key="k", max_retries=0) as opened:
        yield wrap_anthropic(opened, cache)


def chat(client: Any, messages: Any = QUESTION, **more: Any) -> Any:
    return client.chat.completions.create(**{"model": "m", "messages": messages, **more})


def test_a_hit_is_what_the_client_returned(client: Any, endpoint: Any) -> None:
    first, same, reworded = chat(client), chat(client), chat(client, REWORDED)

    assert isinstance(client, openai.OpenAI)
    assert (type(same), same, reworded, len(endpoint.asked)) == (ChatCompletion, first, first, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "n"},
        {"temperature": 1},
        {"messages": [{"role": "system", "content": "Be rude."}, *QUESTION]},
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hey"}, *QUESTION]},
        {"tools": [{"type": "function", "function": {"name": "now", "parameters": {}}}]},
        {"extra_body": {"seed": 1}},
        {"stream": True},
    ],
)
def test_whatever_else_changes_is_another_question(client: Any, endpoint: Any, change: dict[str, Any]) -> None:
    chat(client)
    chat(client, **change)

    assert len(endpoint.asked) == 2


def test_what_changes_no_answer_makes_no_other_question(client: Any, endpoint: Any) -> None:
    chat(client)
    chat(client, timeout=5, temperature=openai.NOT_GIVEN, tools=openai.omit)

    assert len(endpoint.asked) == 1


@pytest.mark.parametrize(
    ("one", "other", "asked"),
    [
        ({}, {"api_key": "another"}, 1),
        ({"default_headers": {"X-Tenant": "a"}}, {"default_headers": {"X-Tenant": "b"}}, 2),
        ({"default_headers": {"X-Tenant": "a"}}, {"default_headers": {"x-tenant": "a"}}, 1),
        ({"default_query": {"tenant": "a"}}, {"default_query": {"tenant": "b"}}, 2),
        ({"organization": "a"}, {"organization": "b"}, 2),
        ({"default_headers": {"Authorization": "a"}}, {"default_headers": {"Authorization": "b"}}, 2),
        ({"http_client": httpx.Client(headers={"X-Tenant": "a"})}, {"http_client": httpx.Client()}, 2),
        ({"http_client": httpx.Client(params={"tenant": "a"})}, {"http_client": httpx.Client()}, 2),
    ],
)
def test_clients_share_answers_where_they_differ_in_their_api_key_alone(
    cache: SemanticCache, endpoint: Any, one: dict[str, Any], other: dict[str, Any], asked: int
) -> None:
    for options in (one, other, one):
        plain = {"base_url": endpoint.url, "api_key": "k", "max_retries": 0}
        with openai.OpenAI(**{**plain, **{k: v for k, v in options.items() if k != "http_client"}}) as client:
            if "http_client" in options:
                client._client.headers.update(options["http_client"].headers)
                client._client.params = options["http_client"].params
            chat(wrap_openai(client, cache))

    assert len(endpoint.asked) == asked


def test_anthropics_headers_count_too(cache: SemanticCache, endpoint: Any) -> None:
    for tenant in ("a", "b", "a"):
        url = endpoint.url.removesuffix("/v1")
        with anthropic.Anthropic(base_url=url, api_key=tenant, default_headers={"X-Tenant": tenant}) as client:
            ask_claude(wrap_anthropic(client, cache))

    assert len(endpoint.asked) == 2


def test_a_header_that_is_set_later_counts(client: Any, endpoint: Any) -> None:
    chat(client)
    client._custom_headers["X-Tenant"] = "b"
    chat(client)

    assert len(endpoint.asked) == 2


@pytest.mark.parametrize(
    ("parameters", "asked"),
    [
        ({}, 1),
        ({"previous_response_id": "resp_1"}, 1),
        ({"prompt": {"id": "p", "version": "2"}}, 1),
        ({"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]}, 1),
        ({"conversation": "conv_1"}, 2),
        ({"conversation": {"id": "conv_1"}}, 2),
        ({"extra_body": {"conversation": "conv_1"}}, 2),
        ({"prompt": {"id": "p"}}, 2),
        ({"tools": [{"type": "code_interpreter", "container": "cntr_1"}]}, 2),
    ],
)
def test_what_goes_on_from_a_state_of_the_server_is_not_cached(
    client: Any, endpoint: Any, parameters: dict[str, Any], asked: int
) -> None:
    for _ in range(2):
        client.responses.create(model="m", input="how are you", **parameters)

    assert len(endpoint.asked) == asked


def test_a_client_that_cannot_be_read_is_asked_without_the_cache(
    client: Any, endpoint: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("mneme_decorator._clients.endpoint_of", lambda *_: {}["gone"])
    answers = [chat(client).choices[0].message.content for _ in range(2)]

    assert (answers, "without the cache" in caplog.text) == (["answer 1", "answer 2"], True)


def test_a_wrapped_client_warns_of_nothing(client: Any, endpoint: Any, caplog: pytest.LogCaptureFixture) -> None:
    chat(client), list(chat(client, stream=True))

    assert [record.getMessage() for record in caplog.records if record.name.startswith("mneme")] == []


def test_the_client_that_was_wrapped_stays_as_it_is(cache: SemanticCache, endpoint: Any) -> None:
    with openai.OpenAI(base_url=endpoint.url, api_key="k") as plain:
        wrap_openai(plain, cache)
        answers = [chat(plain) for _ in range(2)]

    assert (answers[0] != answers[1], len(endpoint.asked)) == (True, 2)


def test_a_stream_is_replayed_chunk_for_chunk(client: Any, endpoint: Any) -> None:
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = []
    for messages in (QUESTION, QUESTION, REWORDED):
        stream = chat(client, messages, **options)
        assert isinstance(stream, openai.Stream)
        chunks.append(list(stream))

    assert (chunks[0] == chunks[1] == chunks[2], len(chunks[0]), len(endpoint.asked)) == (True, 5, 1)
    assert {type(chunk) for chunk in chunks[1]} == {ChatCompletionChunk}


async def test_an_async_stream_is_replayed_chunk_for_chunk(aclient: Any, endpoint: Any) -> None:
    chunks = []
    for messages in (QUESTION, QUESTION, REWORDED):
        async with await chat(aclient, messages, stream=True) as stream:
            assert isinstance(stream, openai.AsyncStream)
            chunks.append([chunk async for chunk in stream])

    assert (chunks[0] == chunks[1] == chunks[2], len(endpoint.asked)) == (True, 1)


async def test_concurrent_streams_and_calls_are_one_request_each(aclient: Any, endpoint: Any) -> None:
    async def read() -> list[Any]:
        return [chunk async for chunk in await chat(aclient, stream=True)]

    streams = await asyncio.gather(*(read() for _ in range(20)))
    answers = await asyncio.gather(*(chat(aclient) for _ in range(20)))

    assert all(stream == streams[0] for stream in streams)
    assert all(answer == answers[0] for answer in answers)
    assert len(endpoint.asked) == 2


def test_a_stream_left_early_is_not_kept(client: Any, endpoint: Any) -> None:
    with chat(client, stream=True) as stream:
        next(stream)
    whole = list(chat(client, stream=True))

    assert (len(whole), len(endpoint.asked)) == (4, 2)


@pytest.mark.parametrize("streaming", [False, True])
def test_what_was_cut_short_is_not_kept(client: Any, endpoint: Any, streaming: bool) -> None:
    endpoint.reason = "length"
    for _ in range(2):
        answer = chat(client, stream=streaming)
        if streaming:
            list(answer)

    assert len(endpoint.asked) == 2


@pytest.mark.parametrize("streaming", [False, True])
def test_tool_calls_answer_the_same_words_alone(client: Any, endpoint: Any, streaming: bool) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "reset", "arguments": "{}"}}
    endpoint.message, endpoint.reason = {"content": None, "tool_calls": [call]}, "tool_calls"
    for messages in (QUESTION, QUESTION, REWORDED):
        answer = chat(client, messages, stream=streaming)
        if streaming:
            list(answer)

    assert len(endpoint.asked) == 2


@pytest.mark.parametrize("streaming", [False, True])
def test_the_clients_errors_are_raised_by_create_and_not_kept(client: Any, endpoint: Any, streaming: bool) -> None:
    endpoint.status = 400
    with pytest.raises(openai.BadRequestError, match="told to fail"):
        chat(client, stream=streaming)
    endpoint.status = 200
    chat(client, stream=streaming)

    assert len(endpoint.asked) == 1


async def test_an_async_clients_errors_are_raised_by_create(aclient: Any, endpoint: Any) -> None:
    endpoint.status = 400
    for streaming in (False, True):
        with pytest.raises(openai.BadRequestError, match="told to fail"):
            await chat(aclient, stream=streaming)


def test_raw_responses_are_left_alone(client: Any, endpoint: Any) -> None:
    chat(client)
    raw = client.chat.completions.with_raw_response.create(model="m", messages=QUESTION)

    assert (raw.headers["x-request-id"], raw.parse().choices[0].message.content) == ("req_1", "answer 2")


def test_overrides_hold_for_wrapped_clients(cache: SemanticCache, client: Any, endpoint: Any) -> None:
    with cache.override(bypass=True):
        chat(client), chat(client)

    assert (len(endpoint.asked), cache.stats().entries) == (2, 0)


def test_a_failing_cache_fails_no_call(cache: SemanticCache, client: Any, endpoint: Any) -> None:
    cache.close()
    answer, stream = chat(client), list(chat(client, stream=True))

    assert (answer.choices[0].message.content, len(stream), len(endpoint.asked)) == ("answer 1", 4, 2)


def ask_claude(client: Any, messages: Any = QUESTION, **more: Any) -> Any:
    return client.messages.create(**{"model": "m", "max_tokens": 10, "messages": messages, **more})


def test_anthropics_messages_are_cached_too(claude: Any, endpoint: Any) -> None:
    first, same, reworded = ask_claude(claude), ask_claude(claude), ask_claude(claude, REWORDED)
    other = ask_claude(claude, system="Be rude.")

    assert isinstance(claude, anthropic.Anthropic)
    assert (type(same), same, reworded, len(endpoint.asked)) == (Message, first, first, 2)
    assert other.content[0].text == "answer 2"


def test_anthropics_streams_are_replayed_event_for_event(claude: Any, endpoint: Any) -> None:
    events = []
    for messages in (QUESTION, REWORDED):
        stream = ask_claude(claude, messages, stream=True)
        assert isinstance(stream, anthropic.Stream)
        events.append(list(stream))

    assert (events[0] == events[1], len(endpoint.asked)) == (True, 1)
    assert [event.type for event in events[1]][-2:] == ["message_delta", "message_stop"]


async def test_anthropics_async_client_is_cached_too(aclaude: Any, endpoint: Any) -> None:
    answers = await asyncio.gather(*(ask_claude(aclaude) for _ in range(10)))
    events = []
    for _ in range(2):
        async with await ask_claude(aclaude, stream=True) as stream:
            events.append([event async for event in stream])

    assert (answers[0] == answers[9], events[0] == events[1], len(endpoint.asked)) == (True, True, 2)


def test_anthropics_answers_that_were_cut_short_are_not_kept(claude: Any, endpoint: Any) -> None:
    endpoint.reason = "length"
    for streaming in (False, False, True, True):
        answer = ask_claude(claude, stream=streaming)
        if streaming:
            list(answer)

    assert len(endpoint.asked) == 4


@pytest.mark.parametrize("wrap", [wrap_openai, wrap_anthropic])
def test_what_is_no_client_is_a_type_error(cache: SemanticCache, wrap: Any) -> None:
    with pytest.raises(TypeError, match="client, got int"):
        wrap(5, cache)
