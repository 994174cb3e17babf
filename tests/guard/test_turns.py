"""Which questions depend on what was said before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mneme.engine.guard.turns import points_back, turns_difference


@pytest.mark.parametrize(
    "question",
    [
        "How much does it cost?",
        "And for children?",
        "What about Berlin?",
        "why",
        "Why not?",
        "What are their side effects?",
        "the second one",
        "Is there a cheaper one?",
        "Tell me more.",
        "How long?",
        "What is the fee?",
        "Who invented them?",
        "Can I do that on a plane?",
        "",
        "👍",
        "Explain",
        "What else should a beginner know about sailing boats?",
    ],
)
def test_these_do(question):
    assert points_back(question) is not None


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?",
        "How do I reset my password in the app?",
        "Which vitamins does a pregnant woman need?",
        "How do you know when your garage door opener is going bad?",
    ],
)
def test_these_stand_by_themselves(question):
    assert points_back(question) is None


TURNS = st.lists(st.tuples(st.sampled_from(["user", "assistant", "system", "x"]), st.text(max_size=20)), max_size=4)


@given(st.text(max_size=30), TURNS, TURNS)
def test_it_never_raises_and_takes_no_side(question, here, there):
    found = turns_difference(question, here, there)

    assert (found is None) == (turns_difference(question, there, here) is None)
    assert turns_difference(question, here, list(here)) is None
