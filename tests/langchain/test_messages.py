import json

import pytest
from langchain_core.load import dumps
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from pydantic import BaseModel

from mneme_langchain._messages import NotKeyedError, parse_messages


def parsed(*messages: BaseMessage) -> list[dict[str, object]] | None:
    return parse_messages(dumps(list(messages)))


def test_messages_become_kinds_and_blocks():
    found = parsed(SystemMessage("Be terse."), HumanMessage("Who?"), ChatMessage("hm", role="critic"))

    assert found == [
        {"kind": "system", "content": [{"type": "text", "text": "Be terse."}]},
        {"kind": "human", "content": [{"type": "text", "text": "Who?"}]},
        {"kind": "chat", "role": "critic", "content": [{"type": "text", "text": "hm"}]},
    ]


def test_a_hit_in_the_history_equals_the_answer_it_replays():
    usage = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    fresh = AIMessage("Austen", id="lc_run--1", usage_metadata=usage, response_metadata={"id": "chatcmpl-1"})
    replayed = AIMessage("Austen").model_copy(update={"usage_metadata": {**usage, "total_cost": 0}})

    assert parsed(HumanMessage("Who?"), fresh) == parsed(HumanMessage("Who?"), replayed)


def test_a_streamed_answer_in_the_history_equals_a_whole_one():
    chunks = [{"name": "add", "args": '{"a": 1}', "id": "x", "index": 0}]
    call = {"name": "add", "args": {"a": 1}, "id": "y"}

    assert parsed(AIMessageChunk("", tool_call_chunks=chunks)) == parsed(AIMessage("", tool_calls=[call]))


def test_tool_calls_are_told_apart_by_place_and_not_by_their_random_ids():
    def turn(first: str, second: str) -> list[dict[str, object]] | None:
        calls = [{"name": "f", "args": {"x": i}, "id": each} for i, each in enumerate((first, second))]
        return parsed(
            AIMessage([{"type": "tool_use", "id": first, "name": "f", "input": {"x": 0}}], tool_calls=calls),
            ToolMessage("two", tool_call_id=second, artifact={"raw": first}),
        )

    assert turn("toolu_1", "toolu_2") == turn("call_8", "call_9")


def test_what_a_provider_says_twice_counts_once():
    call = {"name": "f", "args": {}, "id": "a"}
    raw = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}

    assert parsed(AIMessage("", tool_calls=[call], additional_kwargs={"tool_calls": [raw]})) == parsed(
        AIMessage("", tool_calls=[call])
    )


def test_a_structured_answer_in_the_history_equals_its_replay():
    class Person(BaseModel):
        name: str

    fresh, replayed = (
        AIMessage("{}", additional_kwargs={"parsed": value}) for value in (Person(name="Jane"), {"name": "Jane"})
    )

    assert parsed(fresh) == parsed(replayed)


def test_the_answer_to_another_tool_call_is_another_conversation():
    calls = [{"name": "f", "args": {}, "id": "a"}, {"name": "g", "args": {}, "id": "b"}]

    first, second = (
        parsed(AIMessage("", tool_calls=calls), ToolMessage("1", tool_call_id=each)) for each in ("a", "b")
    )

    assert first != second


def test_a_failed_tool_is_told_from_one_that_worked():
    assert parsed(ToolMessage("x", tool_call_id="a", status="error")) != parsed(ToolMessage("x", tool_call_id="a"))


def test_the_order_of_a_tool_calls_arguments_does_not_matter():
    one, two = (
        AIMessage("", tool_calls=[{"name": "f", "args": args, "id": "a"}])
        for args in ({"x": 1, "y": 2}, {"y": 2, "x": 1})
    )

    assert json.dumps(parsed(one), sort_keys=True) == json.dumps(parsed(two), sort_keys=True)


def test_block_ids_that_langchain_makes_up_are_dropped_and_others_kept():
    found = parsed(HumanMessage([{"type": "text", "text": "a", "id": "lc_7"}, {"type": "file", "id": "file_7"}]))

    assert found == [{"kind": "human", "content": [{"type": "text", "text": "a"}, {"type": "file", "id": "file_7"}]}]


def test_a_block_that_looks_like_langchains_own_format_is_read_as_the_users():
    block = {"type": "text", "text": "hello", "lc": 1}

    assert parsed(HumanMessage([block])) == [{"kind": "human", "content": [block]}]


def test_a_message_that_only_its_repr_describes_is_not_keyed():
    with pytest.raises(NotKeyedError):
        parsed(HumanMessage([{"type": "image", "data": object()}]))


@pytest.mark.parametrize(
    "prompt",
    [
        "Say hi",
        "",
        "[{",
        "[{}]",
        "[1]",
        '[{"lc": 1, "type": "constructor"}]',
        '[{"lc": 1, "type": "constructor", "kwargs": {"type": "human", "content": 5}}]',
        '[{"lc": 1, "type": "not_implemented", "id": ["x"], "repr": "y"}]',
        "[{" * 100_000,
        '[{"lc":' * 100_000,
    ],
)
def test_any_other_prompt_holds_no_messages(prompt: str):
    assert parse_messages(prompt) is None


@pytest.mark.parametrize(
    "block",
    [
        {"type": "file"},
        {"type": "file", "mime_type": "application/pdf"},
        {"type": "image", "source_type": "id", "data": ""},
        {"type": "item_reference"},
    ],
)
def test_an_id_that_alone_tells_a_file_from_another_counts(block):
    one, other = (parsed(HumanMessage([{**block, "id": f"lc_{number}"}, "what is it?"])) for number in (1, 2))

    assert one != other


@pytest.mark.parametrize(
    "block", [{"type": "file", "file_id": "f"}, {"type": "image", "base64": "AA"}, {"type": "image", "url": "u"}]
)
def test_an_id_that_was_made_up_for_a_block_does_not_count(block):
    one, other = (parsed(HumanMessage([{**block, "id": f"lc_{number}"}, "what is it?"])) for number in (1, 2))

    assert one == other
