"""Caches over one store see each other's puts, replacements, deletions and clearings in both layers."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from mneme import AsyncSemanticCache, MemoryStore, SemanticCache, SQLiteStore
from mneme.testing import WordEmbedder


@pytest.fixture(params=["memory", "sqlite"])
def pair(request, tmp_path, clock):
    """Two caches over one store."""
    memory = MemoryStore()

    def opened(**options):
        store = memory if request.param == "memory" else SQLiteStore(tmp_path / "cache.db")
        return SemanticCache(store=store, embedder=WordEmbedder(), clock=clock, **options)

    with opened() as one, opened() as two:
        yield one, two


def layers(cache, **options):
    hits = (cache.get("one two", **options), cache.get("two one", **options))
    return [hit and (hit.layer, hit.response) for hit in hits]


def test_a_put_is_seen(pair):
    one, two = pair
    two.get("one two")
    one.put("one two", "r")

    assert layers(two) == [("exact", "r"), ("semantic", "r")]


def test_a_replacement_is_seen_with_its_new_meaning(pair, direction):
    one, two = pair
    one.put("q", "old", embedding=direction(1.0))
    two.get("q")
    one.put("q", "new", embedding=direction(0.0))

    assert two.get("q").response == "new"
    assert two.get("x", embedding=direction(1.0)) is None
    assert two.get("x", embedding=direction(0.0)).response == "new"


def test_a_deletion_is_seen(pair):
    one, two = pair
    one.put("one two", "r")
    before = layers(two)
    one.delete("one two")

    assert (before, layers(two)) == ([("exact", "r"), ("semantic", "r")], [None, None])


@pytest.mark.parametrize("clear", [lambda cache: cache.clear(), lambda cache: cache.clear_namespace("n")])
def test_a_clearing_is_seen(pair, clear):
    one, two = pair
    one.put("one two", "r", namespace="n")
    before = layers(two, namespace="n")
    clear(one)

    assert (before, layers(two, namespace="n")) == ([("exact", "r"), ("semantic", "r")], [None, None])


def test_a_removal_that_need_not_be_written_at_once_is_seen_after_the_next_write(pair, clock):
    one, two = pair
    one.put("one two", "r", ttl=5)
    layers(two)
    clock.advance(6)
    one.vacuum()

    assert (two.get("one two"), two.stats().entries) == (None, 0)


def test_the_removal_of_a_version_never_seen_removes_the_older_one_that_was(pair, clock):
    one, two = pair
    one.put("one two", "old")
    seen = layers(two)
    one.put("one two", "new", ttl=5)
    clock.advance(6)
    one.vacuum()

    assert (seen, layers(two), two.stats().entries) == ([("exact", "old"), ("semantic", "old")], [None, None], 0)


def test_both_may_write_in_turn(pair):
    one, two = pair
    for number in range(20):
        (one if number % 2 else two).put(f"q{number}", str(number), mode="exact")
    answers = [[cache.get(f"q{number}").response for number in range(20)] for cache in pair]

    assert answers == [[str(number) for number in range(20)]] * 2


def test_a_delete_of_what_another_put_works(pair):
    one, two = pair
    one.put("q", "r")

    assert (two.delete("q"), one.get("q")) == (True, None)


def test_concurrent_first_puts_of_one_key_leave_one_entry(pair):
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: pair[number % 2].put("q", str(number)), range(40)))
    one, two = ((cache.get("q").response, cache.stats().entries) for cache in pair)

    assert (one, one[1]) == (two, 1)


def test_counters_of_both_add_up(tmp_path):
    options = {"path": tmp_path / "cache.db", "embedder": WordEmbedder()}
    with SemanticCache(**options) as one, SemanticCache(**options) as two:
        one.get("q")
        two.get("q")
        two.get("q")
    with SemanticCache(**options) as third:
        assert third.stats().misses == 3


def test_changes_may_go_unseen_for_the_interval_allowed(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("mneme.runtime.journal.time.monotonic", lambda: now[0])
    path = tmp_path / "cache.db"
    with SemanticCache(path, WordEmbedder()) as one, SemanticCache(path, WordEmbedder(), stale_check_interval=5) as two:
        two.get("q", mode="exact")
        one.put("q", "r")
        within = two.get("q", mode="exact")
        now[0] += 5

        assert (within, two.get("q", mode="exact").response) == (None, "r")


def test_a_lookup_waits_for_a_writer_only_until_it_has_brought_the_changes(pair, monkeypatch):
    one, two = pair
    one.put("a", "r")
    two.get("a")
    answers = iter([True, True, False])
    monkeypatch.setattr(type(two._core.store), "changed", lambda *_: next(answers))
    with ThreadPoolExecutor() as pool:
        pool.submit(two._core.journal._turn.acquire).result()
        hit = two.get("a")
        pool.submit(two._core.journal._turn.release)

    assert (hit.response, list(answers)) == ("r", [])


async def test_the_async_facade_sees_the_same(tmp_path, direction):
    path = tmp_path / "cache.db"
    async with AsyncSemanticCache(path, WordEmbedder()) as one, AsyncSemanticCache(path, WordEmbedder()) as two:
        await one.put("one two", "r")
        seen = [(await two.get("one two")).response, (await two.explain("one two")).exact]
        await one.put("three", "r")
        deleted = [await two.delete("three"), await one.delete("three")]
        one.clear()
        await one.put("after", "r")  # written after the clearing

        assert (seen, deleted) == (["r", "fresh"], [True, False])
        assert [await two.get("one two"), (await two.explain("after")).exact] == [None, "fresh"]


def test_what_is_listed_and_counted_is_what_others_have_just_written(pair):
    one, two = pair
    one.put("a", "r")
    one.put("b", "r", namespace="n")

    assert two.stats().entries == 2
    one.put("c", "r", namespace="m")
    assert two.list_namespaces() == ["default", "m", "n"]
    one.put("d", "r", namespace="m")
    assert two.list_queries(namespace="m") == ["c", "d"]
    one.put("e", "r", namespace="m")
    assert two.health().entries == 5
    one.put("f", "r", namespace="m")
    assert two.clear_namespace("m") == 4
    one.put("g", "r", namespace="m")
    assert two.clear() == 3


def test_what_is_counted_waits_for_no_writer(pair):
    one, two = pair
    one.put("a", "r")
    with ThreadPoolExecutor() as pool:
        pool.submit(two._core.journal._turn.acquire).result()
        waited = [two.stats().entries, two.list_namespaces(), two.list_queries(), two.health().entries]
        pool.submit(two._core.journal._turn.release)

    assert waited == [0, [], [], 0]


def test_the_async_facade_counts_what_it_has_seen(pair):
    one, two = pair
    one.put("a", "r")

    assert (two.as_async().stats().entries, two.stats().entries) == (0, 1)


def test_a_store_that_cannot_be_read_is_counted_as_it_was(pair, monkeypatch, caplog):
    one, two = pair
    one.put("a", "r")
    monkeypatch.setattr(type(two._core.store), "pull", lambda *_: 1 / 0)

    assert (two.stats().entries, "could not be read" in caplog.text) == (0, True)
