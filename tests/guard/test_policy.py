"""`Guarded`: threshold, guard, and two answers about as near."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import mneme
from mneme.engine.guard import differences
from mneme.engine.guarded import AMBIGUOUS, Guarded
from mneme.engine.judge import Policy, choose, is_servable
from mneme.engine.likeness import GENERIC, MINILM, calibration_for
from mneme.model import Neighbour, Verdict
from mneme.testing import WordEmbedder

Build = Callable[..., Neighbour]


def test_a_rewording_is_accepted(neighbour: Build) -> None:
    near = neighbour("How do I reset my password?")
    verdict = Guarded().judge("what is the way to reset my password", near, [near])

    assert (verdict.accepted, verdict.confidence > 0.98, verdict.reason[-15:]) == (True, True, "nothing forbids")


def test_a_near_miss_is_refused_with_its_first_difference(neighbour: Build) -> None:
    near = neighbour("What is 2 + 2?", similarity=0.99)

    assert Guarded().judge("What is 2 + 3?", near, [near]) == Verdict(False, 0.0, "number: 3 / 2")


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("How can I keep my subscription from being cancelled?", "polarity: keep / (nothing)"),
        ("How do I undo it if my subscription was cancelled?", "polarity: undo / (nothing)"),
        ("What is the procedure for me to cancel only half of my subscription?", "quantifier: only half / (nothing)"),
        ("Is there a way to insist on cancelling my subscription?", "word: insist / (nothing)"),
    ],
)
def test_another_way_to_ask_makes_no_other_sentence(neighbour: Build, query: str, reason: str) -> None:
    near = neighbour("I'd like to cancel my subscription, how do I do that?", similarity=0.95)

    assert Guarded().judge(query, near, [near]) == Verdict(False, 0.0, reason)


def test_a_far_neighbour_is_refused_by_its_similarity(neighbour: Build) -> None:
    near = neighbour("How do I reset my password?", similarity=0.5)

    assert Guarded().judge("reset", near, [near]) == Verdict(False, 0.5, "similarity below 0.7")


def test_low_confidence_is_refused(neighbour: Build) -> None:
    near = neighbour("What is tea?")
    policy = Guarded(confidence_fn=lambda similarity, age, metadata: 0.1)

    assert policy.judge("What's tea?", near, [near]) == Verdict(False, 0.1, "confidence below 0.7")


def test_two_questions_about_as_near_with_two_answers_are_refused(neighbour: Build) -> None:
    # A synonym of both, which are none of each other.
    near = neighbour("What is my disease?", "it is caught", 0.95)
    other = neighbour("What is my sickness?", "it is not", 0.94)
    policy = Guarded()
    verdicts = [policy.judge("What is my illness?", each, [near, other]).reason for each in (near, other)]

    assert verdicts == [AMBIGUOUS, AMBIGUOUS]


def test_two_wordings_of_one_question_do_not_compete(neighbour: Build) -> None:
    near = neighbour("Please, how do I turn off email notifications?", "in the settings", 0.96)
    other = neighbour("I'd like to stop receiving notifications by email.", "open the settings", 0.96)
    policy = Guarded()
    verdicts = [policy.judge("How do I turn off email notifications?", each, [near, other]) for each in (near, other)]

    assert differences(near.query, other.query)  # but none that forbids
    assert [verdict.accepted for verdict in verdicts] == [True, True]


@pytest.mark.parametrize(("response", "similarity"), [("it is caught", 0.94), ("it is not", 0.91)])
def test_the_same_answer_or_a_clear_gap_decides(neighbour: Build, response: str, similarity: float) -> None:
    near = neighbour("What is my disease?", "it is caught", 0.95)
    other = neighbour("What is my sickness?", response, similarity)

    assert Guarded().judge("What is my illness?", near, [near, other]).accepted


def test_a_trap_hides_no_rewording_behind_it(neighbour: Build) -> None:
    trap = neighbour("How do I convert a list to a string?", "join", 0.99)
    right = neighbour("How can I convert a string to a list?", "split", 0.95)
    choice = choose("How do I convert a string to a list?", [trap, right], Guarded(), is_servable)

    assert choice.accepted is not None
    assert choice.accepted.neighbour == right


def test_another_threshold_keeps_the_rest() -> None:
    assert Guarded(margin=0.01).at(0.8) == Guarded(0.8, margin=0.01)


def test_the_floor_is_the_threshold() -> None:
    policy: Policy = Guarded(0.9)

    assert policy.floor == 0.9


@pytest.mark.parametrize(
    "arguments",
    [
        {"threshold": 2},
        {"threshold": float("nan")},
        {"min_confidence": -1},
        {"margin": -0.1},
        {"margin": float("nan")},
        {"max_error": 0},
        {"max_error": 1.5},
        {"max_error": True},
    ],
)
def test_an_impossible_argument_is_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(mneme.MnemeError):
        Guarded(**arguments)


def test_what_is_not_likely_enough_is_refused_with_its_score(neighbour: Build) -> None:
    near = neighbour("What is tea?", similarity=0.71)
    verdict = Guarded().judge("Define tea", near, [near])

    assert (verdict.accepted, verdict.reason) == (False, "P(same answer) = 0.948 is below 0.98")


def test_a_larger_error_serves_more(neighbour: Build) -> None:
    near = neighbour("What is tea?", similarity=0.71)

    assert Guarded(max_error=0.1).judge("Define tea", near, [near]).accepted


def test_a_sentence_built_anew_is_served_by_its_nearness(neighbour: Build) -> None:
    near = neighbour("How do I calculate my net worth?", similarity=0.95)
    policy = Guarded()
    same = policy.judge("What is the formula for net worth?", near, [near])
    alike = policy.judge("How do I calculate my net income?", near, [near])

    assert (same.accepted, alike.accepted) == (True, False)


def test_the_curves_are_those_of_the_embedder() -> None:
    chosen = [calibration_for(name) for name in ("MiniLMEmbedder:all-MiniLM-L6-v2:int8:mean:1x256", "OpenAIEmbedder:x")]

    assert chosen == [MINILM, GENERIC]


@pytest.mark.parametrize(("similarity", "accepted"), [(0.76, True), (0.74, False)])
def test_an_unknown_embedder_counts_where_the_words_pair(neighbour: Build, similarity: float, accepted: bool) -> None:
    near = neighbour("How do I reset my password?", similarity=similarity)
    policy = Guarded(calibration=GENERIC)

    assert policy.judge("What is the way to reset my password?", near, [near]).accepted is accepted


def test_a_sentence_built_anew_is_served_where_the_cosine_is_known_alone(neighbour: Build) -> None:
    near = neighbour("How far is the moon from the earth?", similarity=0.97)
    question = "What's the distance between the earth and the moon?"
    served = [Guarded(calibration=curves).judge(question, near, [near]).accepted for curves in (MINILM, GENERIC)]

    assert served == [True, False]


def test_a_cache_opened_by_url_takes_the_curves_of_its_embedder() -> None:
    with mneme.SemanticCache.open("memory:", embedder=WordEmbedder()) as cache:
        assert cache._core.policy == Guarded(calibration=GENERIC)
