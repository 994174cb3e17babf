"""What must not change with the number of partitions, nor when half of the entries are gone."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

import numpy as np

from benchmarks.scale.searching import BATCH, K, timed
from benchmarks.vectors import QUERY_COSINE, THRESHOLD, near, sentences
from mneme.indexes.exact import ExactIndex

LARGE, SMALL, REPEATS = 10_000, 10, 400


@dataclass(frozen=True, slots=True)
class Flat:
    """Microseconds, medians."""

    partitions: int
    what: str
    small: float
    """A search in a partition of SMALL entries."""
    large: float
    """A search in a partition of LARGE entries."""
    put: float
    remove: float


def measure(partitions: list[int]) -> list[Flat]:
    """Return the costs beside ever more partitions of one entry, and after deleting half of all entries."""
    vectors = sentences(2 * LARGE, seed=1)
    # What is deleted later is mixed among what stays.
    order = np.random.default_rng(2).permutation(2 * LARGE)
    index, others, rows = ExactIndex(384), 0, []
    index.add_many(b"small", range(2 * SMALL), vectors[: 2 * SMALL])
    for start in range(SMALL, 2 * SMALL):
        index.remove(b"small", start)
    for start in range(0, LARGE, BATCH):
        kept = order[:LARGE][start : start + BATCH]
        index.add_many(b"large", kept.tolist(), vectors[kept])
    for wanted in partitions:
        for number in range(others, wanted - 2):
            index.add_many(b"other %d" % number, [0], vectors[:1])
        others = max(others, wanted - 2)
        rows.append(_costs(index, wanted, "as filled", vectors[order[:LARGE]]))
    index.add_many(b"large", order[LARGE:].tolist(), vectors[order[LARGE:]])
    for id in order[LARGE:].tolist():
        index.remove(b"large", id)
    for number in range(0, others, 2):
        index.remove(b"other %d" % number, 0)
    rows.append(_costs(index, partitions[-1] // 2, "after deleting half", vectors[order[:LARGE]]))
    return rows


def _costs(index: ExactIndex, partitions: int, what: str, held: np.ndarray) -> Flat:
    queries = near(held[:REPEATS], QUERY_COSINE)
    index.search(b"large", queries[0], K, THRESHOLD)
    index.wait()  # its prefixes are there
    small, large = (
        timed(lambda query, name=name: index.search(name, query, K, THRESHOLD), queries)
        for name in (b"small", b"large")
    )
    ids = range(10 * LARGE, 10 * LARGE + REPEATS)
    puts = timed(lambda id: index.add_many(b"large", [id], held[:1]), ids)
    removals = timed(lambda id: index.remove(b"large", id), ids)
    return Flat(partitions, what, *(median(seconds) * 1e6 for seconds in (small, large, puts, removals)))
