"""One partition of N vectors: the exact scan and the graph over the same rows, beside a plain scan of them."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.vectors import QUERY_COSINE, THRESHOLD, Floats, near, sentences, top
from mneme.indexes.ann import AnnIndex
from mneme.indexes.base import Near
from mneme.indexes.exact import ExactIndex

NAME, K, DRAWN_AT_ONCE, BATCH = b"a partition", 8, 100_000, 8_192
QUERIES, TURNS, CERTIFIED = 200, 5, 40
# A graph even where it does not pay, to see where it does.
ABOVE = 1_000

Search = Callable[[Floats], list[Near]]


@dataclass(frozen=True, slots=True)
class Cost:
    """What N entries cost. Times are medians unless they say otherwise; memory is what the index says it holds."""

    entries: int
    plain_ms: float
    exact_ms: float
    exact_p99_ms: float
    exact_miss_ms: float
    first_search_ms: float
    """Before there are prefixes."""
    exact_mb: float
    graph_ms: float | None
    """None where the graph is not searched: too few entries, or too little was found."""
    graph_p99_ms: float | None
    width: int | None
    """How many entries the graph looks at."""
    recall: float | None
    """The share of the exact scan's first K at or above the threshold."""
    build_seconds: float
    graph_mb: float
    put_us: float
    """One put into a partition that has a graph, which is told of it in the background."""


def drawn(count: int, seed: int) -> Floats:
    """Return `count` vectors as `sentences` gives, drawn in parts: each takes several times its room."""
    vectors = np.empty((count, 384), np.float32)
    for start in range(0, count, DRAWN_AT_ONCE):
        part = vectors[start : start + DRAWN_AT_ONCE]
        part[:] = sentences(len(part), seed + start)
    return vectors


def measure(entries: int, say: Callable[[str], None]) -> Cost:
    """Return the cost of `entries` entries. Fails where the exact scan's best is not that of float64."""
    say(f"drawing {entries:,} vectors")
    vectors = drawn(entries + QUERIES, seed=1)
    misses = vectors[entries:].copy()
    asked = np.random.default_rng(2).choice(entries, min(QUERIES, entries), replace=False)
    hits = near(vectors[asked], QUERY_COSINE)
    best, similarity, second = top(vectors[:entries], hits[:CERTIFIED])
    is_clear = (similarity >= THRESHOLD) & (similarity - second > 1e-4)
    plain, first = unaided(vectors[:entries], hits[:20])

    say("filling and building")
    index = AnnIndex(384, above=ABOVE)
    build_seconds = fill(index, vectors[:entries])
    del vectors
    gc.collect()
    puts = timed(lambda row: index.add_many(NAME, [entries + row], misses[row : row + 1]), range(len(misses)))
    for row in range(len(misses)):
        index.remove(NAME, entries + row)
    index.wait()

    say("searching")
    searches: dict[str, Search] = {
        "exact": lambda query: ExactIndex.search(index, NAME, query, K, THRESHOLD),
        "graph": lambda query: index.search(NAME, query, K, THRESHOLD),
    }
    answers = {name: [search(query) for query in hits] for name, search in searches.items()}
    index.wait()  # the prefixes are there
    found = np.array([near[0].id if near else -1 for near in answers["exact"][:CERTIFIED]])
    assert (found == best)[is_clear].all()
    exact, miss, by_graph = [], [], []
    for _ in range(TURNS):  # in turns, so that a slow minute of the machine is nobody's alone
        exact += timed(searches["exact"], hits)
        miss += timed(searches["exact"], misses)
        by_graph += timed(searches["graph"], hits)
    graph = index._graphs.get(NAME)
    is_searched = graph is not None and graph.width is not None
    graph_mb = 0.0 if graph is None else graph.nbytes / 1e6
    return Cost(
        entries,
        plain_ms=median(plain) * 1e3,
        exact_ms=median(exact) * 1e3,
        exact_p99_ms=p99(exact) * 1e3,
        exact_miss_ms=median(miss) * 1e3,
        first_search_ms=first * 1e3,
        exact_mb=index.memory_bytes / 1e6 - graph_mb,
        graph_ms=median(by_graph) * 1e3 if is_searched else None,
        graph_p99_ms=p99(by_graph) * 1e3 if is_searched else None,
        width=None if graph is None else graph.width,
        recall=recall(answers["exact"], answers["graph"]) if is_searched else None,
        build_seconds=build_seconds,
        graph_mb=graph_mb,
        put_us=median(puts) * 1e6,
    )


def unaided(vectors: Floats, queries: Floats) -> tuple[list[float], float]:
    """Return the seconds of plain scans, and of the first search of an exact index."""
    plain = timed(lambda query: np.flatnonzero(vectors @ query >= THRESHOLD), queries)
    index = ExactIndex(384)
    fill(index, vectors)
    (first,) = timed(lambda query: index.search(NAME, query, K, THRESHOLD), queries[:1])
    index.wait()
    return plain, first


def fill(index: ExactIndex, vectors: Floats) -> float:
    """Add vectors in batches; return the seconds until nothing is left to be prepared."""
    begun = perf_counter()
    for start in range(0, len(vectors), BATCH):
        part = vectors[start : start + BATCH]
        index.add_many(NAME, range(start, start + len(part)), part)
    index.wait()
    return perf_counter() - begun


def recall(wanted: list[list[Near]], found: list[list[Near]]) -> float:
    """Return the share of the wanted ids that were found."""
    pairs = [({near.id for near in true}, {near.id for near in seen}) for true, seen in zip(wanted, found, strict=True)]
    return sum(len(true & seen) for true, seen in pairs) / max(1, sum(len(true) for true, _ in pairs))


def timed(call: Callable[[Any], object], arguments: Any) -> list[float]:
    """Return the seconds of each call."""
    seconds = []
    for argument in arguments:
        begun = perf_counter()
        call(argument)
        seconds.append(perf_counter() - begun)
    return seconds


def p99(seconds: list[float]) -> float:
    """Return the 99th percentile."""
    return quantiles(seconds, n=100)[98]
