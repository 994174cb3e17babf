"""cached_model: every way to call a model hits, and nothing else about it changes."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.globals import set_llm_cache
from langchain_core.language_models import BaseChatModel, FakeListChatModel, FakeListLLM
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, SecretStr

from mneme import MemoryStore, SemanticCache
from mneme.testing import FaultyStore
from mneme_langchain import MnemeCache, cached_model

pytestmark = pytest.mark.filterwarnings("error")


class Person(BaseModel):
    """Someone."""

    name: str


class Talker(FakeListChatModel):
    """Streams `words`, and counts."""

    words: tuple[str, ...] = ("an", "answer")
    asked: list[str] = []  # noqa: RUF012  # pydantic copies it for each instance

    def _stream(self, messages: list[BaseMessage], *_: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        self.asked.append("stream")
        for word in (*self.words, str(len(self.asked))):
            yield ChatGenerationChunk(message=AIMessageChunk(content=word))

    async def _astream(self, messages: list[BaseMessage], *_: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._stream(messages):
            await asyncio.sleep(0)
            yield chunk

    def _generate(self, messages: list[BaseMessage], *arguments: Any, **kwargs: Any) -> Any:
        self.asked.append("generate")
        return super()._generate(messages, *arguments, **kwargs)


@pytest.fixture
def talker() -> Talker:
    return Talker(responses=[f"answer {number}" for number in range(99)])


@pytest.fixture
def model(talker: Talker, cache: SemanticCache) -> Talker:
    return cached_model(talker, cache)


@pytest.fixture
def openai(endpoint: Any, cache: SemanticCache, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ChatOpenAI]:
    monkeypatch.setenv("NO_PROXY", "*")

    def make(**fields: Any) -> ChatOpenAI:
        address = f"http://127.0.0.1:{endpoint.server_port}/v1"
        plain = {"model": "gpt-4o-mini", "base_url": address, "api_key": SecretStr("k"), "max_retries": 0}
        return cached_model(ChatOpenAI(**{**plain, **fields}), cache)

    return make


QUESTION, REWORDED = "how do I reset my password", "my password, how do I reset"


def test_invoke_hits_for_the_same_and_for_similar_questions(model: Talker, talker: Talker) -> None:
    answers = [model.invoke(question) for question in (QUESTION, QUESTION, REWORDED)]
    other = model.invoke([SystemMessage("be rude"), HumanMessage(QUESTION)])

    assert [answer.content for answer in answers] == ["answer 0"] * 3
    assert (other.content, len({answer.id for answer in answers}), talker.asked) == ("answer 1", 3, ["generate"] * 2)


async def test_every_way_to_call_hits_and_replays(model: Talker, talker: Talker) -> None:
    first = [chunk.content for chunk in model.stream(QUESTION)]
    again = [chunk.content for chunk in model.stream(REWORDED)]
    async_again = [chunk.content async for chunk in model.astream(QUESTION)]
    whole = [model.invoke(QUESTION).content, (await model.ainvoke(QUESTION)).content]
    events = [event["data"]["chunk"].content async for event in model.astream_events(QUESTION, version="v2")
              if event["event"] == "on_chat_model_stream"]  # fmt: skip
    batch = [answer.content for answer in model.batch([QUESTION, REWORDED])]

    assert first[:3] == again[:3] == async_again[:3] == events[:3] == ["an", "answer", "1"]
    assert (whole, batch, talker.asked) == (["ananswer1"] * 2, ["ananswer1"] * 2, ["stream"])


def test_an_invoked_answer_streams_as_one_chunk(model: Talker, talker: Talker) -> None:
    invoked = model.invoke(QUESTION)
    streamed = [chunk for chunk in model.stream(QUESTION) if chunk.content]

    assert ([chunk.content for chunk in streamed], invoked.content) == (["answer 0"], "answer 0")
    assert (type(streamed[0]), talker.asked) == (AIMessageChunk, ["generate"])


async def test_equal_calls_at_once_are_one(model: Talker, talker: Talker) -> None:
    async def read() -> str:
        return "".join([str(chunk.content) async for chunk in model.astream("the same")])

    streams = await asyncio.gather(*(read() for _ in range(20)))
    answers = await asyncio.gather(*(model.ainvoke("another") for _ in range(20)))

    assert (set(streams), {answer.content for answer in answers}) == ({"ananswer1"}, {"answer 0"})
    assert (talker.asked, len({id(answer) for answer in answers})) == (["stream", "generate"], 20)


def test_a_stream_left_early_is_not_kept(model: Talker, talker: Talker) -> None:
    stream = model.stream(QUESTION)
    next(stream)
    stream.close()
    whole = [chunk.content for chunk in model.stream(QUESTION)]

    assert (whole[2], talker.asked) == ("2", ["stream"] * 2)


def test_the_class_the_copies_and_the_original_stay_what_they_are(model: Talker, talker: Talker) -> None:
    copies: list[Any] = [model.model_copy(), model.model_copy(deep=True), model.with_retry()]
    answers = [copy.invoke(QUESTION).content for copy in copies]

    assert (isinstance(model, Talker), type(model).__name__, model.cache) == (True, "Talker", False)
    assert (answers, type(talker), talker.cache) == (["answer 0"] * 3, Talker, None)


def test_a_pickled_model_comes_back_without_the_cache(cache: SemanticCache) -> None:
    model = cached_model(FakeListChatModel(responses=["one", "two"]), cache)
    model.invoke(QUESTION)
    back = pickle.loads(pickle.dumps(model))

    assert (type(back), back.cache) == (FakeListChatModel, None)
    assert [back.invoke(QUESTION).content, model.invoke(QUESTION).content] == ["two", "one"]


def test_the_real_client_streams_with_usage_and_tool_calls(openai: Any, endpoint: Any) -> None:
    model = openai(stream_usage=True)
    streams = [list(model.stream(question)) for question in (QUESTION, QUESTION, REWORDED)]
    merged = [sum_of(stream) for stream in streams]
    endpoint.message, endpoint.reason = (
        {
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "Person", "arguments": "{}"}}],
        },
        "tool_calls",
    )
    bound = model.bind_tools([Person])
    calls = [sum_of(list(bound.stream(question))).tool_calls for question in (QUESTION, QUESTION, REWORDED)]

    assert [message.content for message in merged] == ["answer1"] * 3
    assert merged[0].usage_metadata == merged[2].usage_metadata == {
        "input_tokens": 5, "output_tokens": 2, "total_tokens": 7, "input_token_details": {}, "output_token_details": {}
    }  # fmt: skip
    assert [len(stream) for stream in streams] == [len(streams[0])] * 3
    assert calls[0] == calls[1] == calls[2] != []
    assert len(endpoint.asked) == 3  # a tool call answers the same words alone


def sum_of(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk  # type: ignore[assignment]  # chunks add up to chunks
    return total


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_structured_output_hits_and_schemas_of_one_name_are_told_apart(openai: Any, endpoint: Any, method: str) -> None:
    def schema(field: str) -> Any:
        return type("Person", (BaseModel,), {"__annotations__": {field: str}, "__doc__": "Someone."})

    if method == "json_schema":
        endpoint.message = {"content": '{"name": "Jane", "surname": "Austen"}'}
    else:
        call = {"name": "Person", "arguments": '{"name": "Jane", "surname": "Austen"}'}
        endpoint.message = {"content": None, "tool_calls": [{"id": "1", "type": "function", "function": call}]}
    one, two = (openai().with_structured_output(schema(field), method=method) for field in ("name", "surname"))
    answers = [one.invoke("who"), one.invoke("who"), two.invoke("who")]

    assert (answers[0].name, answers[0] == answers[1], answers[2].surname) == ("Jane", True, "Austen")
    assert len(endpoint.asked) == 2


def test_changed_parameters_are_another_model(openai: Any, endpoint: Any) -> None:
    model = openai()
    model.invoke(QUESTION)
    model.temperature = 0.5
    model.invoke(QUESTION)
    model.model_copy(update={"model_name": "gpt-5"}).invoke(QUESTION)
    model.bind(stop=["x"]).invoke(QUESTION)
    model.invoke(QUESTION)

    assert len(endpoint.asked) == 4


def test_a_failing_cache_fails_no_call(talker: Talker, embedder: Any) -> None:
    store = FaultyStore(MemoryStore())
    with SemanticCache(store=store, embedder=embedder) as cache:
        model = cached_model(talker, cache)
        store.write_error = OSError("disk full")
        answers = [model.invoke("a").content, "".join(str(chunk.content) for chunk in model.stream("b"))]
    closed = [model.invoke("a").content, "".join(str(chunk.content) for chunk in model.stream("b"))]

    assert (answers, closed) == (["answer 0", "ananswer2"], ["answer 1", "ananswer4"])


async def test_an_error_of_the_model_is_raised_once_for_all_and_not_kept(cache: SemanticCache) -> None:
    calls = []

    class Broken(Talker):
        async def _agenerate(self, *_: Any, **__: Any) -> Any:
            calls.append(1)
            await asyncio.sleep(0)
            raise RuntimeError("broken")

    model = cached_model(Broken(responses=[]), cache)
    errors = await asyncio.gather(*(model.ainvoke("q") for _ in range(5)), return_exceptions=True)

    assert ([str(error) for error in errors], len(calls), cache.stats().entries) == (["broken"] * 5, 1, 0)


def test_the_global_cache_is_not_asked_as_well(model: Talker, cache: SemanticCache) -> None:
    set_llm_cache(MnemeCache(cache, namespace="global"))
    try:
        model.invoke(QUESTION)
    finally:
        set_llm_cache(None)

    assert cache.list_namespaces() == ["default"]


def test_token_callbacks_hear_a_replay(model: Talker) -> None:
    class Tokens(BaseCallbackHandler):
        def __init__(self) -> None:
            self.heard: list[str] = []

        def on_llm_new_token(self, token: str, **kwargs: Any) -> None:
            self.heard.append(token)

    heard = []
    for _ in range(2):
        handler = Tokens()
        list(model.stream(QUESTION, config={"callbacks": [handler]}))
        heard.append(handler.heard)

    assert heard[0] == heard[1] == ["an", "answer", "1", ""]


def test_what_is_no_chat_model_or_no_cache_is_a_type_error(talker: Talker, cache: SemanticCache) -> None:
    with pytest.raises(TypeError, match="wraps chat models, got FakeListLLM"):
        cached_model(FakeListLLM(responses=["a"]), cache)  # type: ignore[type-var]
    with pytest.raises(TypeError, match="needs a SemanticCache"):
        cached_model(talker, MnemeCache(cache))  # type: ignore[arg-type]


def test_a_model_without_streams_seems_to_have_none(cache: SemanticCache, chat: Any) -> None:
    model = cached_model(chat(cache=None), cache)
    streamed = [chunk.content for chunk in model.stream("q")]

    assert type(model)._stream is BaseChatModel._stream
    assert (streamed, isinstance(model.invoke("q"), AIMessage)) == (["counting-1 answer 1"], True)
