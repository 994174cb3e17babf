"""What of a wrapped model makes it another one."""

from __future__ import annotations

import datetime
import enum
import logging
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel, FakeListChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import BaseModel, PrivateAttr, SecretStr

from mneme import SemanticCache
from mneme_langchain import cached_model
from mneme_langchain._messages import NotKeyedError
from mneme_langchain._settings import records_of, settings_digest


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Client:
    """Has no form: it holds what has none."""

    def __init__(self) -> None:
        self.connection = object()


class Conf:
    """Known by its state."""

    tone = "plain"

    def __init__(self, **state: Any) -> None:
        vars(self).update(state)


@dataclass
class Style:
    tone: str = "plain"


class Slotted:
    __slots__ = ("tone",)

    def __init__(self, tone: str) -> None:
        self.tone = tone


class Inner(BaseModel):
    temperature: float = 0.0


class Other(BaseModel):
    temperature: float = 0.0
    more: int = 0


class Writer:
    """Is called like a function."""

    def __init__(self, style: Any) -> None:
        self.style = style

    def __call__(self, text: str) -> str:
        return f"{self.style} {text}"


class Model(BaseChatModel):
    """Tells LangChain nothing of its fields."""

    style: Any = "plain"
    answer_key: Any = None
    client: Any = None
    render: Any = None
    asked: int = 0
    model_config = {"extra": "allow"}  # noqa: RUF012  # pydantic's own way

    @property
    def _llm_type(self) -> str:
        return "model"

    def _generate(self, messages: list[BaseMessage], *_: Any, **kwargs: Any) -> ChatResult:
        self.asked += 1
        return ChatResult(generations=[ChatGeneration(message=AIMessage(f"{self.style} {self.asked}"))])


class Named(BaseModel):
    name: str


class Numbered(enum.Enum):
    ONE = 1


def of_the_same_name(value: Any) -> Any:
    return enum.Enum("Numbered", {"ONE": value}, module=__name__).ONE  # type: ignore[attr-defined]  # made here


def of_itself() -> Conf:
    conf = Conf()
    conf.itself = [conf]  # type: ignore[attr-defined]  # that is the case
    return conf


def digest(**fields: Any) -> str:
    return settings_digest(Model(**fields), Model)


def made(style: Any) -> Callable[[str], str]:
    return lambda text: f"{style} {text}"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"style": "a"}, {"style": "b"}),
        ({"style": 1}, {"style": True}),
        ({"style": 1}, {"style": 1.0}),
        ({"style": ["a"]}, {"style": ("a",)}),
        ({"style": {"a": 1}}, {"style": {"a": 2}}),
        ({"style": {1}}, {"style": {2}}),
        ({"style": Colour.RED}, {"style": Colour.BLUE}),
        ({"style": Path("a")}, {"style": Path("b")}),
        ({"style": datetime.timedelta(1)}, {"style": datetime.timedelta(2)}),
        ({"style": Inner()}, {"style": Inner(temperature=1.0)}),
        ({"style": Inner}, {"style": Other}),
        ({"style": int}, {"style": str}),
        ({"style": Numbered.ONE}, {"style": of_the_same_name("other")}),
        ({"style": Conf(tone="a")}, {"style": Conf(tone="b")}),
        ({"style": Conf(inner=Conf(tone="a"))}, {"style": Conf(inner=Conf(tone="b"))}),
        ({"style": Style("a")}, {"style": Style("b")}),
        ({"style": Slotted("a")}, {"style": Slotted("b")}),
        ({"style": type("Kind", (), {"tone": "a"})}, {"style": type("Kind", (), {"tone": "b"})}),
        ({"style": type("Kind", (), {"tone": "a"})()}, {"style": type("Kind", (), {"tone": "b"})()}),
        ({"style": Named(name="a")}, {"style": Named(name="b")}),
        ({"style": re.compile("a")}, {"style": re.compile("b")}),
        ({"style": logging}, {"style": re}),
        ({"answer_key": "A"}, {"answer_key": "B"}),
        ({"answer_key": SecretStr("A")}, {"answer_key": SecretStr("B")}),
        ({"render": made("a")}, {"render": made("b")}),
        ({"render": made(["a"])}, {"render": made(["b"])}),
        ({"render": partial(made, "a")}, {"render": partial(made, "b")}),
        ({"render": Writer("a")}, {"render": Writer("b")}),
        ({}, {"extra": 1}),
    ],
)
def test_models_that_answer_differently_have_different_settings(one: Any, other: Any) -> None:
    assert digest(**one) != digest(**other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {}),
        ({"client": Client(), "async_client_running": Client()}, {"client": None, "async_client_running": None}),
        ({"style": Conf(tone="a")}, {"style": Conf(tone="a")}),
        ({"style": Conf(lock=threading.Lock())}, {"style": Conf(lock=threading.Lock())}),
        ({"style": of_itself()}, {"style": of_itself()}),
        ({"tags": ["a"], "name": "a", "verbose": True, "metadata": {"a": 1}}, {}),
        ({"asked": 1}, {"asked": 2}),
        ({"azure_ad_token_provider": made(Client())}, {"azure_ad_token_provider": made("b")}),
        ({"session_token": "a", "api_key": made(Client())}, {"session_token": "b", "api_key": made("b")}),
        ({"render": Writer("a")}, {"render": Writer("a")}),
    ],
)
def test_models_that_answer_alike_share_their_settings(one: Any, other: Any) -> None:
    assert digest(**one) == digest(**other)


