"""What seeing another process's changes costs over one SQLite file: `python -m benchmarks.coherence`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

from mneme import SemanticCache
from mneme.testing import WordEmbedder

PUTS = 300
HITS = 20_000
ROUNDS = 7

# Looks for `question N` in other words until it is there, then says when.
READER = """
import sys, time
from mneme import SemanticCache
from mneme.testing import WordEmbedder
with SemanticCache(sys.argv[1], WordEmbedder()) as cache:
    print("ready", flush=True)
    for number in range(int(sys.argv[2])):
        while True:
            hit = cache.get(f"{number} question")
            if hit is not None:
                break
        print(time.time(), hit.layer, hit.response, flush=True)
"""


def visibility(path: Path) -> tuple[float, float]:
    """Return the median and the 99th percentile, in ms, from a put's return to another process's semantic hit."""
    reader = subprocess.Popen([sys.executable, "-c", READER, str(path), str(PUTS)], stdout=subprocess.PIPE, text=True)
    assert reader.stdout is not None
    assert reader.stdout.readline() == "ready\n"
    took = []
    with SemanticCache(path, WordEmbedder()) as cache:
        for number in range(PUTS):
            cache.put(f"question {number}", f"answer {number}")
            returned = time.time()
            at, layer, response = reader.stdout.readline().split(" ", 2)
            assert (layer, response) == ("semantic", f"answer {number}\n")
            took.append(max(0.0, float(at) - returned))
    reader.wait()
    return 1_000 * median(took), 1_000 * quantiles(took, n=100)[98]


def hit_cost(path: Path) -> tuple[float, float]:
    """Return microseconds of an exact hit with the look for others' changes, and without; medians of rounds."""
    with SemanticCache(path, WordEmbedder()) as cache, SemanticCache(path, WordEmbedder()) as other:
        other.put("question", "answer")
        assert cache.get("question").response == "answer"
        store, look = cache._core.store, cache._core.store.changed
        looking, blind = [], []
        for _ in range(ROUNDS):
            store.changed = look
            looking.append(_hits(cache))
            store.changed = lambda _: False
            blind.append(_hits(cache))
        store.changed = look
    return median(looking), median(blind)


def _hits(cache: SemanticCache) -> float:
    started = time.perf_counter()
    for _ in range(HITS):
        hit = cache.get("question")
    seconds = time.perf_counter() - started
    assert hit is not None
    assert hit.response == "answer"
    return 1e6 * seconds / HITS


def main() -> None:
    """Measure both, and print them."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "answers.db"
        SemanticCache(path, WordEmbedder()).close()
        middle, worst = visibility(path)
        looking, blind = hit_cost(path)
    print(f"a put is served by meaning in another process after {middle:.2f} ms (99th percentile {worst:.2f} ms)")
    print(
        f"an exact hit {looking:.2f} us, without looking for others' changes {blind:.2f} us: {looking - blind:.2f} us"
    )


if __name__ == "__main__":
    main()
