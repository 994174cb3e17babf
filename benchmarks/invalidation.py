"""How long `invalidate(tags=...)` takes in a large SQLite cache: `python -m benchmarks.invalidation [--entries N]`."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

from mneme import SemanticCache
from mneme.testing import WordEmbedder

SIZES = (1, 10, 100, 1_000)
ROUNDS = 5
BATCH = 10_000


def fill(cache: SemanticCache, entries: int) -> None:
    """Put entries of which each has one tag of many and, now and then, one of the tags that are measured."""
    plan = [f"{size}-{turn}" for size in SIZES for turn in range(ROUNDS) for _ in range(size)]
    measured = dict(zip(range(0, entries, max(1, entries // len(plan))), plan, strict=False))
    for start in range(0, entries, BATCH):
        groups: dict[str, list[tuple[str, str]]] = {}
        for number in range(start, min(start + BATCH, entries)):
            tag = measured.get(number, f"doc:{number % 1_000}")
            groups.setdefault(tag, []).append((f"question {number}", "an answer of some length"))
        for tag, items in groups.items():
            cache.put_many(items, tags=[tag], mode="exact")


def main() -> None:
    """Fill a file, invalidate tags of several sizes, and check that just their entries went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    entries = parser.parse_args().entries
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "answers.db"
        with SemanticCache(path, WordEmbedder()) as cache:
            fill(cache, entries)
        with SemanticCache(path, WordEmbedder()) as cache:
            assert cache.stats().entries == entries
            started = time.perf_counter()
            assert cache.invalidate(tags=["none"]) == 0
            print(f"{entries:,} entries; the first call, which counts the tags: {time.perf_counter() - started:.2f} s")
            left = entries
            for size in SIZES:
                took = []
                for turn in range(ROUNDS):
                    started = time.perf_counter()
                    removed = cache.invalidate(tags=[f"{size}-{turn}"])
                    took.append(time.perf_counter() - started)
                    left -= removed
                    assert removed == size, (removed, size)
                assert cache.stats().entries == left
                print(f"{size:>6,} entries with the tag: {1_000 * median(took):8.2f} ms")
            started = time.perf_counter()
            cache.clear()
            assert cache.stats().entries == 0
            print(f"clear(), the rest: {time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    main()
