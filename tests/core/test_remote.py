"""A cache over a store that searches for itself: what it does not hold it fetches, and nothing out of date stays."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mneme import InvalidArgumentError, MemoryStore, SemanticCache, StoreBackendError
from mneme.runtime import remote
from mneme.testing import FakeClock, WordEmbedder
from mneme.testing.searching_store import SearchingStore


def opened(store, **options):
    return SemanticCache(store=store, embedder=WordEmbedder(), similarity_threshold=0.7, **options)


@pytest.fixture
def store():
    return SearchingStore()


def test_what_another_put_is_found_in_both_layers(store):
    with opened(store) as one, opened(store) as other:
        one.put("one two three", "a", metadata={"x": 1})

        hits = [other.get(query) for query in ("one two three", "two one three")]
        assert [(hit.layer, hit.response, hit.metadata) for hit in hits] == [
            ("exact", "a", {"x": 1}),
            ("semantic", "a", {"x": 1}),
        ]


def test_nothing_is_held_after_opening_and_no_more_than_a_few_later(store, monkeypatch):
    monkeypatch.setattr(remote, "KEPT", 3)
    with opened(store) as cache:
        cache.put_many([(f"question {n}", f"answer {n}") for n in range(20)])
    with opened(store) as cache:
        assert len(cache._core.table.by_key) == 0
        answers = [cache.get(f"question {n}").response for n in range(20)]
        assert answers == [f"answer {n}" for n in range(20)]
        assert len(cache._core.table.by_key) == 3
        assert cache.stats().entries == 20


def test_a_second_hit_asks_the_store_nothing(store, monkeypatch):
    with opened(store) as one, opened(store) as other:
        one.put("one two", "a")
        other.get("one two")
        monkeypatch.setattr(store, "find", lambda key: pytest.fail("asked"))
        assert other.get("one two").response == "a"


def test_what_was_replaced_or_deleted_elsewhere_is_not_served(store):
    with opened(store) as one, opened(store) as other:
        for name in ("replaced", "deleted", "cleared"):
            one.put(name, "old", namespace=name)
            assert other.get(name, namespace=name).response == "old"
        one.put("replaced", "new", namespace="replaced")
        one.delete("deleted", namespace="deleted")
        one.clear_namespace("cleared")

        hits = [other.get(name, namespace=name) for name in ("replaced", "deleted", "cleared")]
        assert [hit and hit.response for hit in hits] == ["new", None, None]


def test_an_entry_that_changes_while_it_is_fetched_is_fetched_again():
    class Slow(SearchingStore):
        between = None

        def find(self, key):
            found = super().find(key)
            if self.between is not None:
                change, self.between = self.between, None
                change()
            return found

    store = Slow()
    with opened(store) as one, opened(store) as other:
        one.put("one two", "old")

        def change():
            one.put("one two", "new")
            assert other._core.catch_up()

        store.between = change
        assert other.get("one two").response == "new"
        assert other.get("one two").response == "new"


def test_an_own_put_is_not_overwritten_by_a_fetch_that_began_before():
    class Slow(SearchingStore):
        between = None

        def nearest(self, partition, vector, k, floor):
            found = super().nearest(partition, vector, k, floor)
            if self.between is not None:
                change, self.between = self.between, None
                change()
            return found

    store = Slow()
    with opened(store) as cache:
        cache.put("one two three", "old")
        cache._core.table.trim(0)
        store.between = lambda: cache.put("one two three", "new")
        assert cache.get("three two one") is None  # of the answers it found none is as it was
        assert [cache.get(query).response for query in ("one two three", "three two one")] == ["new", "new"]


def test_invalidation_vacuum_and_lists_reach_what_is_not_held(store):
    clock = FakeClock()
    with opened(store, clock=clock) as one:
        one.put("one", "a", tags=["t"], namespace="n")
        one.put("two", "b", source_version={"s": "1"})
        one.put("three", "c", ttl=5)
        one.put("four five", "d", vary={"m": 1})
    with opened(store, clock=clock) as cache:
        assert (cache.list_namespaces(), sorted(cache.list_queries())) == (
            ["default", "n"],
            ["four five", "three", "two"],
        )
        assert [cache.invalidate(tags=["t"]), cache.invalidate(source={"s": "2"})] == [1, 1]
        assert cache.invalidate(near="five four", min_similarity=0.9) == 1
        clock.advance(10)
        assert cache.vacuum() == 1
        assert cache.stats().entries == 0


def test_limits_are_refused(store):
    with pytest.raises(InvalidArgumentError, match="replica"):
        opened(store, max_entries=5)
    with pytest.raises(InvalidArgumentError, match="replica"):
        opened(store, namespace_quotas={"a": 1})


def test_a_store_that_fails_makes_a_miss_and_what_is_held_is_served(store, monkeypatch):
    def fail(*arguments):
        raise StoreBackendError("away")

    with opened(store) as cache:
        cache.put("one two", "a")
        monkeypatch.setattr(store, "find", fail)
        monkeypatch.setattr(store, "nearest", fail)
        assert cache.get("one two").response == "a"
        assert cache.get("something else") is None
        assert cache.get_or_compute("something else", lambda: "b").value == "b"


def test_reporting_a_wrong_answer_leaves_it_to_its_own_question(store):
    with opened(store) as one:
        one.put("how do I pay", "card")
    with opened(store) as cache:
        assert cache.report_wrong(cache.get("how do I pay today")) == 1
        assert cache.get("how do I pay tomorrow") is None
        assert cache.get("how do I pay").response == "card"


QUERIES = st.lists(st.sampled_from(["red", "green", "blue", "dark"]), min_size=1, max_size=3).map(" ".join)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "get", "get", "delete", "clear_namespace"]),
        st.integers(0, 1),
        QUERIES,
        st.sampled_from(["a", "b"]),
    ),
    max_size=30,
)


@settings(max_examples=80)
@given(STEPS)
def test_caches_that_fetch_answer_as_replicas_do(steps):
    fetching, replicas = SearchingStore(), MemoryStore()
    pairs = [(opened(fetching), opened(replicas)) for _ in range(2)]
    seen = []
    for number, (action, which, query, space) in enumerate(steps):
        results = []
        for cache in pairs[which]:
            if action == "put":
                cache.put(query, str(number), namespace=space)
            elif action == "clear_namespace":
                cache.clear_namespace(space)
            else:
                found = getattr(cache, action)(query, namespace=space)
                results.append(
                    found if isinstance(found, bool) else found and (found.response, found.layer, found.namespace)
                )
        seen.append(results)
    assert all(len(set(map(str, results))) <= 1 for results in seen)
    for pair in pairs:
        for cache in pair:
            cache.close()
