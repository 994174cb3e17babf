"""The vectors that are searched: drawn so that they lie as embeddings of real sentences do, and the hard case.

`spectrum.json` was measured once on 22,500 real questions; see `benchmarks.spectrum`. Drawing from it needs no model
and no data set, and gives everyone the same vectors.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SPECTRUM = Path(__file__).with_name("spectrum.json")
THRESHOLD = 0.85
# How near to its entry a query that means the same lies; what MiniLM gives most rewordings that people call equal.
QUERY_COSINE = 0.93
# No two questions of a benchmark may be decided by how float32 rounds.
CLEAR = 1e-4
# Drawing takes some twenty times the bytes of what is drawn.
DRAWN_AT_ONCE = 200_000

Floats = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """Entries, queries, and what a full scan in float64 answers."""

    vectors: Floats
    """float32, unit length, shape (entries, dim)."""
    hits: Floats
    answers: NDArray[np.int64]
    """The most similar entry of each of `hits`; its similarity is at least THRESHOLD."""
    misses: Floats
    """Queries whose most similar entry is below THRESHOLD."""


def sentences(count: int, seed: int) -> Floats:
    """Return `count` vectors lying as those of real questions do: topics, in them groups of rewordings."""
    if count <= DRAWN_AT_ONCE:
        return _draw(count, [seed])
    starts = range(0, count, DRAWN_AT_ONCE)
    return np.concatenate([_draw(min(DRAWN_AT_ONCE, count - start), [seed, start]) for start in starts])


def _draw(count: int, seed: list[int]) -> Floats:
    model = json.loads(SPECTRUM.read_text())
    draw = np.random.default_rng(seed)
    mean, between, within = (np.array(model[name]) for name in ("mean", "between", "within"))
    topics, groups = -(-count // model["topic_size"]), -(-count // model["group_size"])
    centres = mean + draw.standard_normal((topics, len(mean))) * np.sqrt(between)
    spread = np.sqrt(draw.choice(model["topic_spread"], topics))
    shared = draw.standard_normal((groups, len(mean))) * np.sqrt(within * model["group_share"])
    rows = draw.standard_normal((count, len(mean))) * np.sqrt(within * (1 - model["group_share"]))
    rows += shared[np.arange(count) // model["group_size"]]
    topic = np.arange(count) // model["topic_size"]
    return unit(centres[topic] + spread[topic, None] * rows)


def isotropic(count: int, seed: int) -> Floats:
    """Return `count` random directions: no coordinates matter more than others, so no prefix rules anything out."""
    return unit(np.random.default_rng(seed).standard_normal((count, 384)))


KINDS: dict[str, Callable[[int, int], Floats]] = {"sentences": sentences, "isotropic": isotropic}


def unit(rows: Floats) -> Floats:
    """Return rows at unit length, float32."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def problem(kind: str, entries: int, queries: int, seed: int = 1) -> Problem:
    """Return `entries` vectors with `queries` queries that hit and as many that miss."""
    draw = np.random.default_rng(seed)
    candidates = 4 * queries
    everything = KINDS[kind](entries + candidates, seed)
    held_out = np.zeros(len(everything), bool)
    held_out[draw.choice(len(everything), candidates, replace=False)] = True
    vectors, others = everything[~held_out], everything[held_out]

    asked = vectors[draw.choice(entries, min(candidates, entries), replace=False)]
    similar = near(asked, QUERY_COSINE)
    best, first, second = top(vectors, similar)
    hits = np.flatnonzero((first >= THRESHOLD + CLEAR) & (first - second >= CLEAR))[:queries]
    _, nearest, _ = top(vectors, others)
    misses = np.flatnonzero(nearest <= THRESHOLD - CLEAR)[:queries]
    return Problem(vectors, similar[hits], best[hits], others[misses])


def near(rows: Floats, cosine: float) -> Floats:
    """Return one vector for each row at about that cosine to it, off towards another row."""
    aside = np.roll(rows, 1, axis=0) - rows
    aside -= np.einsum("ij,ij->i", aside, rows)[:, None] * rows
    return unit(cosine * rows + np.sqrt(1 - cosine**2) * unit(aside))


def top(vectors: Floats, queries: Floats) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Return the most similar row of each query, its similarity, and that of the second, by a full scan in float64."""
    best, first, second = np.zeros(len(queries), np.int64), np.full(len(queries), -2.0), np.full(len(queries), -2.0)
    asked = queries.astype(np.float64)
    for start in range(0, len(vectors), 16_384):
        similarities = asked @ vectors[start : start + 16_384].astype(np.float64).T
        column = similarities.argmax(axis=1)
        value = similarities[np.arange(len(queries)), column]
        similarities[np.arange(len(queries)), column] = -2.0
        second = np.maximum(np.minimum(first, value), np.maximum(second, similarities.max(axis=1)))
        best = np.where(value > first, start + column, best)
        first = np.maximum(first, value)
    return best, first, second
