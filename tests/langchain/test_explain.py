"""MnemeCache says why a request hits, and takes back an answer."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.language_models import FakeListLLM
from langchain_core.messages import HumanMessage, SystemMessage
from pydantic import BaseModel

from mneme import InvalidArgumentError, SemanticCache
from mneme.testing import FakeClock
from mneme_langchain import MnemeCache

QUESTION, REWORDED = "how do I reset my password", "my password, how do I reset"


class Person(BaseModel):
    """Someone."""

    name: str


def test_a_request_is_explained(llm_cache: MnemeCache, chat: Any) -> None:
    model = chat()
    before = llm_cache.explain(QUESTION, model).outcome
    model.invoke(QUESTION)
    system = [SystemMessage("Be rude."), HumanMessage(QUESTION)]
    others = [llm_cache.explain(system, model), llm_cache.explain(QUESTION, chat(temperature=1.0))]

    assert (before, llm_cache.explain(QUESTION, model).outcome) == ("no_match", "exact")
    assert llm_cache.explain(REWORDED, model).outcome == "semantic"
    assert [(each.outcome, each.elsewhere) for each in others] == [("no_match", 1)] * 2


async def test_the_same_awaited(llm_cache: MnemeCache, chat: Any) -> None:
    model = chat()
    await model.ainvoke(QUESTION)
    outcome = (await llm_cache.aexplain(REWORDED, model)).outcome
    reported = [await llm_cache.areport_wrong(REWORDED, model), await llm_cache.areport_wrong(REWORDED, model)]

    assert (outcome, reported) == ("semantic", [1, 0])


def test_a_bound_model_is_the_model_with_what_is_bound(llm_cache: MnemeCache, chat: Any) -> None:
    bound = chat().bind_tools([Person]).bind(stop=["x"])
    bound.invoke(QUESTION)

    assert llm_cache.explain(QUESTION, bound).outcome == "exact"
    assert llm_cache.explain(QUESTION, chat()).outcome == "no_match"


def test_an_answer_is_taken_back(llm_cache: MnemeCache, chat: Any) -> None:
    model = chat()
    first = model.invoke(QUESTION).content
    reported = [llm_cache.report_wrong(REWORDED, model), llm_cache.report_wrong("never asked", model)]
    answers = [model.invoke(REWORDED).content, model.invoke(QUESTION).content]

    assert (first, reported, answers) == ("counting-1 answer 1", [1, 0], ["counting-1 answer 2", "counting-1 answer 1"])


def test_langchains_own_strings_will_do(llm_cache: MnemeCache) -> None:
    model = FakeListLLM(responses=["one", "two"], cache=llm_cache)
    model.invoke(QUESTION)
    strings: list[tuple[str, str]] = []
    llm_cache.lookup = lambda prompt, llm_string: strings.append((prompt, llm_string))  # type: ignore[method-assign,assignment,func-returns-value]
    model.invoke(QUESTION)

    assert llm_cache.explain(*strings[0]).outcome == "exact"


def test_what_is_not_cached_is_an_error(llm_cache: MnemeCache, chat: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="not cached: the model's parameters hold"):
        llm_cache.explain(QUESTION, "<object at 0x7f00>")
    with pytest.raises(TypeError, match="give a chat model"):
        llm_cache.explain(QUESTION, FakeListLLM(responses=[]))


def test_a_ttl_ends_an_answer(embedder: Any, chat: Any) -> None:
    clock = FakeClock()
    with SemanticCache.open("memory:", embedder=embedder, clock=clock) as cache:
        model = chat(cache=MnemeCache(cache, ttl=60))
        answers = [model.invoke(QUESTION).content, model.invoke(QUESTION).content]
        clock.advance(61)
        answers.append(model.invoke(QUESTION).content)

    assert answers == ["counting-1 answer 1"] * 2 + ["counting-1 answer 2"]


@pytest.mark.parametrize("ttl", [0, -1, "1h", float("nan"), True])
def test_a_ttl_that_cannot_be_is_refused(cache: SemanticCache, ttl: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="ttl"):
        MnemeCache(cache, ttl=ttl)
