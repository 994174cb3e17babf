"""One contender in a process of its own: does what lines of JSON tell it, and answers with timings.

Uses only what Mneme and its peer have in common, so that the same file runs unchanged in both environments.
Every result is compared with the truth: `wrong` counts those that differ.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import numpy as np

import mneme
from benchmarks import floors
from benchmarks.contender import answer
from benchmarks.samples import Timing, time_awaits, time_calls, time_gathered, timing
from benchmarks.truth import (
    AsyncConstantEmbedder,
    ConstantEmbedder,
    query_of,
    resident_bytes,
    response_of,
    some_entries,
)

# Seconds between two looks at how late the event loop is.
BEAT = 0.001


class Worker:
    """Holds the caches of a contender by name."""

    def __init__(self) -> None:
        self.caches: dict[str, Any] = {}
        self.data: dict[str, Any] = {}
        self.entries = 0
        self.spaces = 0
        self.loop = asyncio.new_event_loop()

    def about(self) -> dict[str, str]:
        """Return what is measured."""
        return {"mneme": mneme.__version__, "python": sys.version.split()[0], "numpy": np.__version__}

    def load(self, data: str, entries: int = 0) -> None:
        """Read the vectors and queries whose rows the other commands name; `entries` of them are looked up.

        Without entries the vectors are left out, which would count as memory of the cache.
        """
        self.entries = entries
        with np.load(data) as arrays:
            self.data = {name: arrays[name] for name in arrays if entries or name != "vectors"}

    def open(self, cache: str, path: str | None = None, asynchronous: bool = False, **options: Any) -> float:
        """Open a cache over a file, or in memory, with options that only one contender may have; return the seconds."""
        where: dict[str, Any] = {"store": mneme.MemoryStore()} if path is None else {"path": path}
        start = time.perf_counter()
        if asynchronous:
            self.caches[cache] = mneme.AsyncSemanticCache(embedder=AsyncConstantEmbedder(), **where, **options)
        else:
            self.caches[cache] = mneme.SemanticCache(embedder=ConstantEmbedder(), **where, **options)
        return time.perf_counter() - start

    def close(self, cache: str) -> None:
        """Close a cache."""
        closed = self.caches.pop(cache).close()
        if closed is not None:
            self.loop.run_until_complete(closed)

    def resident(self) -> int | None:
        """Return the bytes of memory of this process, where the system tells."""
        return resident_bytes()

    def put(
        self,
        cache: str,
        first: int,
        last: int,
        namespace: str = "default",
        namespaces: int = 0,
        shuffled: bool = False,
    ) -> Timing:
        """Put the entries of some rows; spread over so many namespaces where that is not 0."""
        target, vectors = self.caches[cache], self.data["vectors"]
        rows = np.random.default_rng(0).permutation(np.arange(first, last)) if shuffled else np.arange(first, last)
        entries = [
            (query_of(row), response_of(row), vectors[row], f"tenant {row % namespaces}" if namespaces else namespace)
            for row in rows.tolist()
        ]

        def put(entry: tuple[str, str, Any, str]) -> None:
            query, response, vector, space = entry
            done = target.put(query, response, embedding=vector, namespace=space)
            if done is not None:
                self.loop.run_until_complete(done)

        return timing(time_calls(put, entries)[0])

    def put_many(self, cache: str, first: int, last: int) -> Timing:
        """Put the entries of some rows at once, or one by one where there is no such call; the time is that of all."""
        target, vectors = self.caches[cache], self.data["vectors"][first:last]
        pairs = [(query_of(row), response_of(row)) for row in range(first, last)]

        def put(_: None) -> None:
            if hasattr(target, "put_many"):
                target.put_many(pairs, embeddings=vectors)
                return
            for (query, response), vector in zip(pairs, vectors, strict=True):
                target.put(query, response, embedding=vector)

        return timing(time_calls(put, [None])[0])

    def put_gathered(self, cache: str, first: int, last: int, together: int = 64) -> Timing:
        """Put the entries of some rows, `together` at once, with the async facade; the time is that of all of them."""
        put, vectors = self.caches[cache].put, self.data["vectors"]

        async def run() -> list[int]:
            nanoseconds = []
            for begin in range(first, last, together):
                start = time.perf_counter_ns()
                rows = range(begin, min(begin + together, last))
                await asyncio.gather(*(put(query_of(row), response_of(row), embedding=vectors[row]) for row in rows))
                nanoseconds.append(time.perf_counter_ns() - start)
            return nanoseconds

        return timing(self.loop.run_until_complete(run()))

    def missing(self, path: str, last: int, first: int = 0) -> int:
        """Open a file anew; return how many of its entries are not there as they were put."""
        with mneme.SemanticCache(path, ConstantEmbedder()) as cache:
            hits = [cache.get(query_of(row)) for row in range(first, last)]
        return wrong(hits, [response_of(row) for row in range(first, last)], "exact")

    def delete(self, cache: str, first: int, last: int) -> None:
        """Delete the entries of some rows, in no order."""
        for row in np.random.default_rng(1).permutation(np.arange(first, last)).tolist():
            if self.caches[cache].delete(query_of(row)) is not True:
                raise AssertionError(f"entry {row} was not there to be deleted")

    def exact(self, cache: str, count: int, *, unseen: bool = False) -> Timing:
        """Look up `count` questions that were stored word for word; `unseen`: with spaces at the end as never yet."""
        queries, truth = some_entries(self.entries, count)
        if unseen:
            self.spaces += 1
            queries = [query + " " * self.spaces for query in queries]
        nanoseconds, hits = time_calls(self.caches[cache].get, queries)
        return timing(nanoseconds, wrong(hits, truth, "exact"))

    def exact_async(self, cache: str, count: int) -> Timing:
        """The same, each awaited in turn."""
        queries, truth = some_entries(self.entries, count)
        nanoseconds, hits = self.loop.run_until_complete(time_awaits(self.caches[cache].get, queries))
        return timing(nanoseconds, wrong(hits, truth, "exact"))

    def exact_gathered(self, cache: str, count: int, together: int = 100) -> Timing:
        """The same, `together` at once; the time is that of all of them."""
        queries, truth = some_entries(self.entries, count)
        batches = [queries[first : first + together] for first in range(0, count, together)]
        nanoseconds, hits = self.loop.run_until_complete(time_gathered(self.caches[cache].get, batches))
        return timing(nanoseconds, wrong(hits, truth, "exact"))

    def exact_in_turn(self, cache: str, count: int, together: int = 100) -> Timing:
        """Look up with the sync facade, `together` one after another; the time is that of all of them."""
        queries, truth = some_entries(self.entries, count)
        get = self.caches[cache].get
        batches = [queries[first : first + together] for first in range(0, count, together)]
        nanoseconds, hits = time_calls(lambda batch: [get(query) for query in batch], batches)
        return timing(nanoseconds, wrong([hit for batch in hits for hit in batch], truth, "exact"))

    def gather_nothing(self, count: int, together: int = 100) -> Timing:
        """Wait for coroutines that do nothing, `together` at once."""

        async def run() -> list[int]:
            nanoseconds = []
            for _ in range(count // together):
                start = time.perf_counter_ns()
                await floors.gather_nothing(together)
                nanoseconds.append(time.perf_counter_ns() - start)
            return nanoseconds

        return timing(self.loop.run_until_complete(run()))

    def exact_floor(self, count: int) -> Timing:
        """Do by hand what an exact hit cannot do without."""
        queries, truth = some_entries(self.entries, count)
        lookup = floors.exact_lookup((query_of(row), response_of(row)) for row in range(self.entries))
        nanoseconds, found = time_calls(lookup, queries)
        return timing(nanoseconds, sum(map(str.__ne__, found, truth)))

    def semantic(self, cache: str, expected: str, count: int | None = None) -> Timing:
        """Look up the data's queries that hit, or those that miss, with their embeddings given."""
        vectors = self.data["hits" if expected == "hit" else "misses"][:count]
        asked = [(f"A question in other words, number {number}?", vector) for number, vector in enumerate(vectors)]
        get = self.caches[cache].get
        nanoseconds, hits = time_calls(lambda pair: get(pair[0], embedding=pair[1]), asked)
        if expected == "miss":
            return timing(nanoseconds, sum(hit is not None for hit in hits))
        truth = [response_of(row) for row in self.data["answers"][:count].tolist()]
        return timing(nanoseconds, wrong(hits, truth, "semantic"))

    def read_prefix(self, rows: int, row_bytes: int, count: int) -> Timing:
        """Read so many bytes of each row."""
        return timing(time_calls(floors.reader(rows, row_bytes), range(count))[0])

    def loop_gap(self, cache: str, count: int) -> Timing:
        """Look up `count` of the data's queries that hit at once; return how long the loop stood still at worst."""
        vectors, targets = self.data["hits"][:count], self.data["answers"][:count]
        get = self.caches[cache].get

        async def run() -> tuple[int, list[Any]]:
            beating = asyncio.create_task(heartbeat())
            await asyncio.sleep(2 * BEAT)
            hits = await asyncio.gather(*(get(f"Question {row}?", embedding=each) for row, each in enumerate(vectors)))
            await asyncio.sleep(2 * BEAT)  # the beat that was late
            beating.cancel()
            return max(gaps), hits

        async def heartbeat() -> None:
            while True:
                start = time.perf_counter_ns()
                await asyncio.sleep(BEAT)
                gaps.append(time.perf_counter_ns() - start - round(BEAT * 1e9))

        gaps: list[int] = []
        gap, hits = self.loop.run_until_complete(run())
        return timing([gap], wrong(hits, [response_of(row) for row in targets.tolist()], "semantic"))

    def put_floor(self, path: str, first: int, last: int) -> Timing:
        """Do by hand what a durable put cannot do without."""
        vectors = self.data["vectors"]
        rows = [(query_of(row), response_of(row), vectors[row].tobytes()) for row in range(first, last)]
        return timing(time_calls(floors.sqlite_put(path), rows)[0])


def wrong(hits: list[Any], truth: list[str], layer: str) -> int:
    """Return how many hits are missing or not the true ones."""
    return sum(
        hit is None or (hit.response, hit.layer) != (answer, layer) for hit, answer in zip(hits, truth, strict=True)
    )


if __name__ == "__main__":
    answer(Worker)
