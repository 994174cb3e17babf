"""Agents and graphs end in the same state with the cache and without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver

from mneme import SemanticCache
from mneme_langchain import MnemeCache, MnemeCacheMiddleware, cached_model

pytestmark = pytest.mark.filterwarnings("error")

QUESTION, REWORDED = "what is the weather in Paris", "in Paris, what is the weather"
Ways = dict[str, Callable[[Any, SemanticCache], dict[str, Any]]]


@tool
def weather(city: str) -> str:
    """Return the weather of a city."""
    return f"sunny in {city}"


def think(messages: list[BaseMessage]) -> Any:
    """Call the tool for a question, then say what came back."""
    if messages[-1].type == "tool":
        return AIMessage(f"It is {messages[-1].text}.")
    call = {"name": "weather", "args": {"city": "Paris"}, "id": f"call_{len(messages)}"}
    return AIMessage("", tool_calls=[call])


def chatter(messages: list[BaseMessage]) -> Any:
    return AIMessage(f"answer to {sorted(messages[-1].text.replace(',', '').split())}")


WAYS: Ways = {
    "no cache": lambda model, _: {"model": model},
    "BaseCache": lambda model, cache: {"model": model.model_copy(update={"cache": MnemeCache(cache)})},
    "cached_model": lambda model, cache: {"model": cached_model(model, cache)},
    "middleware": lambda model, cache: {"model": model, "middleware": [MnemeCacheMiddleware(cache)]},
}


def shown(state: dict[str, Any]) -> list[tuple[str, str, Any]]:
    return [
        (each.type, each.text, [call["args"] for call in getattr(each, "tool_calls", [])]) for each in state["messages"]
    ]


def run(chat: Any, cache: SemanticCache, way: str, answer: Any, tools: list[Any], turns: list[tuple[str, str]]) -> Any:
    model = chat(cache=None, answer=answer)
    agent = create_agent(tools=tools, checkpointer=InMemorySaver(), **WAYS[way](model, cache))
    states = []
    for thread, text in turns:
        config = {"configurable": {"thread_id": thread}}
        states.append(shown(agent.invoke({"messages": [("user", text)]}, config)))
    return states, len(model.asked)


SCRIPTS: dict[str, tuple[Any, list[Any], list[tuple[str, str]]]] = {
    "two threads ask the same": (chatter, [], [("1", QUESTION), ("2", QUESTION), ("1", "and now"), ("2", "and now")]),
    "a paraphrase in one thread": (chatter, [], [("1", QUESTION), ("1", REWORDED), ("1", QUESTION)]),
    "tool loops": (think, [weather], [("1", QUESTION), ("2", QUESTION), ("2", REWORDED)]),
}


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("way", [way for way in WAYS if way != "no cache"])
def test_states_are_those_without_the_cache(chat: Any, cache: SemanticCache, way: str, script: str) -> None:
    plain, calls = run(chat, cache, "no cache", *SCRIPTS[script])
    states, calls_through_cache = run(chat, cache, way, *SCRIPTS[script])

    assert states == plain
    assert calls_through_cache < calls or script == "a paraphrase in one thread"


@pytest.mark.parametrize("way", [way for way in WAYS if way != "no cache"])
async def test_async_agents_end_in_the_same_state(chat: Any, cache: SemanticCache, way: str) -> None:
    states = []
    for each in ("no cache", way, way):
        agent = create_agent(tools=[weather], **WAYS[each](chat(cache=None, answer=think), cache))
        states.append(shown(await agent.ainvoke({"messages": [("user", QUESTION)]})))

    assert states[0] == states[1] == states[2]


def test_messages_are_streamed_on_a_hit(chat: Any, cache: SemanticCache) -> None:
    model = cached_model(chat(cache=None, answer=chatter), cache)
    agent = create_agent(model, tools=[])
    streams = [
        [chunk.text for chunk, _ in agent.stream({"messages": [("user", QUESTION)]}, stream_mode="messages")]
        for _ in range(2)
    ]

    assert (streams[0] == streams[1], len(model.asked)) == (True, 1)


def test_the_runtime_context_tells_users_apart(chat: Any, cache: SemanticCache) -> None:
    model = chat(cache=None)
    middleware = MnemeCacheMiddleware(cache, scope_from_context=["user_id"])
    agent = create_agent(model, tools=[], middleware=[middleware], context_schema=dict)
    answers = [
        agent.invoke({"messages": [("user", QUESTION)]}, context=context)["messages"][-1].text
        for context in ({"user_id": "a"}, {"user_id": "b"}, {"user_id": "a"}, {}, {})
    ]

    assert answers == [f"counting-1 answer {number}" for number in (1, 2, 1, 3, 4)]
