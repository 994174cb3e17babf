"""What is stored for LangChain's calls reads as its answers."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.language_models import FakeListLLM
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI

from mneme import SemanticCache
from mneme_langchain import MnemeCache, cached_model

QUESTION = "how is the weather in Bern"
CALL = {"name": "get_weather", "args": {"city": "Bern"}, "id": "1", "type": "tool_call"}
CALLS = {"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Bern"}'}}


@pytest.fixture
def openai(endpoint: Any) -> ChatOpenAI:
    endpoint.message = {"content": "I look.", "tool_calls": [CALLS]}
    return ChatOpenAI(model="m", base_url=endpoint.url, api_key="k", max_retries=0)  # type: ignore[arg-type]  # a text


@pytest.fixture
def cache(filed: SemanticCache) -> SemanticCache:
    """What LangChain uses in the whole process, too."""
    return filed


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("Sunny.", "Sunny."),
        (AIMessage("I look.", tool_calls=[CALL]), "I look.\ncalls tool get_weather(city=Bern)"),
        (AIMessage([{"type": "text", "text": "Sun"}, {"type": "text", "text": "ny."}]), "Sunny."),
    ],
)
def test_an_answer_of_the_cache_and_of_a_wrapped_model(
    cache: SemanticCache, read: Any, chat: Any, answer: Any, text: str
) -> None:
    for model in (chat(answer=lambda _: answer), cached_model(chat(answer=lambda _: answer, cache=None), cache)):
        model.invoke(QUESTION)

    assert read() == [text, text]


def test_a_stream_with_tool_calls(cache: SemanticCache, read: Any, openai: ChatOpenAI) -> None:
    list(cached_model(openai, cache).stream(QUESTION))

    assert read() == ["Ilook.\ncalls tool get_weather(city=Bern)"]  # the endpoint drops what is between words


def test_a_plain_model(cache: SemanticCache, read: Any, llm_cache: MnemeCache) -> None:
    FakeListLLM(responses=["Sunny."], cache=llm_cache).invoke(QUESTION)

    assert read() == ["Sunny."]
