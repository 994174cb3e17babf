"""What encryption costs: a put, an exact hit, opening, the first search, and room on the disk.

    python -m benchmarks.encryption [--entries 100000]

The same entries go into a SQLite file in clear and into an encrypted one: questions of ten words, answers of 400
characters, a little metadata, vectors of 384 random numbers. Each number is the median of five.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks import machine
from mneme import SemanticCache, SQLiteStore, Threshold
from mneme.stores.base import Store
from mneme.stores.encrypted import EncryptedStore

DIM, PUTS, HITS, TURNS = 384, 500, 20_000, 5


class Vectors:
    """An embedder that is never waited for."""

    dim = DIM
    fingerprint = "benchmark:vectors"

    def embed(self, text: str) -> Any:
        """Return some vector."""
        return np.random.default_rng(len(text)).standard_normal(DIM).astype(np.float32)


def seconds(step: Callable[[], object]) -> float:
    """Return what one step takes."""
    begun = perf_counter()
    step()
    return perf_counter() - begun


def measure(make: Callable[[], Store], folder: Path, entries: int) -> dict[str, float]:
    """Return the numbers of one kind of store."""
    random = np.random.default_rng(0)
    vectors = random.standard_normal((entries, DIM)).astype(np.float32)
    options: dict[str, Any] = {"embedder": Vectors(), "policy": Threshold(0.9)}
    pairs = [(f"how do I do the thing with the number {number}", f"answer {number} " * 30) for number in range(entries)]
    with SemanticCache(store=make(), **options) as cache:
        for start in range(0, entries, 1_000):
            some = slice(start, start + 1_000)
            cache.put_many(pairs[some], embeddings=vectors[some], metadata={"source": "manual"})
    size = sum(file.stat().st_size for file in folder.iterdir())
    opening, search = [], []
    for _ in range(TURNS):
        begun = perf_counter()
        cache = SemanticCache(store=make(), **options)
        opening.append(perf_counter() - begun)
        search.append(seconds(lambda: cache.get("not there", embedding=vectors[0])))  # noqa: B023  # called at once
        cache.close()
    with SemanticCache(store=make(), **options) as cache:
        puts = [seconds(lambda: cache.put(f"new {n}", "r" * 400, embedding=vectors[0])) for n in range(PUTS)]  # noqa: B023
        hits = [seconds(lambda: [cache.get(pairs[0][0]) for _ in range(HITS)]) / HITS for _ in range(TURNS)]
    return {
        "put, us": median(puts) * 1e6,
        "exact hit, us": median(hits) * 1e6,
        "open, s": median(opening),
        "first search, s": median(search),
        "file, MB": size / 1e6,
    }


def main() -> None:
    """Measure both and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.encryption", description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    entries = parser.parse_args().entries
    found = {}
    for name in ("in clear", "encrypted"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "cache.db")

            def make(name: str = name, path: Path = path) -> Store:
                store = SQLiteStore(path)
                return store if name == "in clear" else EncryptedStore(store, lambda: [bytes(32)])

            found[name] = measure(make, Path(folder), entries)
    print(f"{entries:,} entries\n{'':18}{'in clear':>12}{'encrypted':>12}")
    for what in found["in clear"]:
        print(f"{what:18}{found['in clear'][what]:12.3f}{found['encrypted'][what]:12.3f}")
    about = machine.describe()
    print(", ".join(f"{name} {about[name]}" for name in ("date", "processor", "python", "mneme-middleware")))


if __name__ == "__main__":
    main()
