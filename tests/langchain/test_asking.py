"""Whoever has a cached model in hand asks why it answers, and takes an answer back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from langchain_core.globals import set_llm_cache
from langchain_core.language_models import FakeListLLM
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

import mneme_langchain
from mneme import InvalidArgumentError, SemanticCache, served_hits
from mneme_langchain import (
    MnemeCache,
    aexplain,
    areport_wrong,
    cached_model,
    explain,
    report_wrong,
)

QUESTION, REWORDED = "how do I reset my password", "my password, how do I reset"


class Person(BaseModel):
    """Someone."""

    name: str


@tool
def weather(city: str) -> str:
    """Return the weather of a city."""
    return f"sunny in {city}"


def globally(model: Any, cache: SemanticCache) -> Any:
    set_llm_cache(MnemeCache(cache))
    return model


WAYS: dict[str, Callable[[Any, SemanticCache], Any]] = {
    "cached_model": cached_model,
    "its own cache": lambda model, cache: model.model_copy(update={"cache": MnemeCache(cache)}),
    "the global cache": globally,
}


@pytest.fixture
def openai(endpoint: Any) -> Iterator[ChatOpenAI]:
    yield ChatOpenAI(model="m", base_url=endpoint.url, api_key="k", max_retries=0)  # type: ignore[arg-type]  # a text
    set_llm_cache(None)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "bind",
    [
        lambda model: model,
        lambda model: model.bind_tools([Person]).bind(stop=["x"], temperature=0.5),
        lambda model: model.with_structured_output(Person),
        lambda model: model.with_structured_output(Person, method="function_calling").with_config(tags=["t"]),
    ],
    ids=["plain", "tools", "structure", "structure by tools"],
)
def test_a_call_is_explained_as_it_was_made(
    cache: SemanticCache, openai: ChatOpenAI, way: str, bind: Callable[[Any], Any]
) -> None:
    llm = bind(WAYS[way](openai, cache))
    before = explain(QUESTION, llm).outcome
    llm.invoke(QUESTION)
    block = [HumanMessage([{"type": "text", "text": QUESTION}, {"type": "image", "url": "https://x/y.png"}])]
    llm.invoke(block)

    assert (before, explain(QUESTION, llm).outcome, explain(block, llm).outcome) == ("no_match", "exact", "exact")
    assert explain([SystemMessage("Be rude."), HumanMessage(QUESTION)], llm).elsewhere == 2


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_is_taken_back(cache: SemanticCache, openai: ChatOpenAI, endpoint: Any, way: str) -> None:
    llm = WAYS[way](openai, cache)
    first = llm.invoke(QUESTION).content
    outcome = explain(REWORDED, llm).outcome
    reported = [report_wrong(REWORDED, llm), report_wrong(REWORDED, llm), report_wrong("never asked", llm)]
    answers = [llm.invoke(REWORDED).content, llm.invoke(QUESTION).content]

    assert (first, outcome, reported, answers) == ("answer 1", "semantic", [1, 0, 0], ["answer 2", "answer 1"])
    assert (report_wrong(QUESTION, llm), llm.invoke(QUESTION).content) == (1, "answer 3")


@pytest.mark.parametrize("way", WAYS)
async def test_the_same_awaited(cache: SemanticCache, openai: ChatOpenAI, way: str) -> None:
    llm = WAYS[way](openai, cache)
    await llm.ainvoke(QUESTION)
    outcome = (await aexplain(REWORDED, llm)).outcome

    assert (outcome, [await areport_wrong(REWORDED, llm) for _ in range(2)]) == ("semantic", [1, 0])


def test_a_stream_is_a_call_too(cache: SemanticCache, openai: ChatOpenAI) -> None:
    llm = cached_model(openai, cache)
    list(llm.stream(QUESTION))

    assert (explain(QUESTION, llm).outcome, report_wrong(QUESTION, llm)) == ("exact", 1)


def test_what_differs_from_a_call_of_the_same_question_is_told(cache: SemanticCache, openai: ChatOpenAI) -> None:
    llm = cached_model(openai, cache)
    llm.invoke(QUESTION)
    others = [[SystemMessage("Be rude."), HumanMessage(QUESTION)], QUESTION]
    found = [explain(others[0], llm), explain(others[1], llm.bind(temperature=0.9))]

    assert [each.other_vary[0].differs for each in found] == [("context differs",), ("model differs",)]


def test_a_scope_is_read_from_the_config(cache: SemanticCache, chat: Any) -> None:
    models = [
        cached_model(chat(cache=None), cache, scope_from_config="user"),
        chat(cache=MnemeCache(cache, scope_from_config="user")),
    ]
    for llm in models:
        config: Any = {"configurable": {"user": "ann"}}
        RunnableLambda(llm.invoke).invoke(QUESTION, config=config)

        assert explain(QUESTION, llm, config=config).outcome == "exact"
        assert explain(QUESTION, llm, config={"configurable": {"user": "bob"}}).outcome == "no_match"
        with pytest.raises(InvalidArgumentError, match="not cached: scope_from_config asks for 'user'"):
            explain(QUESTION, llm)
        assert report_wrong(QUESTION, llm, config=config) == 1


def test_a_model_without_a_cache_of_mneme_is_an_error(cache: SemanticCache, chat: Any) -> None:
    for llm in (chat(cache=None), chat(cache=False)):
        with pytest.raises(TypeError, match="not cached by Mneme"):
            explain(QUESTION, llm)
    with pytest.raises(TypeError, match="give a chat model"):
        report_wrong(QUESTION, FakeListLLM(responses=[]))


@pytest.fixture
def agents(cache: SemanticCache, openai: ChatOpenAI) -> Any:
    create_agent = pytest.importorskip("langchain.agents").create_agent  # not with the oldest langchain-core
    middleware = mneme_langchain.MnemeCacheMiddleware(cache, scope_from_context="user")
    agent: Any = create_agent(
        openai, tools=[weather], system_prompt="Be kind.", middleware=[middleware], context_schema=SimpleNamespace
    )
    return SimpleNamespace(
        middleware=middleware,
        llm=openai.bind_tools([weather]),
        asked=[SystemMessage("Be kind."), HumanMessage(QUESTION)],
        ask=lambda user: agent.invoke({"messages": [HumanMessage(QUESTION)]}, context=SimpleNamespace(user=user)),
    )


def test_the_middleware_explains_an_agents_call(agents: Any, endpoint: Any) -> None:
    endpoint.message = {"content": "one"}
    agents.ask("ann")
    reworded = [agents.asked[0], HumanMessage(REWORDED)]

    def outcome(asked: Any, **options: Any) -> str:
        return str(agents.middleware.explain(asked, agents.llm, **options).outcome)

    ann, bob = ({"context": {"user": user}} for user in ("ann", "bob"))
    assert [outcome(agents.asked, **ann), outcome(reworded, **ann)] == ["exact", "semantic"]
    assert [outcome(agents.asked, **bob), outcome(agents.asked)] == ["no_match", "bypass"]


async def test_the_middleware_takes_an_answer_back(agents: Any, endpoint: Any) -> None:
    for text in ("one", "two", "three"):
        endpoint.message = {"content": text}
        agents.ask("ann")
        context = {"context": {"user": "ann"}}
        if text == "one":
            assert agents.middleware.report_wrong(agents.asked, agents.llm, **context) == 1
        elif text == "two":
            why = await agents.middleware.aexplain(agents.asked, agents.llm, **context)
            assert (why.outcome, await agents.middleware.areport_wrong(agents.asked, agents.llm, **context)) == (
                "exact",
                1,
            )

    assert len(endpoint.asked) == 3


@pytest.mark.parametrize("way", WAYS)
async def test_what_was_served_is_noted(cache: SemanticCache, openai: ChatOpenAI, way: str) -> None:
    llm = WAYS[way](openai, cache)
    with served_hits() as hits:
        llm.invoke(QUESTION)
        llm.invoke(QUESTION)
        await llm.ainvoke(REWORDED)
        llm.batch([QUESTION, QUESTION])
    llm.invoke(QUESTION)

    assert [(hit.asked, hit.layer) for hit in hits] == [
        (QUESTION, "exact"),
        (REWORDED, "semantic"),
        *[(QUESTION, "exact")] * 2,
    ]
    assert cache.explain(REWORDED, like=hits[1].key).outcome == "semantic"
    assert cache.report_wrong(hits[1]) == 1
    assert cache.explain(REWORDED, like=hits[1].key).outcome == "reported_wrong"


async def test_streams_and_agents_that_were_served_are_noted(
    cache: SemanticCache, openai: ChatOpenAI, agents: Any, endpoint: Any
) -> None:
    llm = cached_model(openai, cache)
    endpoint.message = {"content": "one"}
    with served_hits() as hits:
        for _ in range(2):
            list(llm.stream(QUESTION))
            agents.ask("ann")
        assert [chunk.text async for chunk in llm.astream(REWORDED)]

    assert [hit.asked for hit in hits] == [QUESTION, QUESTION, REWORDED]
