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
        "What is the maximum daily dose for an adult?",
        "What is the maximum daily dose for an adult in Spain?",
        "Add type hints and a docstring",
        "Multiply the number by 10 and add 5",
        "Translate the poem into French please",
        "How do I install the package with pip?",
        "How do I install the package on Ubuntu?",
        "What is the monthly fee for students?",
        "Which compensation can a passenger claim?",
        "Which vitamins does a pregnant woman need?",
        "How do I reset my password in the app?",
        "Where can I buy Nike?",
        "What is the price in Berlin?",
        "What is the French word?",
        "What is the size of the PDF?",
        "Who is the author of the book?",
        "Who wrote the poem about Oslo?",
    ],
)
def test_these_do(question):
    assert points_back(question) is not None


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?",
        "Who founded NASA?",
        "How tall is the Eiffel Tower?",
        "Where is Oslo?",
        "When did Napoleon die?",
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


USER = ("user", "How do I indent it?")


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ([USER, ("assistant", "if a:\n  b()\nc()")], [USER, ("assistant", "if a:\n  b()\n  c()")]),
        ([USER, ("assistant", "print(x)")], [USER, ("assistant", "PRINT(X)")]),
        ([USER, ("assistant", "Use Python.")], [USER, ("assistant", "Use python.")]),
        ([("user", "What does print(x) do?")], [("user", "What does PRINT(X) do?")]),
        ([("user", "if a:\n  b\nc")], [("user", "if a:\n  b\n  c")]),
        ([("system", "Be brief."), USER], [USER, ("system", "Be brief.")]),
        ([USER, ("tool", "3"), ("assistant", "a")], [USER, ("assistant", "a"), ("tool", "3")]),
    ],
)
def test_turns_that_differ_in_case_space_or_place_are_others(here, there):
    assert turns_difference("What does it do?", here, there) is not None


def test_prose_of_the_user_may_differ_in_case_and_space():
    here, there = [("user", "How do I reset  my router?")], [("user", "how do I reset my router?")]

    assert turns_difference("How long does it take?", here, there) is None
