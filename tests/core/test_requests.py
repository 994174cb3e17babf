"""Requests seen lately are remembered, and are what they would be anew."""

from __future__ import annotations

from enum import IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mneme import InvalidArgumentError
from mneme.runtime import requests
from mneme.runtime.options import Options
from mneme.runtime.requests import Requests

# Few of each, and such that look alike to an equality that is not strict enough.
QUERIES = st.sampled_from(["What?", "what?", " what?", "what? ", "Straße", "STRASSE", "", " ", "\ud800"])
SCALARS = st.sampled_from([0, 0.0, -0.0, False, 1, 1.0, True, "1", None, "", [], {}, [1], [True], (1,), 2**70])
VARIES = st.none() | st.dictionaries(st.sampled_from("ab"), SCALARS | st.lists(SCALARS, max_size=2), max_size=2)
CALLS = st.tuples(QUERIES, st.sampled_from(["default", "b"]), VARIES, st.sampled_from(["semantic", "exact"]))


def fresh() -> Requests:
    return Requests(object(), Options())


@given(st.lists(CALLS, max_size=30), st.integers(1, 3))
def test_a_request_seen_before_is_the_request_made_anew(calls, kept):
    seen = fresh()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests, "REQUESTS_KEPT", kept)
        patch.setattr(requests, "NAMESPACES_KEPT", kept)
        patch.setattr(requests, "VARIES_KEPT", kept)
        for call in calls:
            assert seen.resolve(*call) == fresh().resolve(*call)
            places = [*seen._places.values(), *seen._varied.values()]
            assert sum(len(place.asked) for place in places) <= kept
            assert (len(seen._places) <= kept, len(seen._varied) <= kept) == (True, True)


def test_a_request_is_made_once():
    seen = fresh()
    first = seen.resolve("what?", "default", {"model": "m"}, "semantic")
    assert seen.resolve("what?", "default", {"model": "m"}, "semantic") is first
    assert seen.resolve("what?", "default", {"model": "m"}, "exact").semantic is False
    with pytest.raises(InvalidArgumentError, match="mode"):
        seen.resolve("what?", "default", {"model": "m"}, "fuzzy")


@pytest.mark.parametrize("bad", [{"a": b"1"}, {"a": {1, 2}}, {"a": float("nan")}, {1: "a"}, {"a": ...}, [], "a", 7])
def test_what_is_not_json_is_refused_each_time(bad):
    seen = fresh()
    for _ in range(2):
        with pytest.raises(InvalidArgumentError, match="vary"):
            seen.resolve("what?", "default", bad, "semantic")


def test_a_vary_that_changes_is_looked_at_again():
    seen, vary = fresh(), {"messages": ["one"]}
    before = seen.resolve("what?", "default", vary, "semantic")
    vary["messages"].append("two")
    assert seen.resolve("what?", "default", vary, "semantic") == fresh().resolve("what?", "default", vary, "semantic")
    assert seen.resolve("what?", "default", vary, "semantic").key != before.key


def test_values_that_only_look_like_json_are_not_remembered():
    class Size(IntEnum):
        BIG = 1

    class Shout(str):
        __slots__ = ()

    seen = fresh()
    for vary in ({"a": Size.BIG}, {"a": Shout("x")}):
        assert seen.resolve("what?", "default", vary, "semantic") == fresh().resolve(
            "what?", "default", vary, "semantic"
        )
    assert not seen._varied


def test_long_questions_and_settings_are_not_kept():
    seen = fresh()
    seen.resolve("w" * (requests.LONGEST_KEPT + 1), "default", None, "semantic")
    seen.resolve("what?", "default", {"a": "x" * requests.LARGEST_VARY_KEPT}, "semantic")
    assert ([place.asked for place in seen._places.values()], seen._varied) == ([{}], {})


def test_a_function_that_normalizes_is_asked_each_time():
    words = iter(["one", "two"])
    seen = Requests(object(), Options(normalize=lambda _: next(words)))
    assert [seen.resolve("what?", "default", None, "semantic").text for _ in range(2)] == ["one", "two"]
