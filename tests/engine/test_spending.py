"""What an answer took, and what its hits save."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mneme import InvalidArgumentError, TokenUsage
from mneme.engine.spending import (
    NOTHING,
    USAGE,
    Worth,
    check_usage,
    noted_usage,
    saved_usage,
    stored_usage,
    usage_in,
    worth_of,
)

COUNTS = st.integers(0, 2**52)
USAGES = st.builds(
    lambda model, fresh, output, cached: TokenUsage(model, fresh + cached, output, cached),
    st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=20),
    COUNTS,
    COUNTS,
    COUNTS,
)


@given(USAGES)
def test_what_is_noted_in_metadata_is_read_back(usage):
    noted = json.loads(json.dumps(noted_usage({"mine": 1}, usage)))

    assert (stored_usage(noted), noted["mine"]) == (usage, 1)


@given(st.lists(USAGES, max_size=5), st.integers(1, 9))
def test_what_hits_save_adds_up_to_what_the_answers_took(usages, times):
    tallies: dict[tuple[str, str], int] = {}
    for usage in usages:
        worth = worth_of(None, json.dumps(noted_usage({}, usage)))
        for name, amount in worth.tokens:
            tallies["n", name] = tallies.get(("n", name), 0) + times * amount
    saved = saved_usage({**tallies, ("n", "misses"): 7, ("n", "saved_tokens:odd:m"): 7, ("n", "latency:exact:3"): 7})

    assert sum(each.input_tokens for each in saved) == times * sum(each.input_tokens for each in usages)
    assert sum(each.cached_input_tokens for each in saved) == times * sum(each.cached_input_tokens for each in usages)
    assert sum(each.output_tokens for each in saved) == times * sum(each.output_tokens for each in usages)
    assert {each.model for each in saved} <= {each.model for each in usages}


def test_a_model_may_have_any_name():
    usage = TokenUsage("openai/ft:gpt-4o:me", 3, 2)
    worth = worth_of(0.5, json.dumps(noted_usage({}, usage)))

    assert worth.microseconds == 500_000
    assert saved_usage({("n", name): amount for name, amount in worth.tokens}) == (usage,)


@pytest.mark.parametrize(
    ("seconds", "metadata", "worth"),
    [
        (None, None, NOTHING),
        (0.0, '{"a": 1}', NOTHING),
        (1.5, None, Worth(1_500_000, ())),
        (None, json.dumps({USAGE: "three tokens"}), NOTHING),
        (None, json.dumps({USAGE: ["m", 1, 2, 3]}), NOTHING),
        (None, json.dumps({USAGE: ["m", 0, 0, 0]}), NOTHING),
    ],
)
def test_an_entry_without_usage_saves_its_time_alone(seconds, metadata, worth):
    assert worth_of(seconds, metadata) == worth


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        (7, "mapping of its fields"),
        ({"model": "m"}, "input_tokens"),
        (TokenUsage("m", -1, 0), "whole numbers"),
        (TokenUsage("m", True, 0), "whole numbers"),
        (TokenUsage("m", 1, 2**60), "whole numbers"),
        (TokenUsage("m", 1, 0, 2), "cached"),
        (TokenUsage(3, 1, 0), "model"),
        (TokenUsage("m\x00", 1, 0), "model"),
        (TokenUsage("m" * 201, 1, 0), "200"),
    ],
)
def test_what_is_no_usage_is_refused(given_, said):
    with pytest.raises(InvalidArgumentError, match=said):
        check_usage(given_)


def test_a_usage_may_be_a_mapping_or_nothing():
    assert check_usage({"model": "m", "input_tokens": 3, "output_tokens": 2}) == TokenUsage("m", 3, 2)
    assert check_usage(None) is None
    assert noted_usage({"a": 1}, None) == {"a": 1}


OPENAI = {
    "model": "gpt-4o-mini",
    "usage": {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "total_tokens": 13,
        "prompt_tokens_details": {"cached_tokens": 5},
    },
}
RESPONSES = {
    "model": "gpt-5",
    "usage": {"input_tokens": 9, "output_tokens": 4, "input_tokens_details": {"cached_tokens": 5}},
}
CLAUDE = {
    "model": "claude-haiku-4-5",
    "usage": {
        "input_tokens": 9,
        "output_tokens": 4,
        "cache_read_input_tokens": 5,
        "cache_creation_input_tokens": 2,
    },
}
CLAUDE_STREAM = [
    {
        "type": "message_start",
        "message": {"model": "claude-haiku-4-5", "usage": {"input_tokens": 9, "output_tokens": 1}},
    },
    {"type": "content_block_delta"},
    {"type": "message_delta", "usage": {"output_tokens": 4}},
]
OPENAI_STREAM = [
    {"model": "gpt-4o-mini", "usage": None},
    {"model": "gpt-4o-mini", "usage": {"prompt_tokens": 9, "completion_tokens": 4}},
]
RESPONSE_STREAM = [{"type": "response.created"}, {"type": "response.completed", "response": RESPONSES}]


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        (OPENAI, TokenUsage("gpt-4o-mini", 9, 4, 5)),
        (RESPONSES, TokenUsage("gpt-5", 9, 4, 5)),
        (CLAUDE, TokenUsage("claude-haiku-4-5", 16, 4, 5)),
        (CLAUDE_STREAM, TokenUsage("claude-haiku-4-5", 9, 4)),
        (OPENAI_STREAM, TokenUsage("gpt-4o-mini", 9, 4)),
        (RESPONSE_STREAM, TokenUsage("gpt-5", 9, 4, 5)),
        (
            SimpleNamespace(model=None, usage=SimpleNamespace(prompt_tokens=3, completion_tokens=True)),
            TokenUsage("", 3, 0),
        ),
        ("text with a .usage", None),
        ({"usage": "much"}, None),
        ({"usage": {"prompt_tokens": -3}}, None),
        ([], None),
        (None, None),
    ],
)
def test_the_usage_of_an_answer_is_found(answer, usage):
    assert usage_in(answer) == usage


class Raising:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


class Comparing(int):
    def __gt__(self, other: object) -> bool:
        raise RuntimeError("compared")


class Odd(dict[str, Any]):
    def get(self, *_: Any) -> Any:
        raise KeyError("no")


CYCLE: list[Any] = []
CYCLE.append(CYCLE)
LOOP: dict[str, Any] = {}
LOOP |= {"usage": LOOP, "message": LOOP, "response": LOOP, "model": LOOP}


@pytest.mark.parametrize(
    "answer",
    [
        Raising(),
        {"usage": Raising()},
        Odd(),
        CYCLE,
        LOOP,
        {"usage": {"input_tokens": Comparing(3)}},
        {"usage": {"input_tokens": 10**400, "output_tokens": 2}},
        {"usage": {"input_tokens": math.nan, "output_tokens": math.inf}},
        {"usage": {"input_tokens": -1, "output_tokens": True}},
        {"usage": {"input_tokens": "3", "prompt_tokens": b"3"}},
        object,
        3,
        "text",
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_reports_nonsense_or_raises_reports_nothing(answer: Any) -> None:
    assert usage_in(answer) is None


def test_a_number_of_another_class_is_counted_as_a_number() -> None:
    found = usage_in({"usage": {"input_tokens": type("Tokens", (int,), {})(3)}, "model": "\x1b"})

    assert found == TokenUsage("", 3, 0)
    assert found is not None
    assert type(found.input_tokens) is int
