"""Rates, their intervals, and the figures of a run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mneme.evaluation.figures import Asked, by_kind, figures, rate

OUTCOMES = st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), min_size=1, max_size=60)


@given(OUTCOMES)
def test_a_rate_lies_in_its_interval(outcomes):
    found = rate(outcomes)

    assert (found.part, found.whole) == (sum(outcome for _, outcome in outcomes), len(outcomes))
    assert 0.0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1.0


def test_a_rate_of_nothing_is_none():
    assert (rate([]).value, rate([]).high, str(rate([]))) == (None, None, "none")


def test_no_error_seen_is_not_no_error():
    # The rule of three: after 100 of 100, up to 3 % may still be wrong.
    assert rate((str(number), False) for number in range(100)).high == pytest.approx(0.03, abs=0.001)
    assert rate((str(number), True) for number in range(100)).low == pytest.approx(0.97, abs=0.001)


def test_the_interval_is_that_of_the_binomial():
    found = rate((str(number), number < 200) for number in range(1_000))

    assert found.low == pytest.approx(0.2 - 1.96 * 0.01265, abs=0.004)
    assert found.high == pytest.approx(0.2 + 1.96 * 0.01265, abs=0.004)


def test_clusters_widen_the_interval():
    alone = rate((str(number), number < 50) for number in range(100))
    together = rate((str(number // 10), number < 50) for number in range(100))

    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_the_figures_of_a_run():
    run = [
        Asked("x", "1", answerable=True, served=True, right=True),
        Asked("x", "2", answerable=True, served=False, right=False),
        Asked("y", "3", answerable=False, served=True, right=False),
        Asked("y", "4", answerable=False, served=False, right=False),
    ]
    found = figures(run)

    parts = {name: (getattr(found, name).part, getattr(found, name).whole) for name in found.__slots__}
    assert parts == {"hits": (2, 4), "wrong": (1, 4), "precision": (1, 2), "recall": (1, 2), "trapped": (1, 2)}
    assert {kind: len(of_kind) for kind, of_kind in by_kind(run).items()} == {"x": 2, "y": 2}
