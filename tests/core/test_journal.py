"""Writing in groups: what one caller meets must not become another's trouble."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mneme import MemoryStore, NamespaceQuotaExceededError, SemanticCache, StoreBackendError
from mneme.indexes.exact import ExactIndex
from mneme.model import StoredEntry
from mneme.runtime.counters import Counters
from mneme.runtime.limits import Limits
from mneme.runtime.resident import Resident
from mneme.runtime.table import Table
from mneme.stores.base import Put
from mneme.testing import FaultyStore, WordEmbedder
from mneme.testing.waiting import eventually


class Recording(FaultyStore):
    """Keeps what was written together, and raises what it is told to raise."""

    def __init__(self):
        super().__init__(MemoryStore())
        self.groups = []
        self.raising = None

    def write(self, changes, cursor, usage=None):
        self.groups.append([change.entry.query for change in changes])
        if self.raising is not None:
            error, self.raising = self.raising, None
            raise error
        if any(change.entry.query == "unwritable" for change in changes):
            raise StoreBackendError("this one cannot be written")
        return super().write(changes, cursor, usage)


@pytest.fixture
def store():
    return Recording()


@pytest.fixture
def cache(store):
    with SemanticCache(store=store, embedder=WordEmbedder()) as cache:
        yield cache


def put_together(cache, queries):
    """Put from as many threads at once; return what each put raised."""
    journal = cache._core.journal
    with ThreadPoolExecutor(len(queries)) as threads:
        with journal._turn:
            puts = []
            for query in queries:
                puts.append(threads.submit(cache.put, query, "r", mode="exact"))
                assert eventually(lambda: len(journal._pending) == len(puts))
        return [put.exception(10) for put in puts]


def test_puts_that_wait_for_each_other_are_written_as_one(cache, store):
    errors = put_together(cache, ["a", "b", "c"])

    assert (errors, store.groups) == ([None] * 3, [["a", "b", "c"]])


def test_a_put_that_cannot_be_written_stops_none_of_its_group(cache, store):
    errors = put_together(cache, ["a", "unwritable", "c"])

    assert [type(error) for error in errors] == [type(None), StoreBackendError, type(None)]
    assert [cache.get(query, mode="exact") is not None for query in ("a", "unwritable", "c")] == [True, False, True]


def test_an_interrupted_writer_leaves_nobody_waiting(cache, store):
    store.raising = KeyboardInterrupt()
    errors = put_together(cache, ["a", "b", "c"])
    cache.put("d", "r", mode="exact")

    assert [type(error) for error in errors] == [KeyboardInterrupt, StoreBackendError, StoreBackendError]
    assert cache.get("d").response == "r"


def test_a_signal_that_comes_once_the_queue_was_taken_leaves_nobody_waiting(cache, store):
    journal = cache._core.journal

    class Heard:
        """The journal's lock; a signal is heard when it is let go by who has taken what waits."""

        def __init__(self):
            self.lock, self.comes = journal._lock, False

        def __enter__(self):
            self.lock.acquire()

        def __exit__(self, *_):
            is_taken = not journal._pending
            self.lock.release()
            if self.comes and is_taken:
                self.comes = False
                raise KeyboardInterrupt

    journal._lock = Heard()
    with ThreadPoolExecutor(2) as threads:
        with journal._turn:
            puts = []
            for query in "ab":
                puts.append(threads.submit(cache.put, query, "r", mode="exact"))
                assert eventually(lambda: len(journal._pending) == len(puts))
            journal._lock.comes = True
        errors = [put.exception(10) for put in puts]

    assert [type(error) for error in errors] == [KeyboardInterrupt, StoreBackendError]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), StoreBackendError("not now")])
def test_a_lone_put_that_ends_early_leaves_nothing_behind(cache, store, error):
    store.raising = error
    with pytest.raises(type(error)):
        cache.put("a", "r", mode="exact")
    cache.put("b", "r", mode="exact")

    assert store.groups == [["a"], ["b"]]
    assert [cache.get(query, mode="exact") is not None for query in "ab"] == [False, True]


