"""What stats() and health() say."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import pytest

from mneme import Health, MemoryStore, SemanticCache, SQLiteStore, Stats
from mneme.runtime.lookups import UNTIMED
from mneme.testing import FaultyStore, WordEmbedder


async def counts(cache, namespace=None):
    stats = await cache.stats(namespace=namespace)
    return (stats.hits_exact, stats.hits_semantic, stats.misses, stats.evictions, stats.expirations)


async def use(cache, namespace="default"):
    """One miss, two exact hits, three semantic hits."""
    await cache.get("one two three", namespace=namespace)
    await cache.put("one two three", "r", namespace=namespace)
    for _ in range(2):
        await cache.get("one two three", namespace=namespace)
    for _ in range(3):
        await cache.get("three two one", namespace=namespace)


async def test_stats_count_a_namespace_or_all(cache, opening):
    await use(cache, "a")
    await use(cache, "b:c")
    await cache.get("zzz", namespace="b:c")

    assert await cache.stats(namespace="b:c") == Stats(
        namespace="b:c",
        entries=1,
        hits_exact=2,
        hits_semantic=3,
        misses=2,
        evictions=0,
        expirations=0,
        embedder_fingerprint=opening.embedder.fingerprint,
        vector_dtype="float32",
        memory_bytes_estimate=64 * 4,
        index_memory_bytes=cache.plain._core.index.memory_bytes,
        index_tombstone_count=0,
        resident_bytes=cache.plain._core.resident_bytes,
    )
    assert [await counts(cache), await counts(cache, "a"), await counts(cache, "unknown")] == [
        (4, 6, 3, 0, 0),
        (2, 3, 1, 0, 0),
        (0, 0, 0, 0, 0),
    ]


@pytest.mark.parametrize("namespace", ["default", "a:b", "", ":", "a/b\x00"])
async def test_counters_survive_closing(opening, namespace):
    first = opening(max_entries=1)
    await use(first, namespace)
    await first.put("another", "r", namespace=namespace)
    await first.close()
    second = opening(max_entries=1)
    before = await counts(second, namespace)
    await use(second, namespace)

    assert (before, await counts(second)) == ((2, 3, 1, 1, 0), (4, 6, 2, 2, 0))


async def test_clearing_a_namespace_drops_its_entries_and_counters(opening):
    cache = opening()
    await use(cache, "a")
    await use(cache, "b")

    assert (await cache.clear_namespace("a"), await cache.clear_namespace("a")) == (1, 0)
    assert (await counts(cache, "a"), await counts(cache)) == ((0, 0, 0, 0, 0), (2, 3, 1, 0, 0))
    assert [hit and hit.namespace for hit in [await cache.get("one two three", namespace=n) for n in "ab"]] == [
        None,
        "b",
    ]


async def test_a_cleared_namespace_stays_cleared_after_closing(opening):
    first = opening()
    await use(first, "a")
    await use(first, "b")
    await first.close()
    second = opening()  # its first write is the clearing: all that it counted before waits to be written
    await use(second, "a")
    await second.clear_namespace("a")
    await second.get("after", namespace="a")
    await second.close()
    third = opening()

    assert (await counts(third, "a"), await counts(third, "b")) == ((0, 0, 1, 0, 0), (2, 3, 1, 0, 0))


async def test_clearing_drops_everything(opening):
    first = opening()
    await use(first, "a")
    await use(first, "b")
    cleared = await first.clear()
    await first.get("q", namespace="a")
    await first.put("q", "r", namespace="c")
    await first.close()
    second = opening()

    assert (cleared, await counts(second), await second.list_namespaces()) == (2, (0, 0, 1, 0, 0), ["c"])


async def test_what_is_counted_after_clearing_stays_counted(cache):
    await use(cache)
    await cache.clear()
    await cache.get("q")
    await cache.put("q", "r")  # written after the clearing, whenever that is

    assert await counts(cache) == (0, 0, 1, 0, 0)


async def test_the_namespaces_with_entries_are_listed_in_order(cache):
    for namespace in ("b", "a", "gone"):
        await cache.put("q", "r", namespace=namespace)
    await cache.delete("q", namespace="gone")
    await cache.get("q", namespace="asked only")

    assert await cache.list_namespaces() == ["a", "b"]


async def test_health_is_answered_from_memory(opening, clock):
    cache = opening(multi_process_mode="stale-tolerant", vector_dtype="float16")
    await cache.put("q", "r")
    clock.advance(1.5)
    await cache.put("q", "r", namespace="n")

    assert await cache.health() == Health(
        healthy=True,
        schema_version=cache.plain._core.store.schema_version,
        integrity_ok=True,
        embedder_fingerprint_match=True,
        entries=2,
        namespaces=2,
        oldest_entry_age_seconds=1.5,
        index_backend="numpy",
        store_backend=opening.store,
        vector_dtype="float16",
        multi_process_mode="stale-tolerant",
    )


async def test_an_empty_cache_has_no_oldest_entry(cache):
    health = await cache.health()

    assert (health.entries, health.namespaces, health.oldest_entry_age_seconds) == (0, 0, None)


async def test_the_memory_estimate_follows_the_vector_type(opening):
    cache = opening()
    for number in range(3):
        await cache.put(f"q{number}", "r")
    estimates = []
    for dtype in ("float32", "float16", "int8"):
        await cache.requantize(dtype)
        stats = await cache.stats()
        estimates.append((stats.vector_dtype, stats.memory_bytes_estimate))

    assert estimates == [("float32", 3 * 64 * 4), ("float16", 3 * 64 * 2), ("int8", 3 * 64)]


async def test_requantized_vectors_give_the_same_similarities(opening, direction):
    cache = opening(similarity_threshold=0.9)
    await cache.put("a", "near", embedding=direction(0.95))
    await cache.put("b", "far", embedding=direction(0.2))
    await cache.delete("b")
    hits = []
    for dtype in ("float32", "float16", "int8"):
        await cache.requantize(dtype)
        hits.append(await cache.get("x", embedding=direction(1.0)))

    assert [dataclasses.asdict(hit) for hit in hits] == [dataclasses.asdict(hits[0])] * 3
    assert hits[0].similarity == 0.95


async def test_what_is_known_is_answered_without_the_store(opening):
    store = FaultyStore(MemoryStore() if opening.store == "memory" else SQLiteStore(opening.path))
    cache = opening(store=store)
    await cache.put("q", "r")
    store.read_error = store.write_error = OSError("the disk is gone")
    answers = [(await cache.stats()).entries, (await cache.health()).entries, await cache.list_namespaces()]
    store.read_error = store.write_error = None

    assert answers == [1, 1, ["default"]]


@pytest.fixture
def sync_cache():
    with SemanticCache(store=MemoryStore(), embedder=WordEmbedder()) as cache:
        cache.put("one two", "r")
        yield cache


def test_an_exact_hit_waits_for_no_lock_and_is_counted(sync_cache):
    with ThreadPoolExecutor(1) as pool, sync_cache._core.table.lock:
        hits = [pool.submit(sync_cache.get, "one two").result(timeout=30) for _ in range(100)]

    assert ({hit.response for hit in hits}, sync_cache.stats().hits_exact) == ({"r"}, 100)


def test_a_hit_is_noted_and_counted_when_somebody_asks(sync_cache):
    sync_cache._core._times = repeat(UNTIMED)
    waiting = []
    for _ in range(3):
        sync_cache.get("one two")
        waiting.append(len(sync_cache._core.noted))

    assert (waiting, sync_cache.stats().hits_exact, len(sync_cache._core.noted)) == ([1, 2, 3], 3, 0)


def test_a_hit_that_was_noted_before_its_namespace_is_cleared_counts_no_more(sync_cache):
    sync_cache.get("one two")
    sync_cache.clear()

    assert sync_cache.stats().hits_exact == 0


def test_a_hit_of_an_entry_that_has_gone_meanwhile_is_counted_all_the_same():
    with SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), max_entries=10) as cache:
        cache.put("one two", "r")
        record = cache._core.table.by_key[bytes.fromhex(cache.key("one two"))]
        cache.delete("one two")
        cache._core.noted.append((record, 1.0, None, 0.0))  # as a reader would that was overtaken

        assert cache.stats().hits_exact == 1
