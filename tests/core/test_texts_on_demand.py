"""A file's texts are read when they are asked for; a text of another version, or of nothing, is never served."""

import logging
import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mneme import NEVER, AsyncSemanticCache, MemoryStore, SemanticCache
from mneme.stores.sqlite import SQLiteStore
from mneme.testing import AsyncWordEmbedder, WordEmbedder

BLIND = 3_600.0
"""A `stale_check_interval` after which nothing is seen of what others write meanwhile."""


@pytest.fixture
def path(tmp_path):
    with SemanticCache(tmp_path / "cache.db", WordEmbedder()) as cache:
        cache.put_many([("one two", "12"), ("three four", "34"), ("five six", "56")])
        cache.put("seven eight", "78", namespace="other", metadata={"n": 7}, tags=["odd"])
    return tmp_path / "cache.db"


@pytest.fixture
def reads(monkeypatch):
    """Note the id of each text that is read."""
    seen, read = [], SQLiteStore.text

    def text(store, id, key):
        seen.append(id)
        return read(store, id, key)

    monkeypatch.setattr(SQLiteStore, "text", text)
    return seen


def of(hit):
    return hit and (hit.response, hit.layer, hit.query)


def test_a_text_is_read_once_and_only_when_it_is_asked_for(path, reads):
    with SemanticCache(path, WordEmbedder()) as cache:
        unread = [cache.stats().entries, cache.health().entries, cache.get("nothing alike", mode="exact"), *reads]
        hits = [of(cache.get("one two")), of(cache.get("one two")), of(cache.get("two one"))]

        assert unread == [4, 4, None]
        assert hits == [("12", "exact", "one two")] * 2 + [("12", "semantic", "one two")]
        assert reads == [1]


def test_what_is_put_is_here_already(path, reads):
    with SemanticCache(path, WordEmbedder()) as cache:
        cache.put("one two", "new")

        assert (of(cache.get("one two")), reads) == (("new", "exact", "one two"), [])


def test_metadata_and_namespace_come_with_the_text(path):
    with SemanticCache(path, WordEmbedder()) as cache:
        hit = cache.get("eight seven", namespace="other")

        assert (hit.response, hit.metadata, hit.namespace) == ("78", {"n": 7}, "other")


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_what_another_process_replaced_or_removed_is_not_served_before_it_is_known_here(path, dtype):
    options = {"stale_check_interval": BLIND, "vector_dtype": dtype}
    with SemanticCache(path, WordEmbedder(), **options) as cache, SemanticCache(path, WordEmbedder()) as other:
        cache.get("nothing alike")
        other.put("one two", "new", embedding=WordEmbedder().embed("nine ten"))
        other.delete("three four")
        hits = [cache.get(query) for query in ("one two", "two one", "ten nine", "three four", "four three")]

        assert hits == [None] * 5
        assert of(cache.get("five six")) == ("56", "exact", "five six")


def test_it_is_served_once_it_is_known_here(path):
    with SemanticCache(path, WordEmbedder()) as cache, SemanticCache(path, WordEmbedder()) as other:
        other.put("one two", "new")

        assert [of(cache.get(query)) for query in ("one two", "two one")] == [
            ("new", "exact", "one two"),
            ("new", "semantic", "one two"),
        ]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE entries SET response = cast(x'ff' AS TEXT) WHERE seq = 1",
        "UPDATE entries SET query = cast(x'ff' AS TEXT) WHERE seq = 1",
    ],
)
def test_a_text_that_cannot_be_read_is_a_miss_and_told(path, damage, caplog):
    with closing(sqlite3.connect(path)) as db:
        db.execute(damage)
        db.commit()
    with SemanticCache(path, WordEmbedder()) as cache, caplog.at_level(logging.WARNING, "mneme"):
        hits = [of(cache.get(query)) for query in ("one two", "two one", "three four")]
        health = cache.health()

        assert hits == [None, None, ("34", "exact", "three four")]
        assert (health.healthy, health.integrity_ok) == (False, False)
        assert "could not be read; it is not served" in caplog.text


def test_queries_that_are_not_here_are_listed_and_found(path, reads):
    with SemanticCache(path, WordEmbedder()) as cache:
        cache.get("three four")
        listed = cache.list_queries()
        removed = cache.invalidate(query="Five  SIX"), cache.invalidate(tags=["odd"])

        assert (listed, removed, reads) == (["one two", "three four", "five six"], (1, 1), [2])


def test_a_wrong_answer_is_corrected_after_reopening(path):
    with SemanticCache(path, WordEmbedder()) as cache:
        hit = cache.get("two one")
    with SemanticCache(path, WordEmbedder()) as cache:
        corrected = cache.report_wrong(hit)

        assert (corrected, cache.get("two one"), cache.get("one two").response) == (1, None, "12")


