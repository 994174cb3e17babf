"""Limits other than LRU's: bytes, SIEVE, costs, policies of one's own, and several processes on one file."""

import subprocess
import sys
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mneme import (
    CostAware,
    Evictable,
    InvalidArgumentError,
    MemoryStore,
    SemanticCache,
    SQLiteStore,
    StoreBackendError,
)
from mneme.engine.costs import cost_in
from mneme.engine.eviction import MOST_AT_ONCE, LruOrder
from mneme.runtime.limits import ENTRY_BYTES, VECTOR_BYTES
from mneme.testing import FakeClock, WordEmbedder
from mneme.testing.searching_store import SearchingStore

POLICIES = pytest.mark.parametrize("eviction", ["lru", "sieve", "cost"])


async def kept(cache, numbers, namespace="default"):
    """Which of q0, q1, … are there; asked without touching them."""
    return [number for number in numbers if (await cache.explain(f"q{number}", namespace=namespace)).exact]


async def fill(cache, numbers, namespace="default", **options):
    for number in numbers:
        await cache.put(f"q{number}", "r", namespace=namespace, mode="exact", **options)


def entry_bytes(query, response, metadata=0, dim=0):
    return len(query) + len(response) + metadata + ENTRY_BYTES + (4 * dim + VECTOR_BYTES if dim else 0)


async def test_sieve_keeps_what_was_used_through_a_scan(opening):
    cache = opening(max_entries=5, eviction="sieve")
    await fill(cache, range(5))
    await cache.get("q0")
    await fill(cache, range(5, 9))  # one round of the hand: q0 is passed
    assert await kept(cache, range(9)) == [0, 5, 6, 7, 8]


@POLICIES
async def test_the_newest_entry_never_leaves_for_itself(opening, eviction):
    cache = opening(max_entries=3, eviction=eviction)
    await fill(cache, range(3), cost=100.0)
    for number in (0, 0, 1, 2):
        await cache.get(f"q{number}")
    await fill(cache, [3], cost=0.0)

    assert (await cache.stats()).entries == 3
    assert await kept(cache, [3]) == [3]


async def test_what_saves_least_leaves(opening):
    cache = opening(max_entries=3, eviction="cost")
    for number, cost in enumerate([3.0, 1.0, 2.0, 5.0]):
        await cache.put(f"q{number}", "r", mode="exact", cost=cost)

    assert await kept(cache, range(4)) == [0, 2, 3]


async def test_room_counts_where_bytes_are_limited_and_only_there(opening):
    places, room = (
        opening(max_entries=2, eviction="cost"),
        opening(store=MemoryStore(), max_bytes=8_000, eviction="cost"),
    )
    for cache in (places, room):
        for number, (length, cost) in enumerate([(3_000, 2.0), (500, 1.0), (500, 3.0)]):
            await cache.put(f"q{number}", "r" * length, mode="exact", cost=cost)
        await cache.put("q3", "r" * 1_500, mode="exact", cost=3.0)

    assert await kept(places, range(4)) == [2, 3]
    assert await kept(room, range(4)) == [1, 2, 3]


async def test_costs_uses_and_their_order_survive_closing(opening):
    first = opening(max_entries=4, eviction="cost")
    await fill(first, [0], cost=3.0)
    await fill(first, [1], cost=2.0)
    await fill(first, [2], cost=2.5)
    await first.get("q1")  # worth 4 from now on
    await first.close()
    second = opening(max_entries=2, eviction="cost")
    await fill(second, [3], cost=9.0)

    assert await kept(second, range(4)) == [1, 3]


async def test_a_cost_is_shown_to_nobody(opening):
    cache = opening()
    await cache.put("q", "r", metadata={"a": 1}, cost=2)

    assert (await cache.get("q")).metadata == {"a": 1}


@pytest.mark.parametrize("cost", [-1, float("inf"), float("nan"), "2", True])
async def test_what_is_no_cost_is_an_error_that_says_so(opening, cost):
    with pytest.raises(InvalidArgumentError, match="cost is"):
        await opening().put("q", "r", cost=cost)


