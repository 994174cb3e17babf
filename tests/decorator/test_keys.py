"""Which calls are the same call."""

from __future__ import annotations

import datetime
import enum
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionMessage
from pydantic import BaseModel, Field, PrivateAttr, SecretStr, field_serializer

from mneme import SemanticCache
from mneme_decorator import cached
from mneme_decorator._canonical import Unkeyable, canonical
from mneme_decorator._messages import read


class Colour(enum.Enum):
    RED = 1
    BLUE = 1.5


class Settings(BaseModel):
    tone: str = "kind"


class Wanted(BaseModel):
    name: str


@dataclass
class Point:
    x: int
    y: int


class Hidden(BaseModel):
    """Leaves its field out when dumped."""

    field: int = Field(exclude=True)

    def __init__(self, field: int) -> None:
        super().__init__(field=field)


class Moody(BaseModel):
    _mood: str = PrivateAttr("good")

    def moody(self, mood: str) -> Moody:
        self._mood = mood
        return self


class Named(Point):
    """Holds more than its fields."""

    def __init__(self, name: str) -> None:
        super().__init__(1, 2)
        self.name = name


class Told(dict[str, Any]):
    """A mapping with an attribute."""

    def __init__(self, tone: str) -> None:
        super().__init__()
        self.tone = tone


class OfAnAddress(datetime.tzinfo):
    def utcoffset(self, _: Any) -> datetime.timedelta:
        return datetime.timedelta(0)


def kind(**attributes: Any) -> Any:
    return type("Kind", (), attributes)


def member(value: Any) -> Any:
    return enum.Enum("Made", {"ONE": value}).ONE  # type: ignore[attr-defined]  # made here


def winter(**more: Any) -> datetime.datetime:
    return datetime.datetime(2024, 1, 2, **more)


VALUES = [
    Moody(),
    Moody().moody("bad"),
    Named("a"),
    Named("b"),
    Told("a"),
    Told("b"),
    kind(tone="a"),
    kind(tone="b"),
    member(1),
    member(2),
    member("1"),
    winter(),
    winter(fold=1),
    winter(tzinfo=ZoneInfo("Europe/Paris")),
    winter(tzinfo=ZoneInfo("Europe/Berlin")),
    winter(tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
    datetime.time(1),
    datetime.time(1, fold=1),
    None,
    True,
    False,
    0,
    1,
    1.0,
    "1",
    "",
    b"1",
    [],
    {},
    [1, 2],
    [2, 1],
    {"a": 1},
    {"a": None},
    {1: "a"},
    {"1": "a"},
    {"$mapping": []},
    {1, 2},
    Colour.RED,
    Colour.BLUE,
    Settings(),
    Settings(tone="rude"),
    Settings,
    Wanted,
    Point(1, 2),
    Point(2, 1),
    {"x": 1, "y": 2},
    datetime.date(2024, 1, 2),
    "2024-01-02",
    datetime.timedelta(days=1),
    Decimal("1.0"),
    uuid.UUID(int=1),
    Path("a"),
    (1, 2),
    (),
    SecretStr("s"),
    SecretStr("t"),
    Hidden(1),
    Hidden(2),
    int,
    str,
]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
)


def test_different_values_have_different_forms() -> None:
    forms = {repr(canonical(value, "it")) for value in VALUES}

    assert len(forms) == len(VALUES)


@settings(deadline=None)
@given(JSON)
def test_json_keeps_its_form_and_order_of_keys_does_not_count(value: Any) -> None:
    def reversed_keys(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: reversed_keys(item) for name, item in reversed(value.items())}
        return [reversed_keys(item) for item in value] if isinstance(value, list) else value

    assert canonical(reversed_keys(value), "it") == canonical(value, "it")


@pytest.mark.parametrize(
    "value", [object(), float("nan"), float("inf"), print, [object()], winter(tzinfo=OfAnAddress())]
)
def test_an_object_known_by_its_address_has_no_form(value: Any) -> None:
    with pytest.raises(Unkeyable, match=r"argument 'client'.*ignore="):
        canonical(value, "argument 'client'")


class Point3(BaseModel, arbitrary_types_allowed=True):
    """Writes what has no form as something that has one."""

    of: Any

    @field_serializer("of")
    def numbers(self, value: Any) -> list[int]:
        return list(value.numbers)


