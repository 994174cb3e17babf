"""Whoever has a cached model in hand asks why it answers, and takes an answer back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core import Document, MockEmbedding, VectorStoreIndex
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.prompts import PromptTemplate

from mneme import InvalidArgumentError, SemanticCache, served_hits
from mneme_llama_index import aexplain, areport_wrong, cached_llm, explain, report_wrong

QUESTION, REWORDED = "how do I reset my password", "my password, how do I reset"
TEMPLATE = PromptTemplate("Be brief. {query_str}")


def chat(text: str) -> Any:
    return [ChatMessage("Be kind.", role="system"), ChatMessage(text)]


CALLS: dict[str, tuple[Callable[[str], Any], bool, Callable[[Any, str], Any]]] = {
    "chat": (chat, False, lambda llm, text: llm.chat(chat(text)).message.content),
    "complete": (str, False, lambda llm, text: llm.complete(text).text),
    "stream_chat": (chat, True, lambda llm, text: [each.delta for each in llm.stream_chat(chat(text))]),
    "stream_complete": (str, True, lambda llm, text: [each.delta for each in llm.stream_complete(text)]),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_call_is_explained_and_its_answer_taken_back(cache: SemanticCache, any_llm: Any, call: str) -> None:
    llm = cached_llm(any_llm, cache)
    prompt, stream, ask = CALLS[call]
    before = explain(prompt(QUESTION), llm, stream=stream).outcome
    ask(llm, QUESTION)
    outcomes = [explain(prompt(text), llm, stream=stream).outcome for text in (QUESTION, REWORDED)]
    reported = [report_wrong(prompt(REWORDED), llm, stream=stream) for _ in range(2)]
    after = [explain(prompt(text), llm, stream=stream).outcome for text in (QUESTION, REWORDED)]

    assert (before, outcomes, reported) == ("no_match", ["exact", "semantic"], [1, 0])
    assert after == ["exact", "reported_wrong"]
    assert explain(prompt(QUESTION), llm, stream=not stream).elsewhere == 1


async def test_the_same_awaited(cache: SemanticCache, any_llm: Any) -> None:
    llm = cached_llm(any_llm, cache)
    await llm.achat(chat(QUESTION))
    outcome = (await aexplain(chat(REWORDED), llm)).outcome

    assert (outcome, [await areport_wrong(chat(REWORDED), llm) for _ in range(2)]) == ("semantic", [1, 0])


@pytest.mark.parametrize("model", ["counting", "openai"])
def test_a_prediction_is_explained_by_its_template(
    cache: SemanticCache, model: str, request: pytest.FixtureRequest
) -> None:
    made = request.getfixturevalue(model)
    llm = cached_llm(made() if model == "counting" else made, cache)
    llm.predict(TEMPLATE, query_str=QUESTION)
    outcomes = [explain(TEMPLATE, llm, query_str=text).outcome for text in (QUESTION, REWORDED, "never asked")]

    assert outcomes == ["exact", "semantic", "below_threshold"]
    assert report_wrong(TEMPLATE, llm, query_str=QUESTION) == 1


def test_other_arguments_of_the_call_count(cache: SemanticCache, openai: Any) -> None:
    llm = cached_llm(openai, cache)
    llm.complete(QUESTION, temperature=0.9)

    assert [explain(QUESTION, llm, **more).outcome for more in ({"temperature": 0.9}, {})] == ["exact", "no_match"]


def test_a_query_engines_hits_are_noted(cache: SemanticCache, openai: Any) -> None:
    index = VectorStoreIndex.from_documents([Document(text="The shop opens at nine.")], embed_model=MockEmbedding(8))
    engine = index.as_query_engine(llm=cached_llm(openai, cache))
    engine.query(QUESTION)
    with served_hits() as hits:
        engine.query(REWORDED)

    assert [(hit.asked, hit.layer) for hit in hits] == [(REWORDED, "semantic")]
    assert cache.explain(REWORDED, like=hits[0].key).outcome == "semantic"
    assert (cache.report_wrong(hits[0]), cache.explain(REWORDED, like=hits[0].key).outcome) == (1, "reported_wrong")


def test_what_is_not_cached_is_an_error(cache: SemanticCache, counting: Any) -> None:
    with pytest.raises(TypeError, match="CountingLLM is not cached by Mneme"):
        explain(QUESTION, counting())
    with pytest.raises(InvalidArgumentError, match="this call is not cached"):
        report_wrong(QUESTION, cached_llm(counting(), cache), tools=object())
