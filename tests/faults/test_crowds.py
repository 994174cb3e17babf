"""A thousand threads and tasks over one cache, and two event loops over one."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mneme import MemoryStore, SemanticCache, SQLiteStore
from mneme.testing import WordEmbedder

THREADS, TASKS, KEYS = 300, 700, 20


@pytest.fixture(params=["memory", "sqlite"])
def again(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], SemanticCache]:
    """Open caches over one content."""
    memory = MemoryStore()

    def again(**options: Any) -> SemanticCache:
        store = memory if request.param == "memory" else SQLiteStore(tmp_path / "cache.db", timeout=60)
        return SemanticCache(store=store, embedder=WordEmbedder(), **options)

    return again


class Computing:
    """Counts how often each question is computed, and by how many at a time."""

    def __init__(self) -> None:
        self.times: Counter[int] = Counter()
        self.lock = threading.Lock()

    def of(self, key: int) -> Callable[[], str]:
        def compute() -> str:
            with self.lock:
                self.times[key] += 1
            return f"answer {key}"

        return compute


def work_of_thread(cache: SemanticCache, computing: Computing, number: int) -> str:
    key = number % KEYS
    cache.get(f"question {key}", mode="exact")
    outcome = cache.get_or_compute(f"question {key}", computing.of(key), mode="exact")
    cache.put(f"of thread {number}", "answer", mode="exact")
    if number % 3 == 0:
        cache.delete(f"of thread {number}")
    return outcome.value


async def work_of_task(cache: SemanticCache, computing: Computing, number: int) -> str:
    twin, key = cache.as_async(), number % KEYS
    await twin.get(f"question {key}", mode="exact")
    outcome = await twin.get_or_compute(f"question {key}", computing.of(key), mode="exact")
    await twin.put(f"of task {number}", "answer", mode="exact")
    if number % 3 == 0:
        await twin.delete(f"of task {number}")
    return outcome.value


async def tasks(cache: SemanticCache, computing: Computing, numbers: range) -> list[str]:
    async with asyncio.timeout(60):
        return await asyncio.gather(*(work_of_task(cache, computing, number) for number in numbers))


def test_a_thousand_threads_and_tasks_of_two_loops_share_one_cache(again: Callable[..., SemanticCache]) -> None:
    computing, half = Computing(), TASKS // 2
    answers: list[str] = []
    with again() as cache:
        threads = [
            threading.Thread(target=lambda number=number: answers.append(work_of_thread(cache, computing, number)))
            for number in range(THREADS)
        ]
        loops = [
            threading.Thread(target=lambda part=part: answers.extend(asyncio.run(tasks(cache, computing, part))))
            for part in (range(half), range(half, TASKS))
        ]
        for thread in (*loops, *threads):
            thread.start()
        for thread in (*loops, *threads):
            thread.join(60)
        stats, held = cache.stats(), sorted(cache.list_queries())

    assert Counter(answers) == Counter(f"answer {number % KEYS}" for part in (THREADS, TASKS) for number in range(part))
    assert computing.times == Counter(range(KEYS))
    assert stats.entries == KEYS + THREADS * 2 // 3 + TASKS - (TASKS + 2) // 3
    with again() as fresh:
        assert sorted(fresh.list_queries()) == held


def test_under_a_limit_a_crowd_keeps_about_that_many_and_never_more(again: Callable[..., SemanticCache]) -> None:
    with again(max_entries=50) as cache:
        with ThreadPoolExecutor(50) as pool:
            list(pool.map(lambda number: cache.put(f"question {number}", "answer", mode="exact"), range(1_000)))
        held = sorted(cache.list_queries())

    assert 50 - 5 <= len(held) <= 50  # who passes a limit makes room for a tenth more
    with again() as fresh:
        assert sorted(fresh.list_queries()) == held


def test_a_cache_outlives_the_loops_that_used_it(again: Callable[..., SemanticCache]) -> None:
    with again() as cache:
        for number in range(3):
            asyncio.run(cache.as_async().put(f"question {number}", "answer"))
        found = [asyncio.run(cache.as_async().get(f"{number} question")) for number in range(3)]

    assert [hit.response for hit in found] == ["answer"] * 3


def test_a_loop_that_ends_with_a_put_under_way_leaves_the_cache_to_others(again: Callable[..., SemanticCache]) -> None:
    with again() as cache:

        async def leave() -> None:
            asyncio.get_running_loop().create_task(cache.as_async().put("left behind", "answer"))
            await asyncio.sleep(0)

        asyncio.run(leave())
        cache.put("after", "answer")
        assert asyncio.run(cache.as_async().get("after")).response == "answer"
        held = sorted(cache.list_queries())

    with again() as fresh:
        assert sorted(fresh.list_queries()) == held
