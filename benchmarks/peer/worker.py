"""One cache in a process of its own: `python -m benchmarks.peer.worker MODULE.CLASS`, told by lines of JSON."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypedDict

import numpy as np

from benchmarks.contender import answer
from benchmarks.peer.adapter import Adapter
from benchmarks.samples import Timing, time_awaits, time_calls, time_gathered, timing
from benchmarks.truth import query_of, resident_bytes, response_of, some_rows

CHUNK, TOGETHER = 1_000, 100
FEWEST = 3


class Judged(Timing):
    """A timing whose failures are told apart: `wrong` says how many, `missed` how many of them found nothing."""

    missed: int


class Filled(TypedDict):
    """How far the filling came."""

    entries: int
    seconds: float


class Worker:
    """Drives the adapter that it is named."""

    def __init__(self) -> None:
        module, _, name = sys.argv[1].partition(".")
        self.make: type[Adapter] = getattr(import_module(f"benchmarks.peer.{module}"), name)
        self.cache: Adapter
        self.entries = self.next = 0
        self.loop = asyncio.new_event_loop()

    def load(self, data: str, entries: int, spare: int) -> None:
        """Read the vectors of some entries and of `spare` more, and the questions about them."""
        self.entries = self.next = entries
        with np.load(data) as arrays:
            self.vectors = arrays["vectors"][: entries + spare].copy()
            self.near, self.targets, self.far = (arrays[name] for name in ("hits", "answers", "misses"))

    def open(self, place: str, asynchronous: bool = False) -> float:
        """Open the cache; return the seconds."""
        start = time.perf_counter()
        self.cache = self.make(place, self.near.shape[1], asynchronous)
        return time.perf_counter() - start

    def about(self) -> dict[str, Any]:
        """Return the version, what is missing and why, and whether entries can be stored together."""
        return {"version": self.cache.version(), "missing": dict(self.make.missing), "bulk": self.make.bulk}

    def close(self) -> None:
        """Close it."""
        self.loop.run_until_complete(self.cache.close())

    def resident(self) -> int | None:
        """Return the bytes of memory of this process, where the system tells."""
        return resident_bytes()

    def fill(self, seconds: float) -> Filled:
        """Store the entries, or as many as the time allows."""
        start, row = time.perf_counter(), 0
        while row < self.entries and (row == 0 or time.perf_counter() - start < seconds):
            last = min(row + CHUNK, self.entries)
            self.cache.put_many([self._entry(each) for each in range(row, last)])
            row = last
        self.cache.filled()
        self.entries = row
        return {"entries": row, "seconds": time.perf_counter() - start}

    def put(self, count: int, seconds: float) -> Judged:
        """Store entries that are not there yet, one by one."""
        rows = range(self.next, min(self.next + count, len(self.vectors)))
        nanoseconds, _ = _within(seconds, lambda entry: self.cache.put(*entry), [self._entry(row) for row in rows])
        self.next += len(nanoseconds)
        return {**timing(nanoseconds), "missed": 0}

    def exact(self, count: int, seconds: float) -> Judged:
        """Look up questions that were stored word for word."""
        asked, truth = self._stored(count)
        return judged(*_within(seconds, lambda pair: self.cache.exact(*pair), asked), truth)

    def hit(self, count: int, seconds: float) -> Judged:
        """Look up questions in other words, whose nearest entry is above the threshold."""
        held = np.flatnonzero(self.targets < self.entries)[:count]
        truth: list[str | None] = [response_of(row) for row in self.targets[held].tolist()]
        return judged(*_within(seconds, lambda pair: self.cache.near(*pair), _reworded(self.near[held])), truth)

    def miss(self, count: int, seconds: float) -> Judged:
        """Look up questions that nothing stored is near to."""
        asked = _reworded(self.far[:count])
        return judged(*_within(seconds, lambda pair: self.cache.near(*pair), asked), [None] * len(asked))

    def exact_async(self, count: int, seconds: float) -> Judged:
        """Look up questions that were stored word for word, each awaited in turn."""
        asked, truth = self._stored(count)

        def look_up(pair: tuple[str, Any]) -> Any:
            return self.cache.exact_async(*pair)

        def in_turn(some: list[Any]) -> tuple[list[int], list[Any]]:
            return self.loop.run_until_complete(time_awaits(look_up, some))

        return judged(*_in_parts(seconds, in_turn, [asked[:FEWEST], *_parts(asked[FEWEST:], 20)]), truth)

    def gathered(self, count: int, seconds: float) -> Judged:
        """The same, a hundred at once: the time is that of all."""
        asked, truth = self._stored(count * TOGETHER)

        def together(batch: list[Any]) -> tuple[list[int], list[Any]]:
            return self.loop.run_until_complete(time_gathered(lambda pair: self.cache.exact_async(*pair), [batch]))

        return judged(*_in_parts(seconds, together, _parts(asked, TOGETHER)), truth)

    def _entry(self, row: int) -> tuple[str, str, Any]:
        return query_of(row), response_of(row), self.vectors[row]

    def _stored(self, count: int) -> tuple[list[tuple[str, Any]], list[str | None]]:
        rows = some_rows(self.entries, count)
        return [(query_of(row), self.vectors[row]) for row in rows], [response_of(row) for row in rows]


def judged(nanoseconds: list[int], found: list[Any], truth: list[str | None]) -> Judged:
    """Return the timing of the calls that were made, each compared with the truth."""
    pairs = list(zip(found, truth, strict=False))
    wrong = sum(each != wanted for each, wanted in pairs)
    missed = sum(each is None and wanted is not None for each, wanted in pairs)
    return {**timing(nanoseconds, wrong), "missed": missed}


def _within(seconds: float, call: Callable[[Any], Any], arguments: list[Any]) -> tuple[list[int], list[Any]]:
    return _in_parts(seconds, lambda some: time_calls(call, some), _parts(arguments, FEWEST))


def _in_parts(
    seconds: float, run: Callable[[list[Any]], tuple[list[int], list[Any]]], parts: list[list[Any]]
) -> tuple[list[int], list[Any]]:
    """Run one part after another until the time is over; the first in any case."""
    end, nanoseconds, results = time.perf_counter() + seconds, [], []
    for part in parts:
        more, found = run(part)
        nanoseconds += more
        results += found
        if time.perf_counter() > end:
            break
    return nanoseconds, results


def _parts(all_of_them: list[Any], size: int) -> list[list[Any]]:
    return [all_of_them[first : first + size] for first in range(0, len(all_of_them), size)]


def _reworded(vectors: Any) -> list[tuple[str, Any]]:
    return [(f"A question in other words, number {number}?", vector) for number, vector in enumerate(vectors)]


if __name__ == "__main__":
    answer(Worker)
