"""How long others wait while much leaves a large cache: `python -m benchmarks.pauses [--entries N] [--leaving N]`.

A thread, or a task of an event loop, asks for the same requests all the time; the longest time between two answers is
its worst pause. Meanwhile nothing happens, `vacuum` removes what ran out, `compact` gives room back, and a put evicts
many. Every answer and what is left at the end are checked. The second number is the most that this process computed
between two answers, which says how long others waited for it even where other programs have the processor; the third,
the longest run of Python's garbage collector, which is a part of it where it ran. In threads, another one puts an entry
every few milliseconds: how long its puts took.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from mneme import AsyncSemanticCache, SemanticCache
from mneme.testing import FakeClock, WordEmbedder

DIM = 16
HOT = 50
BATCH = 10_000
IDLE_SECONDS = 2.0
# Between two requests: a thread that never rests takes the interpreter for itself.
REST_SECONDS = 0.0002
PUT_REST_SECONDS = 0.003
SLOW_SECONDS = 0.005
EVERYTHING = {"embedder": WordEmbedder(DIM), "index_backend": "numpy"}


class Hot:
    """What asks for the hot entries in turn, and the worst pause, in seconds of the clock and of the processor."""

    def __init__(self) -> None:
        self.worst = self.worked = 0.0
        self.calls = 0
        self.collected = 0.0
        gc.callbacks.append(self._collect)
        self._last, self._last_work = time.perf_counter(), time.process_time()

    def check(self, response: str | None) -> None:
        """Note an answer, which must be right."""
        now, work = time.perf_counter(), time.process_time()
        assert response == f"hot answer {self.calls % HOT}", response
        self.worst, self._last = max(self.worst, now - self._last), now
        self.worked, self._last_work = max(self.worked, work - self._last_work), work
        self.calls += 1

    def _collect(self, phase: str, _: dict[str, int]) -> None:
        now = time.thread_time()
        if phase == "stop":
            self.collected = max(self.collected, now - self._collecting)
        self._collecting = now

    def end(self) -> None:
        """Look at the garbage collector no more."""
        gc.callbacks.remove(self._collect)

    @property
    def query(self) -> str:
        """The next question."""
        return f"hot question {self.calls % HOT}"

    def __str__(self) -> str:
        return (
            f"{1_000 * self.worst:7.2f} ms, {1_000 * self.worked:6.2f} ms computed, "
            f"{1_000 * self.collected:6.2f} ms collector, {self.calls:>7,} hits"
        )


def fill(path: Path, clock: FakeClock, entries: int, leaving: int) -> None:
    """Make a file of entries of which `leaving` run out after a minute."""
    draw = np.random.default_rng(0)
    with SemanticCache(path, clock=clock, **EVERYTHING) as cache:
        for start in range(0, entries, BATCH):
            items = [(f"question {number}", "an answer") for number in range(start, min(start + BATCH, entries))]
            vectors = draw.standard_normal((len(items), DIM)).astype(np.float32)
            cache.put_many(items, embeddings=vectors, ttl=60 if start < leaving else None)
        cache.put_many([(f"hot question {number}", f"hot answer {number}") for number in range(HOT)], mode="exact")


def ready(_: object) -> None:
    """Search all that was made by opening and by the first lookup, which read the vectors, for garbage, as Python will
    once: that pause is of opening a large cache."""
    gc.collect()


@contextmanager
def asked_in_a_thread(cache: SemanticCache) -> Iterator[Hot]:
    """Ask for the hot entries in another thread meanwhile."""
    hot, done, failures = Hot(), threading.Event(), list[BaseException]()

    def ask() -> None:
        try:
            while not done.is_set():
                hit = cache.get(hot.query)
                hot.check(hit and hit.response)
                time.sleep(REST_SECONDS)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    yield hot
    done.set()
    thread.join()
    hot.end()
    assert not failures, failures


@contextmanager
def put_in_a_thread(cache: SemanticCache, name: str) -> Iterator[list[float]]:
    """Put entries in another thread meanwhile; the seconds that each put took, sorted in the end."""
    took, done, vector = list[float](), threading.Event(), np.ones(DIM, np.float32)

    def put() -> None:
        while not done.is_set():
            started = time.perf_counter()
            cache.put(f"{name} {len(took)}", "put meanwhile", embedding=vector)
            took.append(time.perf_counter() - started)
            time.sleep(PUT_REST_SECONDS)

    with ThreadPoolExecutor(1) as thread:
        putting = thread.submit(put)
        try:
            yield took
        finally:
            done.set()
            putting.result()
    assert all(cache.get(f"{name} {number}", mode="exact") for number in range(len(took)))
    took.sort()


async def asked_in_the_loop(cache: AsyncSemanticCache, work: Coroutine[Any, Any, Any]) -> tuple[Hot, Any]:
    """Ask for the hot entries in the event loop in which the work is done."""
    task, hot = asyncio.create_task(work), Hot()
    while not task.done():
        hit = await cache.get(hot.query)
        hot.check(hit and hit.response)
        await asyncio.sleep(REST_SECONDS)
    hot.end()
    return hot, await task


def _told(took: list[float]) -> str:
    median, late, worst = (1_000 * took[int(share * (len(took) - 1))] for share in (0.5, 0.99, 1))
    slow = sum(seconds > SLOW_SECONDS for seconds in took)
    return (
        f"median {median:.2f} ms, p99 {late:.2f} ms, worst {worst:.2f} ms, {slow} above {1_000 * SLOW_SECONDS:.0f} ms"
    )


def in_threads(path: Path, clock: FakeClock, entries: int, leaving: int) -> None:
    """Measure the sync facade."""
    with SemanticCache(path, clock=clock, **EVERYTHING) as cache:
        ready(cache.get("question 0 question", embedding=np.ones(DIM)))
        works: dict[str, Callable[[], Any]] = {
            "nothing": lambda: time.sleep(IDLE_SECONDS),
            "vacuum": lambda: cache.vacuum(compact=False),
            "compact": cache.compact,
        }
        for name, work in works.items():
            with put_in_a_thread(cache, name) as took, asked_in_a_thread(cache) as hot:
                started = time.perf_counter()
                result = work()
                seconds = time.perf_counter() - started
            print(f"thread  {name:<8} {hot}, {seconds:6.2f} s", flush=True)
            print(f"        {len(took):,} puts: {_told(took)}", flush=True)
            assert name != "vacuum" or result == leaving, result
    limit = entries - 2 * leaving
    with SemanticCache(path, clock=clock, max_entries=limit, **EVERYTHING) as cache:
        ready(cache.get("question 0 question", embedding=np.ones(DIM)))
        with asked_in_a_thread(cache) as hot:
            started = time.perf_counter()
            cache.put("one more", "an answer", mode="exact")
            cache.put("and another", "an answer", mode="exact")  # the store learns of what left
            seconds = time.perf_counter() - started
        print(f"thread  eviction {hot}, {seconds:6.2f} s", flush=True)
        assert limit - 256 <= cache.stats().entries <= limit


async def in_a_loop(path: Path, clock: FakeClock, entries: int, leaving: int) -> None:
    """Measure the async facade."""
    async with AsyncSemanticCache(path, clock=clock, **EVERYTHING) as cache:
        ready(await cache.get("question 0 question", embedding=np.ones(DIM)))
        works: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
            "nothing": lambda: asyncio.sleep(IDLE_SECONDS),
            "vacuum": lambda: cache.vacuum(compact=False),
            "compact": cache.compact,
        }
        for name, work in works.items():
            started = time.perf_counter()
            hot, result = await asked_in_the_loop(cache, work())
            print(f"loop    {name:<8} {hot}, {time.perf_counter() - started:6.2f} s", flush=True)
            assert name != "vacuum" or result == leaving, result
    limit = entries - 2 * leaving
    async with AsyncSemanticCache(path, clock=clock, max_entries=limit, **EVERYTHING) as cache:
        ready(await cache.get("question 0 question", embedding=np.ones(DIM)))

        async def put() -> None:
            await cache.put("one more", "an answer", mode="exact")
            await cache.put("and another", "an answer", mode="exact")

        started = time.perf_counter()
        hot, _ = await asked_in_the_loop(cache, put())
        print(f"loop    eviction {hot}, {time.perf_counter() - started:6.2f} s", flush=True)
        assert limit - 256 <= cache.stats().entries <= limit


def main() -> None:
    """Fill a file for each facade, and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pauses", description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--leaving", type=int, default=100_000, help="what vacuum removes, and what is evicted")
    arguments = parser.parse_args()
    size = (arguments.entries, arguments.leaving)
    about = machine.describe()
    print(f"{size[0]:,} entries, {size[1]:,} leave; {about['processor']}, {about['cores']} cores, {about['date']}")
    for measure in (in_threads, lambda *of: asyncio.run(in_a_loop(*of))):
        with tempfile.TemporaryDirectory() as directory:
            clock = FakeClock()
            fill(Path(directory) / "cache.db", clock, *size)
            clock.advance(61)
            measure(Path(directory) / "cache.db", clock, *size)
    print(f"load {machine.load()}")


if __name__ == "__main__":
    main()