@pytest.mark.parametrize("metadata", ['{"mneme.cost": "2"}', '{"mneme.cost": -1}', '{"a": "mneme.cost"}'])
def test_what_another_program_wrote_as_a_cost_is_none(metadata):
    assert cost_in(metadata) is None


async def test_get_or_compute_counts_the_cost_that_a_function_reads_from_the_value(opening):
    cache = opening(max_entries=2, eviction=CostAware(per_second=0.0))
    for number, text in enumerate(["xxx", "x", "xx"]):
        await cache.get_or_compute(f"q{number}", lambda text=text: text, cost=len, mode="exact")

    assert await kept(cache, range(3)) == [0, 2]


async def test_a_value_whose_cost_is_not_known_is_kept(opening):
    cache = opening()
    await cache.get_or_compute("q", lambda: "r", cost=lambda value: 1 / 0)

    assert (await cache.get("q")).response == "r"


async def test_the_bytes_of_all_namespaces_are_kept_to(opening):
    size = entry_bytes("q0", "r")
    cache = opening(max_bytes=3 * size, namespace_quotas={"a": 2})
    await fill(cache, range(3), "a")  # one left for the quota
    await fill(cache, range(3), "b")  # and one for the bytes: the least recently used of all

    assert (await kept(cache, range(3), "a"), await kept(cache, range(3), "b")) == ([], [0, 1, 2])


async def test_vectors_and_metadata_are_counted(opening):
    cache = opening(max_bytes=entry_bytes("a b", "é", 1, 64) + entry_bytes("c d", "r", len('{"k": 1}'), 64))
    await cache.put("a b", "é")
    await cache.put("c d", "r", metadata={"k": 1})

    assert (await cache.stats()).entries == 2
    await cache.put("a b", "éx")  # a byte too many

    assert await cache.list_queries() == ["a b"]


async def test_max_entries_and_max_bytes_hold_together(opening):
    cache = opening(max_entries=4, max_bytes=3 * entry_bytes("q0", "r" * 100))
    await fill(cache, range(6))
    few = (await cache.stats()).entries
    for number in range(6, 12):
        await cache.put(f"q{number:02}"[:2] + str(number % 10), "r" * 200, mode="exact")

    assert (few, (await cache.stats()).entries) == (3, 2)


async def test_an_entry_larger_than_the_budget_is_refused_with_the_numbers(opening):
    cache = opening(max_bytes=2_000)
    await fill(cache, [0])
    with pytest.raises(InvalidArgumentError, match=r"takes 2,0\d\d bytes .* take 2,000"):
        await cache.put("q1", "r" * 1_000, mode="exact")
    outcome = await cache.get_or_compute("q1", lambda: "r" * 1_000)

    assert (outcome.status, await kept(cache, range(2))) == ("computed", [0])


async def test_a_lower_budget_is_kept_from_the_next_put_on(opening):
    size = entry_bytes("q00", "r")
    first = opening()
    await first.put_many([(f"q{number}", "r") for number in range(10, 10 + 2 * MOST_AT_ONCE)], mode="exact")
    await first.close()
    second = opening(max_bytes=5 * (size + 1))
    await fill(second, [10])

    assert (await second.stats()).entries == 5


def test_a_store_that_searches_keeps_no_budget():
    with pytest.raises(InvalidArgumentError, match="max_bytes cannot be kept"):
        SemanticCache(store=SearchingStore(), embedder=WordEmbedder(), max_bytes=10_000)


class Bad:
    """A policy that is none."""

    share = 2.0

    def order(self):
        return LruOrder()


@pytest.mark.parametrize("eviction", ["fifo", None, CostAware, Bad(), 3])
def test_what_is_no_policy_is_an_error_that_says_so(eviction):
    with pytest.raises(InvalidArgumentError, match="eviction"):
        SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), eviction=eviction)


