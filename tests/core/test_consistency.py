"""After any mixture of calls from many threads, table, index and store hold the same entries."""

import asyncio
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from mneme import AsyncSemanticCache, MemoryStore, SemanticCache, SQLiteStore
from mneme.stores.base import Cursor, Put
from mneme.testing import WordEmbedder

WORDS = [f"word{number}" for number in range(8)]


def use(cache, seed):
    """Call a cache 150 times at random."""
    rng = random.Random(seed)
    for _ in range(150):
        query = " ".join(rng.sample(WORDS, rng.randint(1, 2)))
        place = {"namespace": rng.choice("ab"), "vary": rng.choice([None, {"model": "m"}])}
        action = rng.random()
        if action < 0.35:
            cache.put(query, rng.choice(["1", "2", "[ERROR]"]), mode=rng.choice(["semantic", "exact"]), **place)
        elif action < 0.45:
            cache.delete(query, **place)
        elif action < 0.5:
            cache.get_or_compute(query, lambda: "computed", **place)
        elif action < 0.51:
            cache.clear_namespace("b")
        elif action < 0.52:
            cache.requantize(rng.choice(["float32", "int8"]))
        elif action < 0.53:
            cache.vacuum(compact=False)
        else:
            cache.get(query, **place)


def holds(cache):
    """Assert that the three agree; return the entries."""
    core = cache._core
    core.journal.flush()
    core.journal.catch_up()
    table = {record.id: record.response for record in core.table.by_key.values()}
    batches = [changes for changes, _ in core.store.pull(Cursor(0, 0))]
    stored = {put.entry.id: put.entry.response for batch in batches for put in batch if isinstance(put, Put)}
    searchable = Counter(record.partition for record in core.table.by_key.values() if record.searchable)

    assert (set(core.table.by_id), Counter(record.namespace for record in core.table.by_key.values())) == (
        set(table),
        core.table.counts,
    )
    assert {partition: core.index.count(partition) for partition in searchable} == searchable
    assert core.index.memory_bytes == 0 or searchable
    return table, stored


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_one_cache_used_by_many_threads_stays_consistent(tmp_path, kind):
    store = MemoryStore() if kind == "memory" else SQLiteStore(tmp_path / "cache.db")
    options = {"max_entries": 12, "namespace_quotas": {"b": 5}}
    with SemanticCache(store=store, embedder=WordEmbedder(), **options) as cache, ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda seed: use(cache, seed), range(6)))
        table, stored = holds(cache)

        assert table == stored


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_two_caches_over_one_store_used_by_many_threads_agree(tmp_path, kind):
    memory = MemoryStore()

    def opened():
        store = memory if kind == "memory" else SQLiteStore(tmp_path / "cache.db")
        return SemanticCache(store=store, embedder=WordEmbedder(), max_entries=12)

    with opened() as one, opened() as two, ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda seed: use((one, two)[seed % 2], seed), range(6)))
        for cache in (one, two):
            cache._core.journal.flush()  # what either still has to write, the other sees
        first, second = holds(one), holds(two)

        assert first[0] == first[1] == second[0] == second[1]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_one_cache_used_by_many_tasks_of_which_some_are_cancelled_stays_consistent(tmp_path, kind):
    store = MemoryStore() if kind == "memory" else SQLiteStore(tmp_path / "cache.db")
    rng = random.Random(5)

    async def compute():
        for _ in range(rng.randint(0, 3)):
            await asyncio.sleep(0)
        return "computed"

    async with AsyncSemanticCache(store=store, embedder=WordEmbedder(), max_entries=12) as cache:
        for _ in range(20):
            tasks = []
            for _ in range(20):
                query = " ".join(rng.sample(WORDS, rng.randint(1, 2)))
                method, *arguments = rng.choice([(cache.get_or_compute, compute), (cache.put, "r"), (cache.delete,)])
                tasks.append(asyncio.create_task(method(query, *arguments)))
            await asyncio.sleep(0)
            cancelled = rng.sample(tasks, 8)
            for task in cancelled:
                task.cancel()
            if rng.random() < 0.2:
                cache.clear()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert not [result for result in results if isinstance(result, Exception)]
        while cache._core.sharing.flights._flights:
            await asyncio.sleep(0)
        table, stored = holds(cache)

        assert table == stored
