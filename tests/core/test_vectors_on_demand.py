"""A file's vectors are read when a lookup first needs them, and until then nothing is missing."""

import gc
import threading

import pytest

from mneme import AsyncSemanticCache, SemanticCache, StoreBackendError
from mneme.runtime import collector
from mneme.stores.sqlite import SQLiteStore
from mneme.testing import AsyncWordEmbedder, WordEmbedder


@pytest.fixture
def path(tmp_path):
    with SemanticCache(tmp_path / "cache.db", WordEmbedder()) as cache:
        cache.put_many([("one two", "12"), ("three four", "34"), ("five six", "56")])
        cache.put("seven eight", "78", namespace="other")
    return tmp_path / "cache.db"


@pytest.fixture
def reads(monkeypatch):
    """Note each reading of vectors, by thread, and fail where told to."""
    seen, failing, load = [], [], SQLiteStore.load_vectors

    def load_vectors(store, ids):
        seen.append(threading.current_thread().name)
        if failing:
            raise failing.pop()
        yield from load(store, ids)

    monkeypatch.setattr(SQLiteStore, "load_vectors", load_vectors)
    return seen, failing


def test_the_same_requests_and_counts_need_no_vectors(path, reads):
    seen, _ = reads
    with SemanticCache(path, WordEmbedder()) as cache:
        hits = [cache.get("one two"), cache.get("seven eight", namespace="other")]
        entries = [cache.stats().entries, cache.health().entries]

        assert ([hit.response for hit in hits], entries, seen) == (["12", "78"], [4, 4], [])


def test_the_first_lookup_in_other_words_reads_them_once(path, reads):
    seen, _ = reads
    with SemanticCache(path, WordEmbedder()) as cache:
        hits = [cache.get("two one"), cache.get("eight seven", namespace="other"), cache.get("six five")]

        assert [(hit.response, hit.layer) for hit in hits] == [
            ("12", "semantic"),
            ("78", "semantic"),
            ("56", "semantic"),
        ]
        assert len(seen) == 1


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_what_was_removed_or_replaced_before_is_not_found_after(path, dtype):
    with SemanticCache(path, WordEmbedder(), vector_dtype=dtype) as cache:
        cache.delete("one two")
        cache.put("three four", "new", embedding=WordEmbedder().embed("nine ten"))
        cache.put("five six", "66")
        cache.clear_namespace("other")
        hits = [cache.get(query) for query in ("two one", "four three", "ten nine", "six five")]

        assert [hit and hit.response for hit in hits] == [None, None, "new", "66"]
        assert cache.get("eight seven", namespace="other") is None
        assert cache._core.index.count(cache._core.request("q", "default", None, "exact").partition) == 2


def test_a_store_that_cannot_be_read_makes_a_miss_and_is_tried_again(path, reads):
    seen, failing = reads
    failing.append(StoreBackendError("not now"))
    with SemanticCache(path, WordEmbedder()) as cache:
        missed, unhealthy = cache.get("two one"), cache.health().healthy
        hit = cache.get("two one")

        assert (missed, unhealthy, hit.response, len(seen)) == (None, False, "12", 2)


def test_requantizing_reads_them_too(path, reads):
    seen, _ = reads
    with SemanticCache(path, WordEmbedder()) as cache:
        cache.requantize("int8")

        assert (cache.get("two one").response, seen) == ("12", [])


def test_an_entry_removed_while_they_are_read_does_not_come_back(path, monkeypatch):
    load = SQLiteStore.load_vectors

    def load_vectors(store, ids):
        for batch in load(store, ids):
            cache.delete("one two")
            yield batch

    monkeypatch.setattr(SQLiteStore, "load_vectors", load_vectors)
    with SemanticCache(path, WordEmbedder()) as cache:
        hits = [cache.get("two one"), cache.get("four three")]

        assert [hit and hit.response for hit in hits] == [None, "34"]


async def test_they_are_read_outside_the_event_loop(path, reads):
    seen, _ = reads
    async with AsyncSemanticCache(path, AsyncWordEmbedder()) as cache:
        hit = await cache.get("two one")

        assert (hit.response, [name.startswith("mneme") for name in seen]) == ("12", [True])


def test_the_collector_runs_again_after_a_pause_if_it_ran_before():
    with collector.paused():
        with collector.paused():
            pass
        within = gc.isenabled()
    after = gc.isenabled()
    gc.disable()
    try:
        with collector.paused():
            pass
        disabled = gc.isenabled()
    finally:
        gc.enable()

    assert (within, after, disabled) == (False, True, False)


def test_a_pause_leaves_what_the_program_froze():
    gc.freeze()
    try:
        with collector.paused():
            pass

        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