class Longest:
    """The entry with the largest answer leaves, one at a time."""

    share = 0.0

    def order(self):
        return LongestOrder()


class LongestOrder:
    def __init__(self):
        self.sizes = {}

    def add(self, entry: Evictable):
        self.sizes[entry.key] = entry.size

    def use(self, key):
        pass

    def remove(self, key):
        del self.sizes[key]

    def victim(self):
        return max(self.sizes, key=self.sizes.__getitem__)


async def test_a_policy_of_ones_own_chooses(opening):
    cache = opening(max_bytes=2 * entry_bytes("q0", "r" * 15), eviction=Longest())
    for number, length in enumerate([10, 20, 15]):
        await cache.put(f"q{number}", "r" * length, mode="exact")

    assert await kept(cache, range(3)) == [0, 2]


@pytest.mark.parametrize("method", ["add", "use", "remove", "victim"])
@pytest.mark.parametrize("raises", [True, False])
async def test_a_policy_that_fails_costs_no_call_and_the_least_recently_used_leave(opening, method, raises):
    class Broken(LongestOrder):
        def __getattribute__(self, name):
            if name != method:
                return super().__getattribute__(name)
            if raises:
                raise RuntimeError("broken")
            return lambda *_: b"no key"

    class Policy(Longest):
        def order(self):
            return Broken()

    cache = opening(max_entries=2, eviction=Policy())
    await fill(cache, [0, 1])
    assert (await cache.get("q0")).response == "r"
    await fill(cache, [1, 2, 3])

    assert (await cache.stats()).entries == 2
    assert await kept(cache, [3]) == [3]


SIZES = st.integers(0, 3_000)
DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 15), SIZES),
        st.tuples(st.just("get"), st.integers(0, 15), SIZES),
        st.tuples(st.just("delete"), st.integers(0, 15), SIZES),
    ),
    max_size=60,
)


@POLICIES
def test_a_cache_that_evicts_answers_like_one_that_does_not_with_what_it_has(eviction):
    @settings(suppress_health_check=[HealthCheck.too_slow])
    @given(DEEDS, st.integers(1, 8), st.integers(5_000, 20_000))
    def check(deeds, max_entries, max_bytes):
        limits = {"max_entries": max_entries, "max_bytes": max_bytes, "namespace_quotas": {"small": 2}}
        small = SemanticCache(
            store=MemoryStore(), embedder=WordEmbedder(8), eviction=eviction, clock=FakeClock(), **limits
        )
        whole = SemanticCache(store=MemoryStore(), embedder=WordEmbedder(8), clock=FakeClock())
        with small, whole:
            for deed, number, size in deeds:
                namespace, query = ("small" if number % 3 == 0 else "default"), f"q{number}"
                if deed == "put":
                    for cache in (small, whole):
                        cache.put(query, f"{size} " + "r" * size, namespace=namespace, mode="exact", cost=size)
                    held = sum(record_bytes(record) for record in small._core.records(None))
                    assert held <= max_bytes
                    assert small.stats(namespace="default").entries <= max_entries
                    assert small.stats(namespace="small").entries <= 2
                    assert small.get(query, namespace=namespace) is not None
                elif deed == "delete":
                    small.delete(query, namespace=namespace)
                    whole.delete(query, namespace=namespace)
                else:
                    few, all_ = (cache.get(query, namespace=namespace) for cache in (small, whole))
                    assert few is None or few.response == all_.response

    check()


def record_bytes(record):
    texts = (record.query, record.response, record.metadata or "")
    return sum(len(text.encode()) for text in texts) + ENTRY_BYTES


@POLICIES
def test_two_caches_on_one_file_keep_the_limit_whoever_writes(tmp_path, eviction):
    path = tmp_path / "cache.db"
    options = {"eviction": eviction, "max_entries": 20, "max_bytes": 15 * entry_bytes("q00", "r")}
    with SemanticCache(path, WordEmbedder(8), **options) as one, SemanticCache(path, WordEmbedder(8), **options) as two:
        for number in range(10, 99):
            writer, reader = (one, two) if number % 3 else (two, one)
            writer.put(f"q{number}", "r", mode="exact")
            assert writer.stats().entries <= 15
            assert reader.get(f"q{number}").response == "r"
    with SemanticCache(path, WordEmbedder(8)) as cache:
        assert cache.stats().entries <= 15


