"""In what two `vary` differ, and what may be known of one by its digest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mneme.engine.keys import partition_of
from mneme.engine.varying import differences_of, guess

LONG = "x" * 64
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
)
VARIES = st.dictionaries(st.sampled_from(["model", "prompt", "temperature"]), VALUES)


def digest(vary: Mapping[str, Any]) -> bytes:
    return partition_of("default", vary)


@pytest.mark.parametrize(
    ("there", "here", "said"),
    [
        ({"model": "gpt-4o"}, {"model": "gpt-4o-mini"}, ['model: "gpt-4o" there, "gpt-4o-mini" here']),
        ({"a": 1, "b": {"t": 0.2, "n": 1}}, {"a": 1, "b": {"t": 0.7, "n": 1}}, ["b.t: 0.2 there, 0.7 here"]),
        ({"a": 1}, {"a": True, "b": None}, ["a: 1 there, true here", "b: none there, null here"]),
        ({"prompt": LONG}, {"prompt": LONG + "y"}, ["prompt differs"]),
        ({"prompt": LONG}, {}, ["prompt: … there, none here"]),
        ({"a": {}}, {"a": {"b": [1]}}, ["a.b: none there, [1] here"]),
        ({}, {}, []),
    ],
)
def test_what_differs_is_said(there: dict[str, Any], here: dict[str, Any], said: list[str]) -> None:
    assert differences_of(there, here) == tuple(said)


@given(VARIES, VARIES)
def test_something_is_said_where_the_digests_differ(there: dict[str, Any], here: dict[str, Any]) -> None:
    assert bool(differences_of(there, here)) == (digest(there) != digest(here))


@pytest.mark.parametrize(
    ("there", "here", "model"),
    [
        ({}, {"model": "a", "prompt": "p"}, None),
        ({"model": "a"}, {"model": "a", "temperature": 0.2}, None),
        ({"model": "gpt-4o", "t": 1}, {"model": "gpt-4o-mini", "t": 1}, "gpt-4o-2024-08-06"),
        ({"llm": "claude", "t": 1}, {"llm": "other", "t": 1}, "claude"),
        ({"model": "gpt-4o", "t": 1}, {"t": 1}, "gpt-4o"),
    ],
)
def test_one_part_is_found_by_trying(there: dict[str, Any], here: dict[str, Any], model: str | None) -> None:
    assert guess(here, digest(there), digest, model) == there


@given(VARIES, VARIES, st.none() | st.sampled_from(["", "a", "gpt-4o-latest"]))
def test_what_is_found_has_that_digest(there: dict[str, Any], here: dict[str, Any], model: str | None) -> None:
    found = guess(here, digest(there), digest, model)

    assert found is None or json.dumps(found, sort_keys=True) == json.dumps(there, sort_keys=True)


def test_two_parts_are_not_tried() -> None:
    assert guess({"a": 1, "b": 2}, digest({"a": 3, "b": 4}), digest, "m") is None
