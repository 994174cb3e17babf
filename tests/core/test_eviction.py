"""Which entries leave when a limit is passed."""

import pytest

from mneme import MemoryStore, NamespaceQuotaExceededError, StoreBackendError
from mneme.stores.base import Delete


async def kept(cache, numbers, namespace="default"):
    """Which of q0, q1, … are there; asked without touching them."""
    return [number for number in numbers if (await cache.explain(f"q{number}", namespace=namespace)).exact]


async def fill(cache, numbers, namespace="default"):
    for number in numbers:
        await cache.put(f"q{number}", "r", namespace=namespace, mode="exact")


async def test_the_least_recently_used_entry_leaves(opening):
    cache = opening(max_entries=3)
    await fill(cache, range(3))
    await cache.get("q0")
    await fill(cache, [3])

    assert await kept(cache, range(4)) == [0, 2, 3]


async def test_a_semantic_hit_is_a_use(opening, direction):
    cache = opening(max_entries=2)
    await cache.put("q0", "r", embedding=direction(1.0))
    await cache.put("q1", "r", embedding=direction(0.0))
    await cache.get("x", embedding=direction(0.95))
    await cache.put("q2", "r", embedding=direction(0.5))

    assert await kept(cache, range(3)) == [0, 2]


async def test_putting_again_is_a_use(opening):
    cache = opening(max_entries=2)
    await fill(cache, [0, 1, 0, 2])

    assert await kept(cache, range(3)) == [0, 2]


async def test_uses_within_one_instant_are_told_apart(opening):
    cache = opening(max_entries=4)  # the clock stands still
    await fill(cache, range(4))
    for number in (2, 0, 3, 1):
        await cache.get(f"q{number}")
    await fill(cache, [4, 5])

    assert await kept(cache, range(6)) == [1, 3, 4, 5]


async def test_the_order_of_use_survives_closing(opening, clock):
    first = opening(max_entries=3)
    for number in range(3):
        await fill(first, [number])
        clock.advance(0.001)
    await first.get("q0")
    await first.close()
    second = opening(max_entries=3)
    await fill(second, [3])

    assert await kept(second, range(4)) == [0, 2, 3]


async def test_about_a_tenth_leaves_at_once(opening, events):
    cache = opening(max_entries=50, metrics_hook=events)
    await fill(cache, range(51))

    assert await kept(cache, range(51)) == list(range(5, 51))
    assert events == [("eviction", {"namespace": "default", "count": 5})]
    assert (await cache.stats()).evictions == 5


async def test_a_namespace_with_a_quota_is_ruled_by_it_alone(opening):
    cache = opening(max_entries=2, namespace_quotas={"big": 4})
    await fill(cache, range(5), "big")
    await fill(cache, range(3))

    assert (await kept(cache, range(5), "big"), await kept(cache, range(3))) == ([1, 2, 3, 4], [1, 2])


async def test_namespaces_without_a_quota_share_the_limit(opening, events):
    cache = opening(max_entries=2, metrics_hook=events)
    await fill(cache, [0], "a")
    await fill(cache, [0], "b")
    await fill(cache, [0], "c")

    assert await cache.list_namespaces() == ["b", "c"]
    assert events == [("eviction", {"namespace": "a", "count": 1})]


async def test_a_quota_of_none_is_an_error_that_says_so(opening):
    cache = opening(namespace_quotas={"closed": 0})

    with pytest.raises(NamespaceQuotaExceededError, match="'closed' has a quota of 0"):
        await cache.put("q", "r", namespace="closed")


async def test_a_limit_of_none_keeps_nothing(opening):
    cache = opening(max_entries=0)
    await fill(cache, range(2))

    assert (await cache.stats()).entries == 0


async def test_evicted_entries_leave_the_index_too(opening):
    cache = opening(max_entries=10)
    for number in range(60):
        await cache.put(f"question {number} word{number}", "r")
    core = cache.plain._core
    partition = core.request("q", "default", None, "exact").partition

    assert (core.index.count(partition), (await cache.stats()).entries) == (10, 10)


async def test_evicted_entries_leave_the_store_too(opening):
    first = opening(max_entries=10)
    await fill(first, range(60))
    await first.close()

    assert (await opening().stats()).entries == 10


async def test_a_lower_limit_is_kept_from_the_next_put_on(opening):
    first = opening()
    await fill(first, range(20))
    await first.close()
    second = opening(max_entries=5)
    await fill(second, [20])

    assert await kept(second, range(21)) == [16, 17, 18, 19, 20]


async def test_putting_many_keeps_the_limit(opening):
    cache = opening(max_entries=5)
    await cache.put_many([(f"q{number}", "r") for number in range(8)], mode="exact")

    assert await kept(cache, range(8)) == [3, 4, 5, 6, 7]


async def test_where_many_leave_no_later_put_writes_them_all(opening):
    removals = []

    class Counting(MemoryStore):
        def write(self, changes, *rest):
            removals.append(sum(isinstance(change, Delete) for change in changes))
            return super().write(changes, *rest)

    cache = opening(store=Counting(), max_entries=5)
    await cache.put_many([(f"q{number}", "r") for number in range(1_000)], mode="exact")
    left = sum(removals)
    await fill(cache, [1_000])

    assert left > 800
    assert 0 < max(removals) <= 128


async def test_a_full_memory_store_refuses_new_keys_and_accepts_known_ones(opening):
    cache = opening(store=MemoryStore(max_entries=2))
    await fill(cache, range(2))
    with pytest.raises(StoreBackendError, match="capacity"):
        await cache.put("q2", "r")
    await cache.put("q1", "new", mode="exact")

    assert [(await cache.get(f"q{n}")).response for n in range(2)] == ["r", "new"]


async def test_a_cache_that_evicts_lives_inside_a_larger_memory_store(opening):
    cache = opening(store=MemoryStore(max_entries=4), max_entries=3)
    await fill(cache, range(20))

    assert await kept(cache, range(20)) == [17, 18, 19]
