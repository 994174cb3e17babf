"""The limit that is chosen is the one that serves most among those precise enough."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mneme import Guarded, InvalidArgumentError, Neighbour, Threshold
from mneme.evaluation.calibration import NoThresholdError
from mneme.evaluation.contenders import Own, Vectors
from mneme.evaluation.figures import figures
from mneme.evaluation.replaying import ask_pairs
from mneme.evaluation.tuning import Scored, _choose, limits, scorer, texts_of, tune
from mneme.runtime.pairs import LabelledPair
from mneme.testing import WordEmbedder

SCORED = st.lists(
    st.builds(
        Scored, st.sampled_from([0.0, 0.2, 0.5, 0.50000049, 0.7, 0.91, 1.0]), st.booleans(), st.sampled_from("abc")
    ),
    max_size=25,
)
PAIRS = [
    LabelledPair("how do I pay", "how can I pay", True),
    LabelledPair("where is the shop", "where is your shop", True),
    LabelledPair("when do you open", "when do you open please", True),
    LabelledPair("one two three four", "four three six seven zero", False),
    LabelledPair("how do I pay", "where is the shop", False),
    LabelledPair("red green blue", "red yellow black white", False),
]


@pytest.fixture
def vectors() -> Vectors:
    vectors = Vectors(WordEmbedder())
    vectors.learn(texts_of(PAIRS))
    return vectors


@given(SCORED, st.sampled_from([0.5, 0.8, 1.0]))
def test_no_other_limit_is_better(scored, least):
    def served(limit: float) -> tuple[int, int]:
        return (
            sum(one.same for one in scored if one.score >= limit),
            sum(not one.same for one in scored if one.score >= limit),
        )

    admissible = {}
    for limit in limits(scored):
        right, wrong = served(limit)
        if right and right / (right + wrong) >= least:
            admissible[limit] = right
    chosen = _choose(scored, least)

    if not admissible:
        assert chosen is None
    else:
        most = max(admissible.values())
        assert chosen == max(limit for limit, right in admissible.items() if right == most)


@pytest.mark.parametrize("kind", ["guarded", "threshold"])
def test_the_policy_serves_what_was_promised(vectors, kind):
    tuned = tune(PAIRS, vectors, kind, min_precision=1.0)
    run = figures(ask_pairs(Own("tuned", vectors, tuned.policy), PAIRS, lambda: None))

    assert type(tuned.policy) is (Guarded if kind == "guarded" else Threshold)
    assert run.precision.value == tuned.precision.value == 1.0
    assert (run.recall.part, run.trapped.part) == (tuned.hit_rate.part, tuned.trapped.part) == (run.recall.part, 0)
    assert run.recall.part > 0
    assert tuned.limit_low <= tuned.limit_high


def test_the_score_is_what_the_policy_compares(vectors):
    score = scorer(vectors, "guarded")
    a, b = "when do you open", "when do you open please"
    similarity = scorer(vectors, "threshold")(a, b)
    verdict = Guarded(calibration=tune(PAIRS, vectors, "guarded").policy.calibration, max_error=1.0).judge(
        b, Neighbour(a, "r", similarity, 0.0, {}), []
    )

    assert score(a, b) == verdict.confidence


def test_pairs_of_one_label_have_no_limit(vectors):
    for same in (True, False):
        with pytest.raises(NoThresholdError, match="of 3 pairs"):
            tune([pair for pair in PAIRS if pair.same is same], vectors, "threshold")


def test_no_limit_precise_enough_is_said(vectors):
    turned = [LabelledPair(pair.a, pair.b, not pair.same) for pair in PAIRS]

    with pytest.raises(NoThresholdError, match="with a precision"):
        tune(turned, vectors, "threshold")


@pytest.mark.parametrize("least", [0, 1.5, float("nan"), "x"])
def test_a_precision_that_is_none_is_named(vectors, least):
    with pytest.raises(InvalidArgumentError, match="min_precision"):
        tune(PAIRS, vectors, "threshold", min_precision=least)


def test_what_was_not_chosen_on_is_measured_apart(vectors):
    # One pair of each label decides alone: without it the limit is another, and it is served or not.
    many = [LabelledPair(f"x{n} how do I pay", f"x{n} how can I pay", True) for n in range(30)]
    many += [LabelledPair(f"x{n} how do I pay", f"x{n} where is the shop", False) for n in range(30)]
    vectors.learn(texts_of(many))
    tuned = tune(many, vectors, "threshold")

    assert tuned.unseen_hit_rate.whole == 30
    assert tuned.unseen_precision.value == 1.0
