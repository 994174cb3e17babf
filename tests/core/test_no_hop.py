"""What is in memory is answered without giving up the event loop; what is slow is never waited for."""

import asyncio
import threading

import pytest

from mneme import AsyncSemanticCache, MemoryStore, SemanticCache, SQLiteStore
from mneme.testing import AsyncWordEmbedder, WordEmbedder


@pytest.fixture(params=["memory", "sqlite"])
async def cache(request, tmp_path):
    store = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "cache.db")
    async with AsyncSemanticCache(store=store, embedder=AsyncWordEmbedder()) as cache:
        yield cache


def finished(coroutine):
    """Run a coroutine that must not wait for anything; return its result."""
    with pytest.raises(StopIteration) as stop:
        coroutine.send(None)
    return stop.value.value


async def test_an_exact_hit_finishes_at_once(cache):
    await cache.put("q", "r")

    assert finished(cache.get("q")).response == "r"


async def test_an_exact_miss_finishes_at_once(cache):
    await cache.put("q", "r")

    assert finished(cache.get("other", mode="exact")) is None


async def test_a_semantic_hit_with_a_vector_finishes_at_once(cache):
    await cache.put("q", "r", embedding=[1.0] * 64)

    assert finished(cache.get("other", embedding=[1.0] * 64)).layer == "semantic"


async def test_a_cached_value_finishes_at_once(cache):
    await cache.put("q", "r")

    assert finished(cache.get_or_compute("q", lambda: "never")).value == "r"


async def test_many_exact_hits_finish_at_once(cache):
    await cache.put_many([("a", "1"), ("b", "2")])

    assert [hit.response for hit in finished(cache.get_many(["a", "b"]))] == ["1", "2"]


async def test_100_concurrent_gets_need_no_thread():
    async with AsyncSemanticCache(store=MemoryStore(), embedder=AsyncWordEmbedder()) as cache:
        for number in range(20):
            await cache.put(f"q{number}", f"r{number}")
        hits = await asyncio.gather(*(cache.get(f"q{number % 20}") for number in range(100)))

        assert ([hit.response for hit in hits], cache._core.threads.started) == (
            [f"r{n % 20}" for n in range(100)],
            False,
        )


async def test_everything_over_memory_needs_no_thread(clock):
    async with AsyncSemanticCache(
        store=MemoryStore(), embedder=AsyncWordEmbedder(), max_entries=3, clock=clock
    ) as cache:
        for number in range(5):
            await cache.put(f"q{number} word{number}", "r", ttl=10)
        await cache.get("word4 q4")
        await cache.delete("q4 word4")
        clock.advance(11)
        await cache.vacuum()
        cache.clear_namespace("n")
        cache.clear()

        assert (cache._core.threads.started, cache._core.searchers.started) == (False, False)


async def test_100_concurrent_gets_over_sqlite_need_no_thread_beyond_the_writers(cache):
    await cache.put_many([(f"q{number}", f"r{number}") for number in range(20)])
    submitted = []
    cache._core.submit = lambda *arguments: submitted.append(arguments)
    hits = await asyncio.gather(*(cache.get(f"q{number % 20}") for number in range(100)))
    del cache._core.submit

    assert ([hit.response for hit in hits], submitted) == ([f"r{n % 20}" for n in range(100)], [])


async def test_the_event_loops_own_threads_are_never_used(tmp_path):
    loop = asyncio.get_running_loop()
    async with AsyncSemanticCache(tmp_path / "cache.db", WordEmbedder()) as cache:
        await cache.put("one two", "r")
        await cache.get("two one")
        await cache.explain("q")
        await cache.vacuum()
        cache.clear()

    assert loop._default_executor is None


