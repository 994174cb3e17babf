"""A SQLite file of N entries: how long it takes to open, and to the first hits."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.scale.searching import BATCH, drawn
from benchmarks.truth import query_of, response_of
from benchmarks.vectors import QUERY_COSINE, near
from mneme import SemanticCache

FINGERPRINT = "benchmark:drawn"


class Never:
    """An embedder that is not to be asked."""

    dim = 384
    fingerprint = FINGERPRINT

    def embed(self, text: str) -> Any:
        """Fail."""
        raise AssertionError(text)


@dataclass(frozen=True, slots=True)
class Opened:
    """Seconds, each from before the file was opened."""

    entries: int
    file_mb: float
    opened: float
    exact_hit: float
    semantic_hit: float


def measure(entries: int) -> Opened:
    """Return what opening a file of `entries` entries costs; the file is in the system's cache."""
    vectors = drawn(entries, seed=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scale.db"
        with SemanticCache(path, embedder=Never()) as cache:
            for start in range(0, entries, BATCH):
                numbers = range(start, min(start + BATCH, entries))
                pairs = [(query_of(number), response_of(number)) for number in numbers]
                cache.put_many(pairs, embeddings=vectors[start : start + BATCH])
        begun = perf_counter()
        with SemanticCache(path, embedder=Never()) as cache:
            opened = perf_counter()
            exact = cache.get(query_of(entries // 2), mode="exact")
            first = perf_counter()
            question = near(vectors[:2], QUERY_COSINE)[0]
            semantic = cache.get("a question that nobody put", embedding=question)
            ended = perf_counter()
        assert exact is not None
        assert exact.response == response_of(entries // 2)
        assert semantic is not None
        assert semantic.layer == "semantic"
        size = path.stat().st_size / 1e6
    return Opened(entries, size, opened - begun, first - begun, ended - begun)
