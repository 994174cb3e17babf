"""What a graph saved beside a file saves when that is opened, and what a lookup by it takes.

    python -m benchmarks.graphs [--entries 100000 1000000] [--keep FOLDER]

Each file is opened by two new processes, one after the other: the first finds no graph, builds one and saves it; the
second takes that. Needs the extra `ann`; a million entries take 5 GB and, to build, minutes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.opening import drawn, fill
from benchmarks.scale.searching import recall
from benchmarks.truth import ConstantEmbedder, resident_bytes
from benchmarks.vectors import QUERY_COSINE, THRESHOLD, Floats, near
from mneme import MemoryStore, SemanticCache
from mneme.indexes.ann import AnnIndex
from mneme.indexes.exact import ExactIndex

QUERIES, TURNS, K, TICK_SECONDS = 200, 3, 8, 0.001
# Of a million entries: seconds of a search by the graph at most, and the share of true neighbours that it finds.
AIM_ENTRIES, AIM_SECONDS, AIM_RECALL = 1_000_000, 0.002, 0.99


class Ticks:
    """A thread that wants to run each millisecond, as an event loop does."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._ends = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        last = perf_counter()
        while not self._ends:
            sleep(TICK_SECONDS)
            now = perf_counter()
            self.longest, last = max(self.longest, now - last), now

    def end(self) -> float:
        """Return the seconds for which it could not run, at most."""
        self._ends = True
        self._thread.join()
        return self.longest


def opened(path: Path, entries: int) -> dict[str, Any]:
    """Open a file, and look up once its graph is searched; return seconds and bytes. Run in a process of its own."""
    asked = questions(entries)
    with SemanticCache(store=MemoryStore(), embedder=ConstantEmbedder(), index_backend="ann") as warm:
        warm.put("a", "b", embedding=asked[0])
        warm.get("c", embedding=asked[0])
    before, begun = resident_bytes(), perf_counter()
    cache = SemanticCache(path, ConstantEmbedder(), index_backend="ann")
    is_open = perf_counter()
    if cache.get("in other words", embedding=asked[0]) is None:
        raise AssertionError("the first lookup in other words found nothing.")
    has_semantic, index, ticks = perf_counter(), cache._core.index, Ticks()
    assert isinstance(index, AnnIndex)
    while not index.wait(0) and not is_searched(index):
        sleep(0.01)
    by_graph = perf_counter()
    waited = ticks.end()
    index.wait()
    checked = perf_counter()
    if not is_searched(index):
        raise AssertionError("no graph is searched.")
    ((partition, graph),) = index._graphs.items()
    exact = [ExactIndex.search(index, partition, query, K, THRESHOLD) for query in asked]
    found = [index.search(partition, query, K, THRESHOLD) for query in asked]
    searches, lookups, scans = [], [], []
    for turn in range(TURNS):
        for number, query in enumerate(asked):
            searches.append(timed(lambda query=query: index.search(partition, query, K, THRESHOLD)))
            words = f"in other words {turn} {number}"
            lookups.append(timed(lambda query=query, words=words: cache.get(words, embedding=query)))
        scans += [
            timed(lambda query=query: ExactIndex.search(index, partition, query, K, THRESHOLD)) for query in asked
        ]
    after, closing = resident_bytes(), perf_counter()
    cache.close()
    return {
        "open": is_open - begun,
        "to a semantic hit": has_semantic - begun,
        "until the graph is searched": by_graph - begun,
        "until it is checked": checked - begun,
        "others waited": waited,
        "close": perf_counter() - closing,
        "search": median(searches),
        "lookup": median(lookups),
        "scan": median(scans),
        "recall": recall(exact, found),
        "width": graph.width,
        "graph": graph.nbytes,
        "file": sum(file.stat().st_size for file in Path(f"{path}.graphs").iterdir()),
        "grown": 0 if before is None or after is None else after - before,
    }


def is_searched(index: AnnIndex) -> bool:
    """Return whether there is a graph that is searched."""
    return any(index._is_of_use(graph) for graph in list(index._graphs.values()))


def questions(entries: int) -> Floats:
    """Return vectors near entries of the file."""
    _, vectors = next(drawn(entries))
    return near(vectors[np.random.default_rng(2).choice(len(vectors), QUERIES, replace=False)], QUERY_COSINE)


def timed(call: Any) -> float:
    """Return the seconds of a call."""
    begun = perf_counter()
    call()
    return perf_counter() - begun


def measure(path: Path, entries: int) -> None:
    """Print a line for a file without a graph, and one for it with that."""
    shutil.rmtree(f"{path}.graphs", ignore_errors=True)
    for what in ("no graph yet", "a saved graph"):
        command = [sys.executable, "-m", "benchmarks.graphs", "--part", str(path), str(entries)]
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        names = ("open", "to a semantic hit", "until the graph is searched", "until it is checked", "close")
        print(f"{entries:,} entries, {what}: {', '.join(f'{name} {found[name]:.2f} s' for name in names)}")
        print(
            f"  search {found['search'] * 1e3:.2f} ms of {found['width']}, recall {found['recall']:.4f}, exact scan "
            f"{found['scan'] * 1e3:.2f} ms, lookup {found['lookup'] * 1e3:.2f} ms; another thread waited "
            f"{found['others waited'] * 1e3:.0f} ms at most; graph {found['graph'] / 1e6:,.0f} MB, its file "
            f"{found['file'] / 1e6:,.0f} MB, process grown by {found['grown'] / 1e6:,.0f} MB",
            flush=True,
        )
        if entries >= AIM_ENTRIES:
            is_met = found["search"] <= AIM_SECONDS and found["recall"] >= AIM_RECALL
            aim = f"a search in at most {AIM_SECONDS * 1e3:.0f} ms at recall {AIM_RECALL}"
            print(f"  aim: {aim}: {'met' if is_met else 'MISSED'}")


def main() -> None:
    """Measure each size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.graphs", description=__doc__)
    parser.add_argument("--entries", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--keep", type=Path, help="where files are kept for the next run; 3 kB an entry")
    parser.add_argument("--part", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        path, entries = arguments.part
        print(json.dumps(opened(Path(path), int(entries))))
        return
    print(", ".join(f"{name} {what}" for name, what in machine.describe().items()), f"load {machine.load()}")
    with tempfile.TemporaryDirectory() as directory:
        folder = arguments.keep or Path(directory)
        for entries in arguments.entries:
            path = folder / f"{entries}.db"
            if not path.with_suffix(".npz").exists():
                fill(path, entries)
            measure(path, entries)


if __name__ == "__main__":
    main()
