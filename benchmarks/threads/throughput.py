"""Lookups a second with 1, 2, 4 and 8 threads, and as many tasks of one event loop (10,000 entries)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from threading import Barrier
from typing import Any

from benchmarks.threads.setting import QUERIES, filled, made, medians
from benchmarks.truth import query_of, response_of

NUMBERS = (1, 2, 4, 8)
OTHER, PUT = "another namespace", "what is put"

fresh = count()

Call = tuple[str, dict[str, Any], str | None]


def exact(entries: int, number: int) -> Call:
    """Return what is asked and what must come back: the question of an entry; None puts it."""
    row = number % entries
    return query_of(row), {}, response_of(row)


def semantic(entries: int, number: int) -> Call:
    """Return the same for a question in other words."""
    at = number % len(made(entries).hits)
    return f"asked {next(fresh)}", {"embedding": made(entries).hits[at]}, response_of(made(entries).answers[at])


def mixed(entries: int, number: int) -> Call:
    """Return the same for eight of ten that are exact, one in other words, and one put, into another namespace."""
    if number % 10 == 9:
        given = made(entries).misses[number % len(made(entries).misses)]
        return f"put {next(fresh)}", {"embedding": given, "namespace": OTHER}, None
    return semantic(entries, number) if number % 10 == 8 else exact(entries, number)


LOADS: dict[str, tuple[Callable[[int, int], Call], int]] = {
    "exact hits": (exact, 40_000),
    "semantic hits": (semantic, 2_000),
    "8 exact, 1 semantic, 1 put": (mixed, 8_000),
}


def measure(*, quick: bool) -> Iterator[str]:
    """Yield a line for each load and colour."""
    entries, rounds, share = (QUERIES * 32, 1, 20) if quick else (10_000, 5, 1)
    with filled(entries) as cache:
        for name, (load, calls) in LOADS.items():
            work = [load(entries, number) for number in range(calls // share)]
            for colour, run in (("threads", in_threads), ("tasks", in_tasks)):
                sides = {str(number): partial(run, cache, work, number) for number in NUMBERS}
                seconds = medians(rounds, **sides)
                each = [f"{number}: {len(work) / seconds[str(number)]:>9,.0f} /s" for number in NUMBERS]
                gain = " ".join(f"{seconds['1'] / seconds[str(number)]:.2f}" for number in NUMBERS[1:])
                yield f"{name:<28} {colour:<8} {'  '.join(each)}   x of one: {gain}"


def in_threads(cache: Any, work: list[Call], number: int) -> float:
    """Return the seconds that so many threads take for all of `work`."""
    barrier = Barrier(number + 1)

    def run(calls: list[Call]) -> int:
        barrier.wait()
        wrong = 0
        for query, options, answer in calls:
            if answer is None:
                cache.put(query, PUT, **options)
                continue
            hit = cache.get(query, **options)
            wrong += hit is None or hit.response != answer
        return wrong

    with ThreadPoolExecutor(number) as pool:
        asked = [pool.submit(run, work[first::number]) for first in range(number)]
        barrier.wait()
        started = time.perf_counter()
        wrong = sum(each.result() for each in asked)
        seconds = time.perf_counter() - started
    assert not wrong, f"{wrong} wrong answers"
    _check_puts(cache, work)
    return seconds


def in_tasks(cache: Any, work: list[Call], number: int) -> float:
    """The same for tasks of one event loop."""
    facade = cache.as_async()

    async def run(calls: list[Call]) -> int:
        wrong = 0
        for query, options, answer in calls:
            if answer is None:
                await facade.put(query, PUT, **options)
                continue
            hit = await facade.get(query, **options)
            wrong += hit is None or hit.response != answer
        return wrong

    async def main() -> float:
        started = time.perf_counter()
        wrong = sum(await asyncio.gather(*(run(work[first::number]) for first in range(number))))
        seconds = time.perf_counter() - started
        assert not wrong, f"{wrong} wrong answers"
        return seconds

    seconds = asyncio.run(main())
    _check_puts(cache, work)
    return seconds


def _check_puts(cache: Any, work: list[Call]) -> None:
    puts = [query for query, _, answer in work if answer is None]
    assert all(cache.get(query, namespace=OTHER, mode="exact").response == PUT for query in puts)
    cache.clear_namespace(OTHER)