class Vector:
    def __init__(self, *numbers: int) -> None:
        self.numbers = numbers


def test_a_models_own_serializer_gives_a_field_its_form() -> None:
    forms = [canonical(Point3(of=Vector(*numbers)), "it") for numbers in ((1, 2), (1, 2), (1, 3))]

    assert (forms[0] == forms[1], forms[0] == forms[2]) == (True, False)


def ask_with(cache: SemanticCache, name: str) -> Any:
    """Make one of several functions that share a name."""

    @cached(cache)
    async def ask(prompt: str) -> str:
        return name

    return ask


def test_a_second_argument_of_a_positional_ones_name_is_another_argument(cache: SemanticCache) -> None:
    @cached(cache)
    def ask(prompt: str, /, *args: str, **more: Any) -> str:
        return f"{prompt} {args} {more}"

    first, other = ask("A q", prompt="B q"), ask("C q", prompt="B q")
    named = [ask("D", args="x"), ask("D", args="y"), ask("D", more=1), ask("D", more=2)]

    assert (first, other, len(set(named))) == ("A q () {'prompt': 'B q'}", "C q () {'prompt': 'B q'}", 4)


def test_an_argument_named_like_the_mark_of_a_second_one_is_another_argument(cache: SemanticCache) -> None:
    @cached(cache)
    def ask(prompt: str, /, **more: str) -> str:
        return repr(more)

    more: list[dict[str, str]] = [
        {"prompt": "x"},
        {"**prompt": "x"},
        {"****prompt": "x"},
        {"prompt": "x", "**prompt": "x"},
    ]

    assert [ask("a", **each) for each in more] == [repr(each) for each in more]


def test_a_class_that_holds_itself_has_a_form() -> None:
    made = kind(tone="a")
    made.all_of_them = [made]

    assert canonical(made, "it") == canonical(made, "it")


async def test_functions_of_one_factory_do_not_share_answers(cache: SemanticCache) -> None:
    small, large = ask_with(cache, "small"), ask_with(cache, "large")

    assert [await small("a"), await large("a")] == ["small", "large"]


@pytest.mark.parametrize(
    ("options", "calls", "expected"),
    [
        ({}, [{"trace": "1"}, {"trace": "2"}], 2),
        ({"ignore": ("trace",)}, [{"trace": "1"}, {"trace": "2"}], 1),
        ({"ignore": "trace"}, [{"trace": "1"}, {"trace": "2"}], 1),
        ({"vary": ("model",)}, [{"trace": "1"}, {"trace": "2"}], 1),
        ({"vary": ("model",)}, [{"model": "m"}, {"model": "n"}], 2),
        ({"vary": lambda a: {"m": a["model"].lower()}}, [{"model": "m"}, {"model": "M"}], 1),
        ({"query": "model", "vary": ()}, [{"prompt": "x", "model": "a b c d"}, {"prompt": "y", "model": "d c b a"}], 1),
        ({"query": lambda a: a["prompt"].strip("!"), "vary": ()}, [{"prompt": "hi!"}, {"prompt": "hi"}], 1),
    ],
)
async def test_what_counts_is_the_users_choice(
    cache: SemanticCache, options: dict[str, Any], calls: list[dict[str, str]], expected: int
) -> None:
    asked: list[str] = []

    @cached(cache, **options)
    async def ask(prompt: str = "p", model: str = "m", trace: str = "t") -> str:
        asked.append(prompt)
        return prompt

    for call in calls:
        await ask(**call)

    assert len(asked) == expected


async def test_a_default_that_cannot_be_keyed_is_the_same_in_every_call(cache: SemanticCache) -> None:
    unset: Any = object()

    @cached(cache)
    async def ask(prompt: str, stop: Any = unset) -> str:
        return prompt

    keys = [ask.cache_key("a"), ask.cache_key("a", unset), ask.cache_key("a", "stop")]

    assert (keys[0] == keys[1], keys[0] == keys[2]) == (True, False)


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
OTHER_IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,BBBB"}}


def test_the_last_text_of_the_last_user_message_is_asked() -> None:
    conversation = read([user("before"), user([text("one"), IMAGE, text("two")])], "m")

    assert (conversation.query, conversation.answers_user) == ("two", True)


def context(*messages: Any) -> Any:
    return read(list(messages), "messages").context