@pytest.mark.parametrize("function", [made(Client()), made([Client()]), Writer(Client()), partial(made, Client())])
def test_a_function_that_depends_on_what_has_no_form_has_none(function: Any) -> None:
    with pytest.raises(NotKeyedError, match="render"):
        digest(render=function)


@pytest.mark.parametrize("value", [Client(), object(), iter([]), Conf(inner=Client()), Style(object())])  # type: ignore[arg-type]
def test_a_field_that_holds_what_has_no_form_has_none(value: Any) -> None:
    with pytest.raises(NotKeyedError, match="style"):
        digest(style=value)


class Moody(Model):
    """Keeps its mood where no field shows it."""

    _mood: str = PrivateAttr("kind")
    _asked: int = PrivateAttr(0)
    _client: Any = PrivateAttr(None)

    def moody(self, mood: str) -> Moody:
        self._mood = mood
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **kwargs: Any) -> ChatResult:
        self._asked += 1
        self._client = Client()
        return ChatResult(generations=[ChatGeneration(message=AIMessage(f"{self._mood} {self._asked}"))])


def test_private_attributes_count_but_for_records_and_clients(
    cache: SemanticCache, caplog: pytest.LogCaptureFixture
) -> None:
    models = [cached_model(Moody().moody(mood), cache) for mood in ("kind", "rude", "kind")]

    assert [model.invoke("q").content for model in models * 2] == ["kind 1", "rude 1", "kind 1"] * 2
    assert caplog.records == []


class Splitting(Model):
    """Changes copies of its fields, not them."""

    persona: str = "kind one"
    settings: dict[str, int] = {}  # noqa: RUF012  # pydantic copies it for each instance

    def _generate(self, messages: list[BaseMessage], *_: Any, **kwargs: Any) -> ChatResult:
        said = f"{self.persona.split().pop(0)} {self.settings.copy().pop('t', 0)}"
        return ChatResult(generations=[ChatGeneration(message=AIMessage(said))])


def test_a_field_whose_copy_is_changed_counts(cache: SemanticCache) -> None:
    models = [
        cached_model(Splitting(persona=persona, settings={"t": t}), cache)
        for persona, t in (("kind one", 1), ("rude one", 1), ("kind one", 2))
    ]

    assert [model.invoke("q").content for model in models] == ["kind 1", "rude 1", "kind 2"]


def test_what_a_model_changes_while_it_answers_is_its_record() -> None:
    assert (records_of(Model), records_of(FakeListChatModel)) == ({"asked"}, {"i"})


def test_models_that_tell_langchain_nothing_share_no_answers(cache: SemanticCache) -> None:
    kind, rude = (cached_model(Model(style=style), cache) for style in ("kind", "rude"))
    answers = [kind.invoke("q").content, rude.invoke("q").content, kind.invoke("q").content]
    kind.style = "odd"
    answers.append(kind.invoke("q").content)
    answers.append(kind.model_copy(update={"style": "new"}).invoke("q").content)

    assert answers == ["kind 1", "rude 1", "kind 1", "odd 2", "new 3"]


class Noting(Model):
    """Keeps a list that another of its methods writes."""

    notes: list[str] = []  # noqa: RUF012  # pydantic copies it for each instance

    def note(self) -> None:
        self.notes.append("a")

    def _generate(self, messages: list[BaseMessage], *_: Any, **kwargs: Any) -> ChatResult:
        self.note()
        return super()._generate(messages)


async def test_a_model_that_changes_a_field_that_counts_is_told_once(
    cache: SemanticCache, caplog: pytest.LogCaptureFixture
) -> None:
    model = cached_model(Noting(), cache)
    answers = [model.invoke("q").content, model.invoke("q").content, (await model.ainvoke("q")).content]

    assert (answers, len(caplog.records)) == (["plain 1", "plain 2", "plain 3"], 1)


def test_a_model_without_a_form_is_asked_without_the_cache(
    cache: SemanticCache, caplog: pytest.LogCaptureFixture
) -> None:
    model = cached_model(Model(render=made(Client())), cache)
    with caplog.at_level(logging.WARNING):
        answers = [model.invoke("q").content for _ in range(2)]

    assert (answers, len(caplog.records), "render" in caplog.text) == (["plain 1", "plain 2"], 1, True)
