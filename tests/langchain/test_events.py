"""Events of the third version: a hit streams what the call streamed, under an id of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, SecretStr

from mneme import SemanticCache
from mneme_langchain import MnemeCache, cached_model

pytestmark = [
    pytest.mark.filterwarnings("error", "ignore::langchain_core._api.LangChainBetaWarning"),
    pytest.mark.skipif(not hasattr(BaseChatModel, "stream_events"), reason="the oldest has no version 3"),
]


class Person(BaseModel):
    """Someone."""

    name: str


@pytest.fixture
def openai(endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> ChatOpenAI:
    monkeypatch.setenv("NO_PROXY", "*")
    address = f"http://127.0.0.1:{endpoint.server_port}/v1"
    return ChatOpenAI(model="gpt-4o-mini", base_url=address, api_key=SecretStr("k"), max_retries=0)


@pytest.fixture(params=["words", "tools"])
def model(request: pytest.FixtureRequest, openai: ChatOpenAI) -> Any:
    return openai if request.param == "words" else openai.bind_tools([Person])


def without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_ids(item) for name, item in value.items() if name not in ("id", "message_id", "run_id")}
    return [without_ids(item) for item in value] if isinstance(value, list | tuple) else value


def test_a_hit_streams_the_same(model: Any, openai: ChatOpenAI, endpoint: Any, cache: SemanticCache) -> None:
    plain = streamed(model)
    cached = cached_model(openai, cache)
    twin = cached.bind(**model.kwargs) if hasattr(model, "kwargs") else cached
    asked = len(endpoint.asked)
    first, second = streamed(twin), streamed(twin)

    assert len(endpoint.asked) == asked + 1
    assert first == second
    assert [kind for kind, _ in first] == [kind for kind, _ in plain]


def streamed(model: Any) -> list[tuple[str, Any]]:
    stream = model.stream_events("What is the weather in Paris?", version="v3")
    return [(event["event"], without_ids(dict(event))) for event in stream]


async def test_a_coroutines_hit_streams_the_same(openai: ChatOpenAI, endpoint: Any, cache: SemanticCache) -> None:
    twin = cached_model(openai, cache)

    async def streamed() -> list[Any]:
        stream = await twin.astream_events("How are you?", version="v3")
        return [without_ids(dict(event)) async for event in stream]

    first, second = await streamed(), await streamed()

    assert first == second
    assert len(endpoint.asked) == 1


@pytest.mark.parametrize("through", [MnemeCache, cached_model], ids=lambda way: way.__name__)
def test_a_graph_streams_a_hit(chat: Callable[..., BaseChatModel], cache: SemanticCache, through: Any) -> None:
    create_agent = pytest.importorskip("langchain.agents").create_agent
    if through is cached_model:
        model = cached_model(chat(cache=None, answer=lambda _: AIMessage("It rains.")), cache)
    else:
        model = chat(cache=MnemeCache(cache), answer=lambda _: AIMessage("It rains."))
    agent = create_agent(model=model, tools=[])

    def run() -> Iterator[str]:
        for message in agent.stream_events({"messages": [("user", "weather?")]}, version="v3").messages:
            yield str(message.text)

    assert list(run()) == list(run()) == ["It rains."]
    assert len(model.asked) == 1
