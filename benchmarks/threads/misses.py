"""What a miss costs, and a call of the embedder with a semantic hit (10,000 entries, an embedder of 1 ms)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from statistics import median
from typing import Any

from benchmarks.threads.setting import QUERIES, filled, made
from benchmarks.truth import response_of

EMBED_SECONDS = 0.001
AIM = 1.05

fresh = count()


class Busy:
    """An embedder that keeps its core busy for a millisecond and gives the vector it was told to give."""

    dim = 384
    fingerprint = "benchmark:busy"

    def __init__(self) -> None:
        self.vector: Any = None

    def embed(self, text: str) -> Any:
        """Return the vector, whatever the text."""
        assert text
        until = time.perf_counter() + EMBED_SECONDS
        while time.perf_counter() < until:
            pass
        return self.vector


def measure(*, quick: bool) -> Iterator[str]:
    """Yield one line."""
    entries, calls = (QUERIES * 32, 50) if quick else (10_000, 1_000)
    embedder = Busy()
    given = made(entries)
    took: dict[str, list[float]] = {"miss": [], "embedder and hit": []}
    with filled(entries, embedder) as cache:
        for number in range(calls):
            row, text = number % min(len(given.hits), len(given.misses)), f"asked {next(fresh)}"

            embedder.vector = given.misses[row]
            started = time.perf_counter()
            missed = cache.get(text)
            took["miss"].append(time.perf_counter() - started)
            assert missed is None

            embedder.vector = given.hits[row]
            started = time.perf_counter()
            hit = cache.get(f"{text} again", embedding=embedder.embed(text))
            took["embedder and hit"].append(time.perf_counter() - started)
            assert hit is not None
            assert hit.response == response_of(given.answers[row])
    miss, both = (1e6 * median(values) for values in took.values())
    beside = f"the embedder and a semantic hit {both:,.0f} us"
    yield f"a miss {miss:,.0f} us; {beside}: {miss / both:.2f} x, aim at most {AIM}"
