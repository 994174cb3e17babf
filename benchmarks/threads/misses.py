"""What a miss costs beside a hit and a call of the embedder (10,000 entries, an embedder of 1 ms)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from statistics import median
from typing import Any

from benchmarks.threads.setting import QUERIES, filled, made
from benchmarks.truth import response_of

EMBED_SECONDS = 0.001
AIM = 1.1

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
    took: dict[str, list[float]] = {"miss": [], "hit": [], "embed": []}
    with filled(entries, embedder) as cache:
        for number in range(calls):
            row, text = number % min(len(given.hits), len(given.misses)), f"asked {next(fresh)}"

            embedder.vector = given.misses[row]
            started = time.perf_counter()
            missed = cache.get(text)
            took["miss"].append(time.perf_counter() - started)
            assert missed is None

            started = time.perf_counter()
            hit = cache.get(f"{text} again", embedding=given.hits[row])
            took["hit"].append(time.perf_counter() - started)
            assert hit is not None
            assert hit.response == response_of(given.answers[row])

            started = time.perf_counter()
            embedder.embed(text)
            took["embed"].append(time.perf_counter() - started)
    middle = {name: 1e6 * median(values) for name, values in took.items()}
    ratio = middle["miss"] / (middle["hit"] + middle["embed"])
    yield (
        f"a miss {middle['miss']:,.0f} us; a semantic hit {middle['hit']:,.0f} us and the embedder "
        f"{middle['embed']:,.0f} us: {ratio:.2f} x, aim at most {AIM}"
    )
