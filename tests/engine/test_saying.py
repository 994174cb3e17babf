"""What the guard found, in sentences."""

from __future__ import annotations

from typing import get_args

import pytest

from mneme.engine.guard.difference import Difference, Kind
from mneme.engine.guarded import Guarded
from mneme.engine.saying import sentence
from mneme.model import Neighbour


@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize(("a", "b"), [("this", "that"), ("this", ""), ("", "that")])
def test_every_kind_has_a_sentence_that_says_which_side_is_which(kind, a, b):
    said = sentence(Difference(kind, a, b))

    assert ("'this'" in said, "'that'" in said) == (bool(a), bool(b))
    assert said.index("asked") < said.index("stored") if a else "the stored question says 'that'" in said


@pytest.mark.parametrize(
    ("asked", "stored", "words"),
    [
        (
            "How do I pay my bill online?",
            "How do I pay my bill?",
            "a word that turns the meaning: the question asked says 'online', the stored one does not",
        ),
        ("Is it open?", "When is it open?", "what is asked for: asked is 'yes or no', stored 'when'"),
        ("What is 2 plus 3?", "What is 2 plus 4?", "a number: asked is '3', stored '4'"),
        ("How do I pay?", "How do I pay?", None),
    ],
)
def test_explain_is_told_the_weightiest_difference(asked, stored, words):
    features = Guarded().features(asked, Neighbour(stored, "r", 0.95, 0.0, {}))

    assert features.get("in words") == words
