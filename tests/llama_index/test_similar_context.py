"""context="similar": conversations worded differently share answers, others do not."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock, ThinkingBlock
from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.core.prompts import ChatPromptTemplate
from pydantic import BaseModel

from mneme import SemanticCache
from mneme_llama_index import cached_llm

ROUTER, REWORDED, MODEM = "How do I reset my router?", "How can I reset my router?", "How do I reset my modem?"
QUESTION, ASKED_AGAIN = "How long does it take?", "how long does it take"
PRESS = "Press the button."


def user(content: Any, **more: Any) -> ChatMessage:
    given = {"content": content} if isinstance(content, str) else {"blocks": content}
    return ChatMessage(role="user", **given, additional_kwargs=more)


def assistant(text: str) -> ChatMessage:
    return ChatMessage(role="assistant", content=text)


BRIEF = ChatMessage(role="system", content="Be brief.")
PICTURE = ImageBlock(url="http://a/b.png")
THOUGHT = ChatMessage(role="assistant", blocks=[ThinkingBlock(content="Hm."), TextBlock(text=PRESS)])
RESULT = "Observation: 42 and 43"
FIRST = (user(ROUTER), assistant(PRESS))


@pytest.fixture
def llm(cache: SemanticCache, counting: Any) -> Any:
    return cached_llm(counting(), cache, context="similar")


def after(*turns: ChatMessage, question: str = QUESTION) -> list[ChatMessage]:
    return [*turns, user(question)]


@pytest.mark.parametrize(
    ("turns", "shared"),
    [
        (FIRST, True),
        ((user(REWORDED), assistant(PRESS)), True),
        ((user(MODEM), assistant(PRESS)), False),
        ((user(ROUTER), assistant("Pull the plug.")), False),
        ((BRIEF, *FIRST), False),
        ((user([TextBlock(text=ROUTER), PICTURE]), assistant(PRESS)), False),
        ((user([TextBlock(text="Hello."), TextBlock(text=ROUTER)]), assistant(PRESS)), False),
        ((user(ROUTER), THOUGHT), False),
        ((user(ROUTER, name="kim"), assistant(PRESS)), False),
        (FIRST[:1], False),
        ((), False),
    ],
    ids=["equal", "reworded", "other", "answer", "system", "image", "texts", "thought", "name", "fewer", "none"],
)
async def test_answers_are_shared_where_the_turns_say_the_same(llm: Any, turns: Any, shared: bool) -> None:
    first = llm.chat(after(*FIRST)).message.content
    again = llm.chat(after(*turns)).message.content

    assert ((again == first), (await llm.achat(after(*turns))).message.content) == (shared, again)


@pytest.mark.parametrize(
    ("one", "other"), [((BRIEF, *FIRST), (*FIRST, BRIEF)), ((user(RESULT),), (user("Observation: 43 and 42"),))]
)
def test_what_is_no_turn_must_be_equal_and_in_its_place(llm: Any, one: Any, other: Any) -> None:
    answers = [llm.chat(after(*turns)).message.content for turns in (one, other, one)]

    assert answers == ["answer 1", "answer 2", "answer 1"]


async def test_streams_are_shared_too(llm: Any) -> None:
    chunks = [
        [chunk.delta for chunk in llm.stream_chat(after(user(text), assistant(PRESS)))] for text in (ROUTER, REWORDED)
    ]
    again = [chunk.delta async for chunk in await llm.astream_chat(after(user(REWORDED), assistant(PRESS)))]

    assert (chunks[0] == chunks[1] == again, len(llm._asked)) == (True, 1)


def test_a_first_question_is_answered_as_ever(llm: Any) -> None:
    answers = [llm.chat([user(text)]).message.content for text in (QUESTION, ASKED_AGAIN)]

    assert (answers, llm.complete(QUESTION).text, llm.complete(ASKED_AGAIN).text) == (
        ["answer 1"] * 2,
        "answer 2",
        "answer 2",
    )


@pytest.mark.parametrize("question", ["word " * 300, RESULT])
def test_what_is_compared_exactly_is_so_with_its_turns(llm: Any, question: str) -> None:
    answers = [
        llm.chat(after(user(text), assistant(PRESS), question=question)).message.content
        for text in (ROUTER, REWORDED, ROUTER)
    ]

    assert answers == ["answer 1", "answer 2", "answer 1"]


def test_the_turns_of_a_template_must_be_equal(llm: Any) -> None:
    def predict(turn: str) -> Any:
        messages = [("user", turn), ("assistant", PRESS), ("user", "{query_str}")]
        return llm.predict(ChatPromptTemplate.from_messages(messages), query_str=QUESTION)

    assert [predict(turn) for turn in (ROUTER, REWORDED, ROUTER)] == ["answer 1", "answer 2", "answer 1"]


class Minutes(BaseModel):
    minutes: int = 1


def test_the_model_within_a_structured_one_compares_alike(cache: SemanticCache, counting: Any) -> None:
    structured = cached_llm(StructuredLLM(llm=counting(), output_cls=Minutes), cache, context="similar")
    answers = [structured.llm.chat(after(user(text), assistant(PRESS))).message.content for text in (ROUTER, REWORDED)]

    assert answers == ["answer 1", "answer 1"]
