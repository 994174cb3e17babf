"""A cache that is filled, the truth about it, and how medians of rounds are taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from statistics import median
from typing import Any

from benchmarks.truth import ConstantEmbedder, query_of, response_of
from benchmarks.vectors import Problem, problem
from mneme import MemoryStore, SemanticCache

QUERIES = 64
BATCH = 10_000


@lru_cache(maxsize=2)
def made(entries: int) -> Problem:
    """Return vectors as those of real questions, with queries that hit and that miss."""
    return problem("sentences", entries, QUERIES)


@contextmanager
def filled(entries: int, embedder: Any = None, **options: Any) -> Iterator[SemanticCache]:
    """Open a cache in memory with `entries` questions and answers, searched once."""
    vectors = made(entries).vectors
    embedder = ConstantEmbedder() if embedder is None else embedder
    with SemanticCache(store=MemoryStore(), embedder=embedder, **options) as cache:
        for start in range(0, entries, BATCH):
            rows = range(start, min(start + BATCH, entries))
            pairs = [(query_of(row), response_of(row)) for row in rows]
            cache.put_many(pairs, embeddings=vectors[rows.start : rows.stop])
        assert cache.get("the first search prepares the index", embedding=made(entries).misses[0]) is None
        yield cache


def medians(rounds: int, **sides: Callable[[], float]) -> dict[str, float]:
    """Return the median of each side, which take turns."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            found[name].append(side())
    return {name: median(values) for name, values in found.items()}
