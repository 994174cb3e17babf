"""Histograms as counters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mneme.engine.measures import (
    LATENCY,
    LATENCY_BUCKETS,
    SIMILARITY,
    histogram,
    latency_counter,
    percentiles,
    similarity_counter,
)


def counted(names):
    counters: dict[tuple[str, str], int] = {}
    for at, name in enumerate(names):
        counters[f"n{at % 3}", name] = counters.get((f"n{at % 3}", name), 0) + 1
    return counters


@given(st.lists(st.floats(2e-6, 30), min_size=1, max_size=200))
def test_a_percentile_is_right_within_a_bucket(seconds):
    """Whatever the times: a bucket is a fifth wide."""
    buckets = histogram(counted(latency_counter("exact", each) for each in seconds), LATENCY, "exact")
    ordered = sorted(seconds)
    (median,) = percentiles(buckets, [0.5])
    (last,) = percentiles(buckets, [1.0])

    assert sum(buckets) == len(seconds)
    assert ordered[(len(ordered) - 1) // 2] / 1.2 <= median <= ordered[(len(ordered) - 1) // 2] * 1.2
    assert last / 1.2 <= ordered[-1] <= last * 1.0001


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e-7, 1e9, float("inf")])
def test_any_time_has_a_bucket(seconds):
    if seconds == float("inf"):
        seconds = 1e300
    buckets = histogram({("n", latency_counter("miss", seconds)): 1}, LATENCY, "miss")

    assert buckets[0 if seconds < 1e-6 else LATENCY_BUCKETS - 1] == 1


@given(st.integers(-100, 100))
def test_a_similarity_counts_into_its_hundredth(hundredth):
    buckets = histogram({("n", similarity_counter("refused", hundredth / 100)): 2}, SIMILARITY, "refused")

    assert buckets[max(0, hundredth)] == 2


def test_other_counters_are_no_buckets():
    counters = {
        ("n", "latency:exact:3"): 1,
        ("n", "latency:exactly:3"): 9,
        ("n", "latency:exact:x"): 9,
        ("n", "misses"): 9,
    }

    assert sum(histogram(counters, LATENCY, "exact")) == 1
    assert histogram({("n", "latency:exact:4000"): 1}, LATENCY, "exact")[-1] == 1  # of a newer version, say


def test_an_empty_histogram_has_no_percentiles():
    assert percentiles((0, 0), (0.5, 0.99)) == (None, None)
    assert percentiles((1, 1), (2.0,)) == (2 ** (2 / 4) * 1e-6,)