def test_a_text_and_a_block_of_text_are_the_same() -> None:
    assert context(user("hi")) == context(user([text("there")]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([user("a")], [{"role": "system", "content": "s"}, user("a")]),
        ([user("x"), user("a")], [user("y"), user("a")]),
        ([user([text("a"), IMAGE])], [user([text("a"), OTHER_IMAGE])]),
        ([user([text("a"), IMAGE])], [user([IMAGE, text("a")])]),
        ([user([text("x"), text("a")])], [user([text("y"), text("a")])]),
        ([user("a")], [user([text("a"), text("b")])]),
        ([user("a"), {"role": "assistant", "content": "b"}], [user("a"), {"role": "assistant", "content": "c"}]),
        ([{"role": "user", "parts": ["a"]}], [{"role": "user", "parts": ["b"]}]),
    ],
)
def test_everything_but_the_question_must_be_equal(one: list[Any], other: list[Any]) -> None:
    assert context(*one) != context(*other)


@pytest.mark.parametrize(
    "last",
    [
        {"role": "tool", "tool_call_id": "call_1", "content": "42"},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "42"}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "42"}, text("so?")]},
        {"type": "function_call_output", "call_id": "1", "output": "42"},
        {"role": "assistant", "content": "The answer is"},
        {"role": "user", "content": " "},
        {"role": "user", "content": [IMAGE]},
        {"role": "user", "parts": ["a"]},
    ],
)
def test_what_does_not_end_in_the_users_words_answers_no_question(last: dict[str, Any]) -> None:
    assert not read([user("what is it?"), last], "messages").answers_user


def test_ids_of_tool_calls_do_not_count_but_their_order_does() -> None:
    def turns(first: str, second: str, answered: str) -> Any:
        calls = [
            {"id": each, "type": "function", "function": {"name": "f", "arguments": "{}"}} for each in (first, second)
        ]
        result = {"role": "tool", "tool_call_id": answered, "content": "42"}
        return context(user("a"), {"role": "assistant", "tool_calls": calls}, result)

    assert (turns("a", "b", "a") == turns("x", "y", "x"), turns("a", "b", "a") == turns("a", "b", "b")) == (True, False)


def test_an_id_that_names_a_thing_counts() -> None:
    def reference(name: str) -> Any:
        return context({"type": "item_reference", "id": name}, user("a"))

    assert reference("msg_1") != reference("msg_2")


@dataclass
class Question:
    content: str
    role: str = "user"


def test_messages_may_be_models_and_dataclasses() -> None:
    said = ChatCompletionMessage(role="assistant", content="b")
    plain = [user("a"), {"role": "assistant", "content": "b"}, user("c")]

    assert read([Question("a"), said, Question("c")], "messages") == read(plain, "messages")


@pytest.mark.parametrize("message", ["a", object(), Question])
def test_what_is_no_message_has_no_key(message: Any) -> None:
    with pytest.raises(Unkeyable, match=r"messages\[0\]"):
        read([message], "messages")


def later(cache: SemanticCache) -> Any:
    @cached(cache)
    def ask(prompt: str) -> str:
        return prompt + suffix

    suffix = "!"
    return ask


def test_what_surrounds_a_function_may_be_assigned_later(cache: SemanticCache) -> None:
    assert later(cache)("a") == "a!"


@pytest.mark.parametrize("words", ["", "  ", "word " * 300])
async def test_blank_and_very_long_questions_are_compared_exactly(
    cache: SemanticCache, embedder: Any, words: str
) -> None:
    @cached(cache, cache_if=lambda _: True)
    async def ask(prompt: str) -> str:
        return "answer"

    await ask(words)

    assert embedder.calls == []


def test_a_key_does_not_depend_on_the_process() -> None:
    code = """
from mneme import *
from mneme.testing import WordEmbedder
from mneme_decorator import cached
cache = SemanticCache(store=MemoryStore(), embedder=WordEmbedder())
def ask(prompt: str, tags: set, more: dict) -> str: return prompt
print(cached(cache)(ask).cache_key("a", {"x", "y", "z"}, {1: "a", "b": b"c"}))
"""
    keys = [
        subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True)
        for seed in ("1", "2")
    ]

    assert (keys[0].returncode, keys[0].stdout) == (0, keys[1].stdout)
