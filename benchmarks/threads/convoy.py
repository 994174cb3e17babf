"""Exact hits while 64 others miss and wait 50 ms for an embedder or a model: do they wait too?

Beside it, the same hits while 64 threads or tasks wait 50 ms over and over and touch no cache: what is left then is the
interpreter's and the machine's.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from statistics import median, quantiles
from typing import Any

import numpy as np

from benchmarks.truth import query_of, response_of
from mneme import AsyncSemanticCache, MemoryStore, SemanticCache

SLOW_SECONDS = 0.05
OTHERS = 64
ENTRIES = 1_000
AIM = 1.5
ALONE, SLEEPING = "alone", "64 that sleep"

# Of each load a round's median and 99th percentile, in microseconds.
Samples = dict[str, list[tuple[float, float]]]

fresh = count()


class Slow:
    """An embedder that takes its time, of either colour."""

    dim = 16
    fingerprint = "benchmark:slow"

    def embed(self, text: str) -> Any:
        """Return a vector after a while."""
        time.sleep(SLOW_SECONDS)
        return np.random.default_rng(abs(hash(text))).standard_normal(self.dim, np.float32)


class AsyncSlow(Slow):
    """The same, awaited."""

    async def embed(self, text: str) -> Any:
        """Return a vector after a while."""
        await asyncio.sleep(SLOW_SECONDS)
        return np.random.default_rng(abs(hash(text))).standard_normal(self.dim, np.float32)


def slow_model() -> str:
    """Answer after a while."""
    time.sleep(SLOW_SECONDS)
    return "answer"


async def aslow_model() -> str:
    """Answer after a while."""
    await asyncio.sleep(SLOW_SECONDS)
    return "answer"


def measure(*, quick: bool) -> Iterator[str]:
    """Yield a line for each colour and kind of miss."""
    rounds, hits = (2, 1_000) if quick else (7, 20_000)
    with SemanticCache(store=MemoryStore(), embedder=Slow()) as cache:
        cache.put_many([(query_of(row), response_of(row)) for row in range(ENTRIES)], mode="exact")
        loads: dict[str, Callable[[], Any]] = {
            ALONE: lambda: None,
            SLEEPING: lambda: time.sleep(SLOW_SECONDS),
            "64 slow embedders": lambda: cache.get(f"slow {next(fresh)}"),
            "64 slow models": lambda: cache.get_or_compute(f"slow {next(fresh)}", slow_model, mode="exact"),
        }
        found: Samples = {name: [] for name in loads}
        for _ in range(rounds):
            for name, load in loads.items():
                found[name].append(in_threads(cache, load, 0 if name == ALONE else OTHERS, hits))
    yield from told("threads", found)
    yield from told("tasks", asyncio.run(in_one_loop(rounds, hits)))


async def in_one_loop(rounds: int, hits: int) -> Samples:
    """Return what the async facade takes."""
    async with AsyncSemanticCache(store=MemoryStore(), embedder=AsyncSlow()) as cache:
        await cache.put_many([(query_of(row), response_of(row)) for row in range(ENTRIES)], mode="exact")
        loads: dict[str, Callable[[], Awaitable[Any]]] = {
            ALONE: lambda: asyncio.sleep(0),
            SLEEPING: lambda: asyncio.sleep(SLOW_SECONDS),
            "64 slow embedders": lambda: cache.get(f"slow {next(fresh)}"),
            "64 slow models": lambda: cache.get_or_compute(f"slow {next(fresh)}", aslow_model, mode="exact"),
        }
        found: Samples = {name: [] for name in loads}
        for _ in range(rounds):
            for name, load in loads.items():
                found[name].append(await in_tasks(cache, load, 0 if name == ALONE else OTHERS, hits))
        return found


def told(colour: str, found: Samples) -> Iterator[str]:
    """Yield a line for each load."""
    for name, samples in found.items():
        middle, high = (median(part) for part in zip(*samples, strict=True))
        ratio = median(each[1] / base[1] for each, base in zip(samples, found[ALONE], strict=True))
        aim = "" if name in (ALONE, SLEEPING) else f", aim at most {AIM}"
        yield f"{colour:<8} {name:<18} median {middle:6.2f} us, p99 {high:7.2f} us: {ratio:.2f} x that of alone{aim}"


def in_threads(cache: SemanticCache, load: Callable[[], Any], others: int, hits: int) -> tuple[float, float]:
    """Return median and p99, in microseconds, of hits while `others` threads do `load` over and over."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            load()

    threads = [threading.Thread(target=work) for _ in range(others)]
    for thread in threads:
        thread.start()
    samples = []
    for number in range(hits):
        row = number % ENTRIES
        query = query_of(row)
        started = time.perf_counter_ns()
        hit = cache.get(query)
        samples.append(time.perf_counter_ns() - started)
        assert hit is not None
        assert hit.response == response_of(row)
    stop.set()
    for thread in threads:
        thread.join()
    return _summary(samples)


async def in_tasks(
    cache: AsyncSemanticCache, load: Callable[[], Awaitable[Any]], others: int, hits: int
) -> tuple[float, float]:
    """The same for tasks; every tenth hit gives way to them."""
    stop = asyncio.Event()

    async def work() -> None:
        while not stop.is_set():
            await load()

    tasks = [asyncio.create_task(work()) for _ in range(others)]
    samples = []
    for number in range(hits):
        if number % 10 == 0:
            await asyncio.sleep(0)
        row = number % ENTRIES
        query = query_of(row)
        started = time.perf_counter_ns()
        hit = await cache.get(query)
        samples.append(time.perf_counter_ns() - started)
        assert hit is not None
        assert hit.response == response_of(row)
    stop.set()
    await asyncio.gather(*tasks)
    return _summary(samples)


def _summary(nanoseconds: list[int]) -> tuple[float, float]:
    return median(nanoseconds) / 1_000, quantiles(nanoseconds, n=100)[98] / 1_000