WRITER = """
import sys
from mneme import SemanticCache
from mneme.testing import WordEmbedder
path, name, eviction = sys.argv[1:]
with SemanticCache(path, WordEmbedder(8), max_entries=30, max_bytes=40_000, eviction=eviction) as cache:
    for number in range(60):
        cache.put(f"{name} {number}", f"{name} {number}", mode="exact", cost=number)
        assert cache._core.entries(None) <= 30  # what the other wrote since is not read by this
        hit = cache.get(f"{name} {number}")
        assert hit is None or hit.response == f"{name} {number}"
"""


@POLICIES
def test_two_processes_on_one_file_keep_the_limit(tmp_path, eviction):
    path = tmp_path / "cache.db"
    command = [sys.executable, "-c", WRITER, str(path)]
    processes = [
        subprocess.Popen([*command, name, eviction], stderr=subprocess.PIPE, text=True) for name in ("one", "other")
    ]

    assert [(process.communicate(timeout=60)[1], process.returncode) for process in processes] == [("", 0)] * 2
    with SemanticCache(path, WordEmbedder(8)) as cache:
        assert 0 < cache.stats().entries <= 30


@pytest.mark.parametrize("make", [lambda path: MemoryStore(), SQLiteStore], ids=["memory", "sqlite"])
def test_many_leave_while_others_put_and_get(tmp_path, make):
    store, path = make(tmp_path / "cache.db"), tmp_path / "cache.db"
    with SemanticCache(store=store, embedder=WordEmbedder(8)) as cache:
        cache.put_many([(f"q{number}", "r") for number in range(3_000)], mode="exact")
    store = store if isinstance(store, MemoryStore) else SQLiteStore(path)
    failures = []
    with SemanticCache(store=store, embedder=WordEmbedder(8), max_entries=100, eviction="sieve") as cache:

        def others(start):
            try:
                for number in range(start, start + 30):
                    cache.put(f"q{number}", str(number), mode="exact")
                    hit = cache.get(f"q{number}")
                    assert hit is None or hit.response == str(number)
            except Exception as error:  # shown below
                failures.append(error)

        threads = [threading.Thread(target=others, args=(5_000 + 100 * turn,)) for turn in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert (failures, cache.stats().entries) == ([], 100)


async def test_vacuum_removes_what_ran_out_and_nothing_else_however_many(opening, clock):
    cache = opening()
    await cache.put_many([(f"q{number}", "r") for number in range(3_000)], mode="exact", ttl=10)
    await cache.put_many([(f"q{number}", "r") for number in range(3_000, 3_010)], mode="exact")
    await cache.put_many([("x", "r")], mode="exact", ttl=10, namespace="other")
    clock.advance(11)
    await cache.put("q5", "new", mode="exact", ttl=10)

    assert await cache.vacuum(namespace="default") == 2_999
    assert await kept(cache, [4, 5, 3_000]) == [5, 3_000]
    assert await cache.vacuum() == 1


async def test_vacuum_finds_the_few_that_are_left_of_many(opening, clock):
    cache = opening()
    await fill(cache, [0], ttl=10)
    for _ in range(100):
        await fill(cache, [1], ttl=10)
    clock.advance(11)

    assert await cache.vacuum() == 2


def test_a_put_whose_store_fails_evicts_nothing(tmp_path):
    store = MemoryStore(max_entries=2)
    cache = SemanticCache(store=store, embedder=WordEmbedder(8), max_entries=3, eviction="sieve")
    cache.put("a", "r")
    cache.put("b", "r")
    with pytest.raises(StoreBackendError):
        cache.put("c", "r")

    assert sorted(cache.list_queries()) == ["a", "b"]
