"""How answers are kept, and which."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Optional, TypedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import Response
from pydantic import BaseModel, Field, SecretStr

from mneme_decorator import is_complete
from mneme_decorator._admission import calls_tools
from mneme_decorator._codecs import codec_for


class Answer(BaseModel):
    text: str
    note: str | None = None
    number: str = Field(default_factory=lambda: uuid.uuid4().hex)


class Wide(Answer):
    more: str = "more"


class Titled(BaseModel):
    text: str = Field(alias="theText")


class Hidden(BaseModel):
    secret: SecretStr


class Row(TypedDict):
    name: str
    price: float


@dataclass
class Point:
    x: int
    y: int = 0


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (str, "text"),
        (str, ""),
        (int, 7),
        (bool, True),
        (float, 1.5),
        (list[str], ["a", "b"]),
        (dict, {"a": [1, None]}),
        (dict[str, Any], {"a": {"b": 1.0}}),
        (Row, {"name": "tea", "price": 2.5}),
        (list[Row], [{"name": "tea", "price": 2.5}]),
        (str | None, "text"),
        (Optional[int], None),  # noqa: UP045  # the old spelling is an annotation too
        (Literal["yes", "no"], "yes"),
        (Answer, Answer(text="a")),
        (list[Answer], [Answer(text="a"), Answer(text="b", note="c")]),
        (Answer | Point, Point(1)),
        (dict[str, Point], {"a": Point(1, 2)}),
        (Titled, Titled(theText="a")),
        (tuple[int, str], (1, "a")),
    ],
)
def test_an_answer_comes_back_as_it_was(annotation: Any, value: Any) -> None:
    codec = codec_for(annotation)
    text = codec.encode(value)

    assert text is not None
    assert (codec.decode(text), type(codec.decode(text))) == (value, type(value))


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_every_text_comes_back_from_json(text: str) -> None:
    codec = codec_for(dict[str, str])
    kept = codec.encode({"a": text})

    assert kept is not None
    assert codec.decode(kept) == {"a": text}


def test_fields_that_were_not_set_stay_so() -> None:
    codec = codec_for(Answer)
    kept = codec.encode(Answer(text="a", number="1"))

    assert kept is not None
    assert codec.decode(kept).model_fields_set == {"text", "number"}


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (str, 7),
        (dict[str, Any], {1: "a"}),
        (dict[str, Any], {"a": [OrderedDict(b=1)]}),
        (list[int], (1, 2)),
        (Answer, Wide(text="a")),
        (Hidden, Hidden(secret=SecretStr("s"))),
    ],
)
def test_an_answer_that_would_come_back_different_is_not_kept(annotation: Any, value: Any) -> None:
    assert codec_for(annotation).encode(value) is None


@pytest.mark.parametrize(
    "annotation",
    [Any, object, Iterator[str], AsyncIterator[str], Awaitable[str], type("Plain", (), {})],
)
def test_answers_without_a_codec_are_a_type_error(annotation: Any) -> None:
    with pytest.raises(TypeError):
        codec_for(annotation)


def chat(reason: str | None, **message: Any) -> dict[str, Any]:
    return {"choices": [{"finish_reason": reason, "message": {"role": "assistant", **message}}]}


def anthropic(reason: str, *content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "stop_reason": reason, "content": list(content)}


def response(status: str, *output: dict[str, Any]) -> Response:
    return Response.model_construct(object="response", status=status, output=list(output))


CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("answer", "complete"),
    [
        ("text", True),
        (" ", False),
        (None, False),
        ({"choices": ["red", "blue"]}, True),
        ({}, True),
        (chat("stop", content="a"), True),
        (chat("length", content="a"), False),
        (chat("content_filter", content="a"), False),
        (chat(None, content="a"), False),
        (chat("stop", content=""), False),
        (chat("stop", content="a", refusal="no"), False),
        (chat("tool_calls", tool_calls=[CALL]), True),
        ({"choices": [{"finish_reason": "stop", "text": "a"}]}, True),
        (anthropic("end_turn", {"type": "text", "text": "a"}), True),
        (anthropic("max_tokens", {"type": "text", "text": "a"}), False),
        (anthropic("refusal", {"type": "text", "text": "a"}), False),
        (anthropic("tool_use", {"type": "tool_use", "name": "f"}), True),
        (anthropic("end_turn"), False),
        (response("completed", {"type": "message", "content": [{"type": "output_text", "text": "a"}]}), True),
        (response("completed", {"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}), False),
        (response("incomplete", {"type": "message", "content": [{"type": "output_text", "text": "a"}]}), False),
    ],
)
def test_only_whole_answers_are_complete(answer: Any, complete: bool) -> None:
    assert is_complete(answer) is complete


@pytest.mark.parametrize(
    ("answer", "calls"),
    [
        ("text", False),
        (chat("stop", content="a"), False),
        (chat("tool_calls", tool_calls=[CALL]), True),
        (chat("function_call", function_call={"name": "f"}), True),
        (anthropic("tool_use", {"type": "text", "text": "a"}, {"type": "tool_use", "name": "f"}), True),
        (response("completed", {"type": "function_call", "name": "f"}), True),
        (response("completed", {"type": "message", "content": []}), False),
    ],
)
def test_calls_of_tools_are_seen(answer: Any, calls: bool) -> None:
    assert calls_tools(answer) is calls
