"""The longest time for which an event loop answers nobody while 32 semantic lookups run in it (100,000 entries).

A task that sleeps a millisecond over and over notes how late it wakes. Beside it, how late it wakes when nothing runs:
that is what other processes on the machine take. Linux tells how long the loop's thread was ready and had no core.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks.threads.setting import filled, made
from benchmarks.truth import response_of
from mneme import AsyncSemanticCache

BEAT_SECONDS = 0.001
TOGETHER = 32
AIM_MS = 10
IDLE_SECONDS = 0.06
SCHEDULE = Path("/proc/thread-self/schedstat")


def measure(*, quick: bool) -> Iterator[str]:
    """Yield a line for nothing, for hits and for misses."""
    entries, rounds = (20_000, 3) if quick else (100_000, 25)
    with filled(entries) as cache:
        found = asyncio.run(in_one_loop(cache.as_async(), entries, rounds))
    for name, rows in found.items():
        worst, own, whole = ([1_000 * row[part] for row in rows] for part in range(3))
        aim = "" if name == "nothing" else f", aim at most {AIM_MS}; all 32 took {median(whole):.0f} ms"
        yield (
            f"{name:<10} worst gap of a round: median {median(worst):5.1f} ms, 90th percentile "
            f"{quantiles(worst, n=10)[8]:5.1f} ms; less the wait for a core {median(own):5.1f} and "
            f"{quantiles(own, n=10)[8]:5.1f} ms{aim}"
        )


async def in_one_loop(
    cache: AsyncSemanticCache, entries: int, rounds: int
) -> dict[str, list[tuple[float, float, float]]]:
    """Return of each round the worst gap, the worst less the wait for a core, and the whole time, in seconds."""
    given, number = made(entries), 0

    async def look_up(queries: Any, answers: list[str | None]) -> None:
        nonlocal number
        number += TOGETHER
        hits = await asyncio.gather(
            *(cache.get(f"asked {number + at}", embedding=query) for at, query in enumerate(queries))
        )
        assert [hit and hit.response for hit in hits] == answers

    right = [response_of(row) for row in given.answers[:TOGETHER]]
    loads: dict[str, Callable[[], Awaitable[None]]] = {
        "nothing": lambda: asyncio.sleep(IDLE_SECONDS),
        "32 hits": lambda: look_up(given.hits[:TOGETHER], list(right)),
        "32 misses": lambda: look_up(given.misses[:TOGETHER], [None] * TOGETHER),
    }
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in loads}
    for _ in range(rounds):
        for name, load in loads.items():
            found[name].append(await worst_gap(load))
    return found


async def worst_gap(load: Callable[[], Awaitable[None]]) -> tuple[float, float, float]:
    """Return how late a task woke at worst while `load` ran, less what it waited for a core, and how long all took."""
    gaps: list[tuple[float, float]] = []

    async def beat() -> None:
        while True:
            started, waited = time.perf_counter(), core_wait()
            await asyncio.sleep(BEAT_SECONDS)
            waited = core_wait() - waited
            late = time.perf_counter() - started - BEAT_SECONDS
            gaps.append((late, late - waited))

    beating = asyncio.create_task(beat())
    await asyncio.sleep(5 * BEAT_SECONDS)
    gaps.clear()
    started = time.perf_counter()
    await load()
    whole = time.perf_counter() - started
    await asyncio.sleep(2 * BEAT_SECONDS)
    beating.cancel()
    worst, own = (max(part) for part in zip(*gaps, strict=True))
    return worst, own, whole


def core_wait() -> float:
    """Return for how many seconds this thread was ready to run and had no core, where the system tells."""
    return int(SCHEDULE.read_text().split()[1]) / 1e9 if SCHEDULE.exists() else 0.0
