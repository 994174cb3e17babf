"""Puts that come at once share transactions, and those of an async cache hold no thread while they wait."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mneme import AsyncSemanticCache, SemanticCache, SQLiteStore
from mneme.runtime.core import WORKERS
from mneme.testing import AsyncWordEmbedder, WordEmbedder

PUTTERS = 64


class Counting(SQLiteStore):
    """Counts its transactions; the first waits until all others have come."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.sizes: list[int] = []
        self.all_have_come = threading.Event()

    def write(self, changes: Any, *arguments: Any, **options: Any) -> Any:
        if changes:
            self.sizes.append(len(changes))
            assert self.all_have_come.wait(30)
        return super().write(changes, *arguments, **options)


@pytest.fixture(params=["normal", "full"])
def durability(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_64_threads_that_put_at_once_make_two_transactions(tmp_path: Path, durability: Any) -> None:
    store = Counting(tmp_path / "cache.db")
    with SemanticCache(store=store, embedder=WordEmbedder(), durability=durability) as cache:
        journal = cache._core.journal
        with ThreadPoolExecutor(PUTTERS) as threads:
            puts = [threads.submit(cache.put, f"question {number}", "answer") for number in range(PUTTERS)]
            while not (store.sizes and store.sizes[0] + len(journal._pending) == PUTTERS):
                assert not any(put.done() for put in puts)
            store.all_have_come.set()
            assert [put.result(30) for put in puts] == [None] * PUTTERS

    assert (len(store.sizes), sum(store.sizes)) == (2, PUTTERS)
    with SemanticCache(tmp_path / "cache.db", WordEmbedder()) as cache:
        assert cache.stats().entries == PUTTERS


def test_1000_async_puts_share_two_transactions_and_the_cache_s_few_threads(tmp_path: Path, durability: Any) -> None:
    number, store = 1_000, Counting(tmp_path / "cache.db")
    before = threading.active_count()
    most = 0

    async def run() -> None:
        nonlocal most
        async with AsyncSemanticCache(store=store, embedder=AsyncWordEmbedder(), durability=durability) as cache:
            journal = cache._core.journal
            puts = [asyncio.ensure_future(cache.put(f"question {each}", "answer")) for each in range(number)]
            while not (store.sizes and store.sizes[0] + len(journal._pending) == number):
                assert not any(put.done() for put in puts)
                await asyncio.sleep(0)
            most = threading.active_count() - before
            store.all_have_come.set()
            await asyncio.gather(*puts)

    asyncio.run(run())

    assert (len(store.sizes), sum(store.sizes)) == (2, number)
    assert most <= WORKERS
    with SemanticCache(tmp_path / "cache.db", WordEmbedder()) as cache:
        assert cache.stats().entries == number
