"""What opening a file costs, and what its cache holds in memory.

    python -m benchmarks.opening [--entries 10000 100000 1000000] [--vectors float32] [--rounds 3] [--keep FOLDER]

Each round is a new process that opens the file, asks for one stored request and for one in other words, then for every
thousandth, and compares the answers, and what `stats` says of memory with what the process grew by. Beside it another
one reads the same rows from SQLite, and does nothing with them: the floor of what reads everything.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from benchmarks import machine
from benchmarks.truth import ConstantEmbedder, query_of, resident_bytes, response_of
from benchmarks.vectors import QUERY_COSINE, Floats, near, sentences, top
from mneme import MemoryStore, SemanticCache

CHUNK, BATCH = 100_000, 2_000
# (entries, what is timed) -> seconds at most.
AIMS = {(100_000, "to a semantic hit"): 0.5, (1_000_000, "open"): 3.0}
# By how much `stats` may be wrong; a smaller cache is lost in what the interpreter keeps in reserve.
MEMORY_ERROR, MEMORY_FROM = 0.10, 100_000


def drawn(entries: int) -> Iterator[tuple[int, Floats]]:
    """Yield the vectors of a file, and the row of the first of them, in chunks."""
    for first in range(0, entries, CHUNK):
        yield first, sentences(min(CHUNK, entries - first), 7 + first)


def fill(path: Path, entries: int) -> None:
    """Make a file, and beside it a question in other words: its vector, and the row of its answer."""
    asked: Floats | None = None
    best: tuple[float, int] = (-1.0, -1)
    with SemanticCache(path, ConstantEmbedder()) as cache:
        for first, vectors in drawn(entries):
            asked = near(vectors[:2], QUERY_COSINE)[:1] if asked is None else asked
            row, similarity, _ = top(vectors, asked)
            best = max(best, (float(similarity[0]), first + int(row[0])))
            for start in range(0, len(vectors), BATCH):
                rows = range(first + start, first + min(start + BATCH, len(vectors)))
                pairs = [(query_of(row), response_of(row)) for row in rows]
                cache.put_many(pairs, embeddings=vectors[start : start + BATCH])
    assert asked is not None
    np.savez(path.with_suffix(".npz"), asked=asked[0], row=best[1])


def opened(path: Path, entries: int, dtype: str) -> dict[str, float]:
    """Open a file and look up; return the seconds and bytes. Run in a process of its own."""
    with np.load(path.with_suffix(".npz")) as held:
        asked, row = held["asked"], int(held["row"])
    with SemanticCache(store=MemoryStore(), embedder=ConstantEmbedder()) as warm:  # what a first cache imports
        warm.put("a", "b", embedding=asked)
        warm.get("c", embedding=asked)
    before = resident_bytes()
    begun = perf_counter()
    cache = SemanticCache(path, ConstantEmbedder(), vector_dtype=dtype)
    is_open = perf_counter()
    exact = cache.get(query_of(entries // 2))
    has_exact = perf_counter()
    semantic = cache.get("in other words", embedding=asked)
    has_semantic = perf_counter()
    after, said = resident_bytes(), cache.stats().resident_bytes
    if exact is None or (exact.layer, exact.response) != ("exact", response_of(entries // 2)):
        raise AssertionError(f"the first exact lookup gave {exact}.")
    if semantic is None or (semantic.layer, semantic.response) != ("semantic", response_of(row)):
        raise AssertionError(f"the first lookup in other words gave {semantic}.")
    rows = range(0, entries, 1_000)
    cold = perf_counter()
    hits = [cache.get(query_of(row), mode="exact") for row in rows]
    warm_again = perf_counter()
    again = [cache.get(query_of(row), mode="exact") for row in rows]
    ended = perf_counter()
    for found in (hits, again):
        if [hit and hit.response for hit in found] != [response_of(row) for row in rows]:
            raise AssertionError("an exact lookup gave another answer.")
    cache.close()
    return {
        "open": is_open - begun,
        "to an exact hit": has_exact - begun,
        "to a semantic hit": has_semantic - begun,
        "cold exact hit": (warm_again - cold) / len(rows),
        "exact hit": (ended - warm_again) / len(rows),
        "grown": 0 if before is None or after is None else after - before,
        "said": said,
    }


def read(path: Path, entries: int, dtype: str) -> dict[str, float]:  # noqa: ARG001  # called as `opened` is
    """Read every row with SQLite alone; return the seconds."""
    begun = perf_counter()
    db = sqlite3.connect(path)
    found = db.execute("SELECT seq, namespace, key, query, response, vector FROM entries ORDER BY seq")
    number, size = 0, 0
    while batch := found.fetchmany(256):
        number += len(batch)
        size += len(batch[0][5])
    ended = perf_counter()
    if (number, size % (4 * ConstantEmbedder.dim)) != (entries, 0):
        raise AssertionError(f"{number} rows were read.")
    return {"floor": ended - begun}


def in_a_process(part: str, path: Path, entries: int, dtype: str) -> dict[str, float]:
    """Run one of the two in a new process."""
    command = [sys.executable, "-m", "benchmarks.opening", "--part", part, str(path), str(entries), dtype]
    numbers: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return numbers


def measure(path: Path, entries: int, dtype: str, rounds: int) -> None:
    """Print a line of medians; raises AssertionError where `stats` does not tell the truth."""
    each = [
        in_a_process("opened", path, entries, dtype) | in_a_process("read", path, entries, dtype) for _ in range(rounds)
    ]
    found = {name: median(numbers[name] for numbers in each) for name in each[0]}
    times = ", ".join(f"{name} {found[name]:.2f} s" for name in ("open", "to an exact hit", "to a semantic hit"))
    hits = f"exact hit {found['exact hit'] * 1e6:.1f} µs, whose text is on disk {found['cold exact hit'] * 1e6:.1f} µs"
    print(f"{entries:,} entries, {dtype}: {times}; SQLite alone reads all in {found['floor']:.2f} s; {hits}")
    if found["grown"]:
        error = found["said"] / found["grown"] - 1
        print(f"  memory {found['grown'] / 1e6:,.0f} MB, stats say {found['said'] / 1e6:,.0f} MB: {error:+.1%}")
        if entries >= MEMORY_FROM and abs(error) > MEMORY_ERROR:
            raise AssertionError(f"stats().resident_bytes is off by {error:+.1%}, more than {MEMORY_ERROR:.0%}.")
    for (size, what), limit in AIMS.items():
        if size == entries:
            verdict = "met" if found[what] <= limit else "MISSED"
            print(f"  aim: {what} in at most {limit} s: {verdict}")


def main() -> None:
    """Measure each size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.opening", description=__doc__)
    parser.add_argument("--entries", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--vectors", nargs="+", default=["float32", "int8"], help="how they are held")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="where files are kept for the next run; 3 kB an entry")
    parser.add_argument("--part", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        part, path, entries, dtype = arguments.part
        print(json.dumps({"opened": opened, "read": read}[part](Path(path), int(entries), dtype)))
        return
    print(", ".join(f"{name} {what}" for name, what in machine.describe().items()))
    with tempfile.TemporaryDirectory() as directory:
        folder = arguments.keep or Path(directory)
        for entries in arguments.entries:
            path = folder / f"{entries}.db"
            if not path.with_suffix(".npz").exists():
                fill(path, entries)
            for dtype in arguments.vectors:
                measure(path, entries, dtype, arguments.rounds)


if __name__ == "__main__":
    main()
