"""What of a model and of a request makes it another one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, LLMMetadata, MessageRole
from llama_index.core.llms import MockLLM
from pydantic import BaseModel, Field, PrivateAttr, SecretStr

from mneme_llama_index._canonical import NotKeyedError, canonical
from mneme_llama_index._model_key import model_key
from mneme_llama_index._request import chat_request


class Inner(BaseModel):
    temperature: float = 0.0
    openai_api_key: SecretStr = SecretStr("s")
    answer_key: Any = "A"
    page_header: str = "A"


class Client:
    """Has no form but its address."""


class Model(MockLLM):
    inner: Inner = Field(default_factory=Inner)
    options: dict[str, Any] = Field(default_factory=dict)
    stops: list[Any] = Field(default_factory=list)
    home: Path = Path("a")
    client: Any = None
    _wrapped: Any = PrivateAttr(default=None)
    _calls: int = PrivateAttr(default=0)

    def __init__(self, wrapped: Any = None, **fields: Any) -> None:
        super().__init__()
        self._wrapped = wrapped
        for name, value in fields.items():
            setattr(self, name, value)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="m", system_role=MessageRole.SYSTEM)


def key(**fields: Any) -> Any:
    return repr(model_key(Model(**fields), Model))


class Writer:
    """Is called like a function."""

    def __init__(self, style: Any) -> None:
        self.style = style

    def __call__(self, messages: Any) -> str:
        return f"{self.style} {messages}"

    def write(self, messages: Any) -> str:
        return f"{self.style}: {messages}"


def made(style: Any) -> Any:
    return lambda messages: f"{style} {messages}"


def one(messages: Any) -> str:
    return "one"


def other(messages: Any) -> str:
    return "other"


@pytest.mark.parametrize(
    ("fields", "others"),
    [
        ({"inner": Inner(temperature=0.0)}, {"inner": Inner(temperature=1.0)}),
        ({"wrapped": Inner(temperature=0.0)}, {"wrapped": Inner(temperature=1.0)}),
        ({"options": {"a": {"b": 1}}}, {"options": {"a": {"b": 2}}}),
        ({"options": {"a": 1, "b": Client()}}, {"options": {"a": 2, "b": Client()}}),
        ({"stops": ["a"]}, {"stops": ["b"]}),
        ({"home": Path("a")}, {"home": Path("b")}),
        ({"client": Client()}, {"client": "text"}),
        ({"messages_to_prompt": one}, {"messages_to_prompt": other}),
        ({"messages_to_prompt": lambda messages: "a"}, {"messages_to_prompt": one}),
        ({"messages_to_prompt": made("a")}, {"messages_to_prompt": made("b")}),
        ({"messages_to_prompt": made(["a"])}, {"messages_to_prompt": made(["b"])}),
        ({"messages_to_prompt": made(made("a"))}, {"messages_to_prompt": made(made("b"))}),
        ({"messages_to_prompt": made(Inner())}, {"messages_to_prompt": made(Inner(temperature=1.0))}),
        ({"messages_to_prompt": made({"s": Writer})}, {"messages_to_prompt": made({"s": Client})}),
        ({"messages_to_prompt": partial(made, "a")}, {"messages_to_prompt": partial(made, "b")}),
        ({"messages_to_prompt": Writer("a")}, {"messages_to_prompt": Writer("b")}),
        ({"messages_to_prompt": Writer("a").write}, {"messages_to_prompt": Writer("b").write}),
        ({"options": {"with": made("a")}}, {"options": {"with": made("b")}}),
        ({"completion_to_prompt": len}, {"completion_to_prompt": print}),
        ({"client": Client}, {"client": Writer}),
        ({"inner": Inner(answer_key="A")}, {"inner": Inner(answer_key="B")}),
        ({"inner": Inner(answer_key=SecretStr("A"))}, {"inner": Inner(answer_key=SecretStr("B"))}),
        ({"inner": Inner(page_header="A")}, {"inner": Inner(page_header="B")}),
        ({"options": {"headers": {"x": "a"}}}, {"options": {"headers": {"x": "b"}}}),
    ],
)
def test_models_that_answer_differently_have_different_keys(fields: Any, others: Any) -> None:
    assert key(**fields) != key(**others)


@pytest.mark.parametrize(
    ("fields", "others"),
    [
        ({}, {}),
        ({"client": Client()}, {"client": Client()}),
        ({"inner": Inner(openai_api_key=SecretStr("a"))}, {"inner": Inner(openai_api_key=SecretStr("b"))}),
        ({"options": {"api_key": "a", "headers": {"x": "a"}}}, {"options": {"api_key": "b", "headers": {"X": "a"}}}),
        ({"messages_to_prompt": made("a")}, {"messages_to_prompt": made("a")}),
        ({"options": {"azure_ad_token_provider": made(Client())}}, {"options": {}}),
        ({"messages_to_prompt": Writer("a")}, {"messages_to_prompt": Writer("a")}),
    ],
)
def test_models_that_answer_alike_share_their_key(fields: Any, others: Any) -> None:
    assert key(**fields) == key(**others)


@pytest.mark.parametrize("function", [made(Client()), Writer(Client()), partial(made, Client())])
def test_a_function_that_depends_on_what_has_no_form_has_none(function: Any) -> None:
    with pytest.raises(NotKeyedError, match="messages_to_prompt"):
        key(messages_to_prompt=function)


def test_secrets_count_by_their_digest() -> None:
    forms = key(inner=Inner(answer_key="topsecret"), options={"default_headers": {"Authorization": "topsecret"}})

    assert "topsecret" not in forms


def test_what_a_model_remembers_does_not_count() -> None:
    model = Model()
    before = model_key(model, Model)
    model._calls += 1

    assert model_key(model, Model) == before


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (True, 1),
        ("a", b"a"),
        ([1, 2], [2, 1]),
        ({"a": 1}, {"a": 2}),
        ({1, 2}, [1]),
        (Inner, Model),
        ("", None),
    ],
)
def test_different_values_have_different_forms(one: Any, other: Any) -> None:
    assert repr(canonical(one)) != repr(canonical(other))


def test_a_set_has_one_form() -> None:
    assert canonical({"b", "a", "c"}) == canonical({"c", "b", "a"})


@pytest.mark.parametrize("value", [object(), float("nan"), {1: "a"}, [Client()], print])
def test_an_object_known_by_its_address_has_no_form(value: Any) -> None:
    with pytest.raises(NotKeyedError):
        canonical(value)


@pytest.mark.parametrize("messages", [[], [ChatMessage(role="assistant", content="a")], [ChatMessage(role="system")]])
def test_a_conversation_without_a_user_asks_nothing(messages: list[ChatMessage]) -> None:
    request = chat_request(messages, {}, {})

    assert (request.query, request.mode) == ("", "exact")