def test_a_stale_answer_is_served_after_reopening(tmp_path, clock):
    with SemanticCache(tmp_path / "cache.db", WordEmbedder(), clock=clock) as cache:
        cache.put("q", "old", ttl=10)
    clock.advance(15)
    with SemanticCache(tmp_path / "cache.db", WordEmbedder(), clock=clock) as cache:
        outcome = cache.get_or_compute("q", lambda: "new", stale_while_revalidate=60)

        assert (outcome.value, outcome.status) == ("old", "stale")


async def test_an_exact_hit_needs_no_thread(path):
    async with AsyncSemanticCache(path, AsyncWordEmbedder()) as cache:
        with pytest.raises(StopIteration) as stop:
            cache.get("one two").send(None)

        assert of(stop.value.value) == ("12", "exact", "one two")


def test_another_processs_write_lock_holds_no_text_up(path):
    with SemanticCache(path, WordEmbedder()) as cache, closing(sqlite3.connect(path)) as writer:
        writer.execute("BEGIN IMMEDIATE")

        assert of(cache.get("one two")) == ("12", "exact", "one two")


def test_texts_are_read_after_compacting(path):
    with SemanticCache(path, WordEmbedder()) as cache:
        cache.get("one two")
        cache.delete("five six")
        cache.compact()

        assert of(cache.get("three four")) == ("34", "exact", "three four")


def test_texts_are_read_on_both_sides_of_a_fork(path):
    with SemanticCache(path, WordEmbedder()) as cache:
        cache.get("one two")
        child = os.fork()
        if child == 0:
            os._exit(of(cache.get("three four")) != ("34", "exact", "three four"))
        status = os.waitpid(child, 0)[1]

        assert (status, of(cache.get("five six"))) == (0, ("56", "exact", "five six"))


def test_no_more_texts_are_held_than_the_limit(path):
    with SemanticCache(path, WordEmbedder()) as cache:
        cache._core.texts.limit = 2_000
        for number in range(50):
            cache.put(f"q{number}", str(number) * 100)
        held = cache._core.texts.memory_bytes
        hits = [cache.get(f"q{number}").response for number in range(50)]

        assert hits == [str(number) * 100 for number in range(50)]
        assert (0 < held <= 2_000, 0 < cache._core.texts.memory_bytes <= 2_000) == (True, True)


def test_what_was_used_lately_stays(path, reads):
    with SemanticCache(path, WordEmbedder()) as cache:
        cache._core.texts.limit = 2_000
        for number in range(50):
            cache.get("one two")
            cache.put(f"q{number}", "r")

        assert reads == [1]


def test_texts_over_a_store_in_memory_stay(reads):
    with SemanticCache(store=MemoryStore(), embedder=WordEmbedder()) as cache:
        cache._core.texts.limit = 0
        cache.put("one two", "12")

        assert (of(cache.get("one two")), cache._core.texts.memory_bytes) == (("12", "exact", "one two"), 9)


QUERIES = st.sampled_from(["one two", "two one", "three four", "four five", "six"])
STEPS = st.one_of(
    st.tuples(st.just("put"), QUERIES, st.text(max_size=200).filter(str.strip)),
    st.tuples(st.just("delete"), QUERIES),
    st.tuples(st.just("get"), QUERIES),
    st.tuples(st.just("clear")),
    st.tuples(st.just("reopen")),
)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.booleans(), STEPS), max_size=25))
def test_two_caches_that_hold_hardly_a_text_answer_as_a_dict_does(steps):
    with tempfile.TemporaryDirectory() as directory:
        path, truth = Path(directory, "cache.db"), {}
        caches = [_opened(path), _opened(path)]
        for first, (step, *arguments) in steps:
            cache = caches[not first]
            if step == "put":
                cache.put(*arguments, ttl=NEVER)
                truth[arguments[0]] = arguments[1]
            elif step == "delete":
                assert cache.delete(*arguments) is (truth.pop(arguments[0], None) is not None)
            elif step == "get":
                hit = cache.get(*arguments, mode="exact")
                assert (hit and hit.response) == truth.get(arguments[0])
            elif step == "clear":
                cache.clear()
                truth.clear()
            else:
                cache.close()
                caches[not first] = _opened(path)
        found = [{query: cache.get(query, mode="exact") for query in cache.list_queries()} for cache in caches]
        held = [cache._core.texts for cache in caches]
        for cache in caches:
            cache.close()

        assert [{query: hit.response for query, hit in each.items()} for each in found] == [truth, truth]
        assert all(len(texts._held) <= 1 or texts.memory_bytes <= texts.limit for texts in held)


def _opened(path):
    cache = SemanticCache(path, WordEmbedder(), validator=lambda _: True)
    cache._core.texts.limit = 400
    return cache
