"""What a person reads of stored answers; what integrations really store is read in their own tests."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mneme.tools.readable import readable

CALL = {"name": "get_weather", "args": {"city": "Bern", "days": 3}, "id": "1"}


def langchain(*generations: dict[str, Any]) -> str:
    return json.dumps({"v": 1, "generations": generations})


def message(content: Any, **fields: Any) -> dict[str, Any]:
    held = {"content": content, "tool_calls": [], "additional_kwargs": {}, **fields}
    return {"kind": "ChatGeneration", "info": None, "message_kind": "AIMessage", "message": held}


def chat(**said: Any) -> str:
    return json.dumps({"object": "chat.completion", "choices": [{"index": 0, "message": said}]})


def claude(*blocks: dict[str, Any]) -> str:
    return json.dumps({"type": "message", "role": "assistant", "content": blocks})


def llama(**answer: Any) -> str:
    return json.dumps({"v": 2, "via": [], "answer": answer})


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        (langchain({"kind": "Generation", "text": "Bern."}), "Bern."),
        (langchain(message("one"), message("two")), "one\n\ntwo"),
        (langchain(message([{"type": "thinking", "thinking": "hm"}, "a", {"type": "text", "text": "b"}])), "ab"),
        (langchain(message("", tool_calls=[CALL])), "calls tool get_weather(city=Bern, days=3)"),
        (
            langchain(message([{"type": "tool_use", "name": "get_weather", "input": {}}], tool_calls=[CALL, CALL])),
            "\n".join(["calls tool get_weather(city=Bern, days=3)"] * 2),
        ),
        (langchain(message([{"type": "image_url", "image_url": "…"}])), "[image_url]"),
        (
            langchain(message("", additional_kwargs={"function_call": {"name": "f", "arguments": '{"a": [1]}'}})),
            "calls tool f(a=[1])",
        ),
        (chat(content="Bern."), "Bern."),
        (chat(tool_calls=[{"function": {"name": "f", "arguments": "{damaged"}}]), "calls tool f({damaged)"),
        (chat(tool_calls=[{"function": {"name": "f", "arguments": "[1]"}}]), "calls tool f([1])"),
        (chat(content="I look.", tool_calls=[{"function": {"name": "f", "arguments": ""}}]), "I look.\ncalls tool f()"),
        (
            claude({"type": "text", "text": "I look."}, {"type": "tool_use", "name": "f", "input": {"a": None}}),
            "I look.\ncalls tool f(a=null)",
        ),
        (
            json.dumps(
                {
                    "object": "response",
                    "output": [
                        {"type": "reasoning", "summary": []},
                        {"type": "message", "content": [{"type": "output_text", "text": "Bern."}]},
                        {"type": "function_call", "name": "f", "arguments": '{"a": "b"}'},
                    ],
                }
            ),
            "Bern.\ncalls tool f(a=b)",
        ),
        (llama(text="Bern."), "Bern."),
        (llama(message={"blocks": [{"block_type": "image"}], "additional_kwargs": {}}), "[image]"),
        (
            llama(
                message={
                    "blocks": [{"block_type": "text", "text": ""}],
                    "additional_kwargs": {"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]},
                }
            ),
            "calls tool f()",
        ),
    ],
)
def test_the_text_and_the_tools_are_read(stored: str, read: str) -> None:
    assert readable(stored) == read


def test_the_pieces_of_a_stream_are_put_together() -> None:
    deltas = [{"content": "I "}, {"content": "look."}, {}]
    deltas += [{"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": '{"a":'}}]}]
    deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": " 1}"}}]}]
    chunks = [{"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": each}]} for each in deltas]
    usage = {"object": "chat.completion.chunk", "choices": [], "usage": {}}
    events = [
        {"type": "message_start"},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "I look."}},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "name": "f", "input": {}}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"a": '}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "1}"}},
        {"type": "message_stop"},
    ]

    assert [readable(json.dumps([*chunks, usage])), readable(json.dumps(events))] == ["I look.\ncalls tool f(a=1)"] * 2


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "plain text",
        "answer {no JSON",
        '{"an": "app\'s own JSON"}',
        "[1, 2]",
        '["a", "b"]',
        '{"v": 1, "generations": [{"kind": "Generation"}]}',
        '{"v": 1, "generations": [{"kind": 3}]}',
        '{"v": 9, "generations": [{"kind": "Generation", "text": "later"}]}',
        '{"v": 2, "via": [], "chunks": []}',
        '{"v": 2, "via": [], "answer": {"text": null}}',
        '{"object": "chat.completion", "choices": [{"index": [], "message": {}}]}',
        '{"type": "message", "role": "assistant", "content": [null]}',
        '{"type": "message", "role": "assistant", "content": []}',
        "[" * 100_000,
        "f4:short",
    ],
)
def test_what_has_no_known_shape_is_shown_as_it_is(stored: str) -> None:
    assert readable(stored) == stored


NAMES = [
    "v",
    "generations",
    "kind",
    "text",
    "message",
    "content",
    "type",
    "block_type",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "object",
    "index",
    "choices",
    "delta",
    "role",
    "answer",
    "chunks",
    "via",
    "blocks",
    "additional_kwargs",
    "output",
]
WORDS = ("text", "message", "chat.completion", "tool_use", "assistant", 1, 2)
JSON = st.recursive(
    st.none() | st.booleans() | st.sampled_from(WORDS) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
)


@given(JSON)
def test_no_json_is_an_error(value: Any) -> None:
    assert isinstance(readable(json.dumps(value)), str)


@given(st.text(alphabet=st.characters(exclude_characters="{[")))
def test_no_other_text_is_changed(text: str) -> None:
    assert readable(text) == text