def test_a_put_takes_along_what_waits(tmp_path):
    with SemanticCache(tmp_path / "cache.db", WordEmbedder(), max_entries=2) as cache:
        for query in "abcd":
            cache.put(query, "r", mode="exact")
        with SemanticCache(tmp_path / "cache.db", WordEmbedder()) as other:
            seen = [other.get(query, mode="exact") is not None for query in "abcd"]

    # What "d" made room for is written with the next put.
    assert seen == [False, True, True, True]


def test_a_refused_put_writes_nothing(store):
    with SemanticCache(store=store, embedder=WordEmbedder(), namespace_quotas={"n": 0}) as cache:
        with pytest.raises(NamespaceQuotaExceededError):
            cache.put("q", "r", namespace="n")

        assert store.groups == []


def test_an_entry_retired_before_it_is_indexed_does_not_stay_in_the_index():
    class Early(ExactIndex):
        def add_many(self, partition, ids, vectors):
            resident.retire(list(table.by_id.values()))  # another thread, just then
            super().add_many(partition, ids, vectors)

    table, index = Table(Limits(), Counters()), Early(2)
    resident = Resident(table, index, Counters(), 2)
    vector = np.array([1, 0], np.float32).tobytes()
    resident.apply([(1, Put(StoredEntry(0, "n", "aa", "q", "r", vector, {}, 0.0, 0.0, None, 0, b"p")))])

    assert (len(table.by_id), index.count(b"p")) == (0, 0)


@pytest.mark.parametrize("fails", [False, True])
def test_a_lookup_does_not_wait_until_this_caches_own_changes_are_applied(tmp_path, monkeypatch, fails):
    with SemanticCache(tmp_path / "cache.db", WordEmbedder()) as cache:
        cache.put("a", "r")
        apply, behind = cache._core.resident.apply, []

        def slowly(changes):
            behind.append(cache._core.behind())
            if fails:
                raise MemoryError
            apply(changes)

        with monkeypatch.context() as patched:
            patched.setattr(cache._core.resident, "apply", slowly)
            if fails:
                with pytest.raises(StoreBackendError):
                    cache.put("b", "r")
            else:
                cache.put("b", "r")

        assert behind[0] is False
        assert cache._core.behind() is fails  # what was written and not applied is read again
        assert cache.get("b").response == "r"


def test_a_write_takes_only_some_of_the_uses_along(tmp_path, monkeypatch):
    monkeypatch.setattr("mneme.runtime.journal.USES_AT_ONCE", 2)
    with SemanticCache(tmp_path / "cache.db", WordEmbedder()) as cache:
        for name in "abcde":
            cache.put(name, "r", mode="exact")
            cache.get(name, mode="exact")
        cache._core.journal.flush()
        for name in "abcde":
            cache.get(name, mode="exact")
        cache._core.journal._usage_due = 0.0
        cache.put("f", "r", mode="exact")

        assert len(cache._core.table.uses.accesses) == 3
    with SemanticCache(tmp_path / "cache.db", WordEmbedder()) as again:
        assert [record.access_count for record in again._core.table.by_key.values()] == [2, 2, 2, 2, 2, 0]


def test_a_writer_who_takes_long_is_no_failure_of_the_store(tmp_path, monkeypatch):
    monkeypatch.setattr("mneme.runtime.lookups.PATIENCE_SECONDS", 0.01)
    with (
        SemanticCache(tmp_path / "c.db", WordEmbedder()) as one,
        SemanticCache(tmp_path / "c.db", WordEmbedder()) as two,
    ):
        one.put("a", "r")
        with ThreadPoolExecutor(1) as writer:
            writer.submit(two._core.journal._turn.acquire).result()
            missed = two.get("a")
            writer.submit(two._core.journal._turn.release).result()

        assert missed is None
        assert eventually(lambda: two.get("a") is not None)