@pytest.mark.parametrize("embedder", [WordEmbedder, AsyncWordEmbedder])
async def test_a_slow_embedder_delays_no_exact_hit(embedder, tmp_path):
    go, begun = threading.Event(), threading.Event()

    class SlowSync(WordEmbedder):
        def embed(self, text):
            begun.set()
            assert go.wait(10)
            return super().embed(text)

    class SlowAsync(AsyncWordEmbedder):
        async def embed(self, text):
            begun.set()
            while not go.is_set():
                await asyncio.sleep(0.001)
            return await super().embed(text)

    slow = SlowSync() if embedder is WordEmbedder else SlowAsync()
    async with AsyncSemanticCache(tmp_path / "cache.db", slow) as cache:
        await cache.put("q", "r", embedding=[1.0] * 64)
        lookups = [asyncio.create_task(cache.get(f"slow {number}")) for number in range(20)]
        while not begun.is_set():
            await asyncio.sleep(0)
        hit, exact_put = await cache.get("q"), await cache.put("q2", "r", mode="exact")
        waiting = [lookup.done() for lookup in lookups]
        go.set()
        await asyncio.gather(*lookups)

        assert (hit.response, exact_put, waiting) == ("r", None, [False] * 20)


async def test_a_long_search_leaves_the_event_loop(cache, monkeypatch):
    await cache.put("q", "r", embedding=[1.0] * 64)
    index, threads = cache._core.index, []
    search = type(index).search
    monkeypatch.setattr(type(index), "search_seconds", lambda *_: 0.01)
    monkeypatch.setattr(type(index), "search", lambda *a: threads.append(threading.current_thread().name) or search(*a))
    hit = await cache.get("x", embedding=[1.0] * 64)

    assert (hit.response, threads[0].rpartition("_")[0]) == ("r", "mneme-search")


async def test_a_scope_holds_in_the_caches_threads(tmp_path):
    async with AsyncSemanticCache(tmp_path / "cache.db", AsyncWordEmbedder(), vector_dtype="int8") as cache:
        with cache.scope(namespace="n"):
            await cache.put("one two", "r")
            hit = await cache.get("two one")  # rounded vectors are compared in a thread

        assert hit.namespace == "n"


def test_the_lock_is_not_held_while_a_hook_is_told():
    held = []
    with SemanticCache(
        store=MemoryStore(),
        embedder=WordEmbedder(),
        metrics_hook=lambda *_: held.append(cache._core.table.lock.locked()),
    ) as cache:
        cache.get("q")
        cache.put("q", "r")
        cache.get("q")

    assert held == [False, False]


async def test_long_searches_hold_up_no_read_of_the_store(tmp_path, monkeypatch):
    go = threading.Event()
    async with AsyncSemanticCache(tmp_path / "cache.db", AsyncWordEmbedder()) as cache:
        await cache.put("q", "r", embedding=[1.0] * 64)
        monkeypatch.setattr(type(cache._core.index), "search_seconds", lambda *_: 0.01)
        monkeypatch.setattr(type(cache._core.index), "search", lambda *_: go.wait(10) and [])
        searches = [asyncio.create_task(cache.get(f"x{number}", embedding=[1.0] * 64)) for number in range(8)]
        await asyncio.sleep(0)
        await asyncio.wait_for(cache.put("other", "r", embedding=[1.0] * 64), 10)
        waiting = [search.done() for search in searches]
        go.set()
        await asyncio.gather(*searches)

    assert waiting == [False] * 8


async def test_the_loop_turns_to_others_while_many_search_in_it(cache, monkeypatch):
    await cache.put("q", "r", embedding=[1.0] * 64)
    search, now, turns = type(cache._core.index).search, [0.0], []

    def slow(*arguments):
        now[0] += 0.0009
        turns.append(turn[0])
        return search(*arguments)

    monkeypatch.setattr(type(cache._core.index), "search", slow)
    monkeypatch.setattr("mneme.runtime.pacing.monotonic", lambda: now[0])
    lookups = [asyncio.create_task(cache.get(f"x{number}", embedding=[1.0] * 64)) for number in range(12)]
    turn = [0]
    while not all(lookup.done() for lookup in lookups):
        await asyncio.sleep(0)
        turn[0] += 1

    assert [lookup.result().response for lookup in lookups] == ["r"] * 12
    assert [turns.count(number) for number in sorted(set(turns))] == [2] * 6


async def test_a_failing_search_counts_as_time_too(cache):
    def failing():
        now[0] += 1.0
        raise ZeroDivisionError

    now = [0.0]
    pace = cache._core.pace
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mneme.runtime.pacing.monotonic", lambda: now[0])
        with pytest.raises(ZeroDivisionError):
            await pace.run(failing)
        second = pace.run(lambda: "done")
        second.send(None)
        await asyncio.sleep(0)

        assert finished(second) == "done"
