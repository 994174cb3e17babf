"""context="similar": conversations worded differently share answers, others do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from mneme import SemanticCache
from mneme_langchain import MnemeCache, cached_model

ROUTER, REWORDED, MODEM = "How do I reset my router?", "How can I reset my router?", "How do I reset my modem?"
PRESS = "Press the button."


@pytest.fixture(params=["BaseCache", "cached_model"])
def model(request: pytest.FixtureRequest, chat: Callable[..., Any], cache: SemanticCache) -> Any:
    if request.param == "BaseCache":
        return chat(cache=MnemeCache(cache, context="similar"))
    return cached_model(chat(cache=None), cache, context="similar")


def conversation(*turns: Any, question: str = "How long does it take?") -> list[Any]:
    return [*turns, HumanMessage(question)]


PICTURE = {"type": "image", "base64": "AA==", "mime_type": "image/png"}
FIRST = (HumanMessage(ROUTER), AIMessage(PRESS))


@pytest.mark.parametrize(
    ("turns", "shared"),
    [
        (FIRST, True),
        ((HumanMessage(REWORDED), AIMessage(PRESS)), True),
        ((HumanMessage(MODEM), AIMessage(PRESS)), False),
        ((HumanMessage(ROUTER), AIMessage("Pull the plug.")), False),
        ((SystemMessage("Be brief."), *FIRST), False),
        (
            (HumanMessage([{"type": "text", "text": ROUTER}, PICTURE]), AIMessage(PRESS)),
            False,
        ),
        ((HumanMessage(ROUTER, name="kim"), AIMessage(PRESS)), False),
        (FIRST[:1], False),
        ((), False),
    ],
    ids=["equal", "reworded", "other", "other answer", "system", "image", "name", "fewer", "none"],
)
def test_answers_are_shared_where_the_turns_say_the_same(model: Any, turns: Any, shared: bool) -> None:
    first = model.invoke(conversation(*FIRST))
    again = model.invoke(conversation(*turns))

    assert (again.content == first.content) is shared
    assert len(model.asked) == (1 if shared else 2)


def test_a_system_message_keeps_its_place_among_the_turns(model: Any) -> None:
    brief = SystemMessage("Be brief.")
    model.invoke(conversation(brief, *FIRST))
    model.invoke(conversation(*FIRST, brief))

    assert len(model.asked) == 2


def test_a_first_question_is_answered_as_ever(model: Any) -> None:
    question, reworded = "what is the weather in Paris", "in Paris, what is the weather"
    assert model.invoke(question).content == model.invoke(reworded).content


def test_another_context_is_named(cache: SemanticCache) -> None:
    with pytest.raises(ValueError, match="'near'"):
        MnemeCache(cache, context="near")
