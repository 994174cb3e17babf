"""The store fails: a miss for get, an error for put, and the computed value all the same."""

import logging

import pytest

from mneme import MemoryStore, SemanticCache, SQLiteStore, StoreBackendError
from mneme.testing import FaultyStore, WordEmbedder


@pytest.fixture
def store(opening):
    return FaultyStore(MemoryStore() if opening.store == "memory" else SQLiteStore(opening.path))


class Raw(FaultyStore):
    """A store from outside that raises its client's errors as they come."""

    def changed(self, cursor):
        if self.read_error is not None:
            raise self.read_error
        return self.store.changed(cursor)

    def pull(self, cursor):
        if self.read_error is not None:
            raise self.read_error
        return self.store.pull(cursor)

    def write(self, changes, cursor, usage=None):
        if self.write_error is not None:
            raise self.write_error
        return self.store.write(changes, cursor, usage)


@pytest.fixture(params=[FaultyStore, Raw])
def faulty(request, opening):
    return request.param(MemoryStore() if opening.store == "memory" else SQLiteStore(opening.path))


async def test_a_store_that_cannot_be_read_makes_a_miss(opening, faulty, events, caplog):
    cache = opening(store=faulty, metrics_hook=events)
    await cache.put("q", "r")
    faulty.read_error = OSError("the disk is gone")
    with caplog.at_level(logging.WARNING):
        missed = await cache.get("q")
    faulty.read_error = None

    assert (missed, events) == (None, [("miss", {"namespace": "default", "reason": "store_failure"})])
    assert [(record.name, record.levelname) for record in caplog.records] == [("mneme.cache", "WARNING")]
    assert (await cache.get("q")).response == "r"


async def test_a_store_that_cannot_be_read_stops_no_computation(opening, faulty):
    cache = opening(store=faulty)
    await cache.put("q", "r")
    faulty.read_error = faulty.write_error = OSError("the disk is gone")

    assert (await cache.get_or_compute("q", lambda: "value")).value == "value"


async def test_a_put_that_cannot_be_written_raises_with_the_cause_and_leaves_all_as_it_was(opening, faulty):
    cache = opening(store=faulty)
    await cache.put("one two", "old")
    faulty.write_error = OSError("no space left")
    for call in (cache.put("one two", "new"), cache.put_many([("one two", "new"), ("three", "new")])):
        with pytest.raises(StoreBackendError, match="no space left") as caught:
            await call
        assert isinstance(caught.value.__cause__, OSError)

    assert [(await cache.get(query)).response for query in ("one two", "two one")] == ["old", "old"]
    assert (await cache.stats()).entries == 1


async def test_a_delete_that_cannot_be_written_raises_and_removes_nothing(opening, faulty):
    cache = opening(store=faulty)
    await cache.put("one two", "r")
    faulty.write_error = OSError("no space left")
    with pytest.raises(StoreBackendError, match="no space left"):
        await cache.delete("one two")

    assert [(await cache.get(query)).layer for query in ("one two", "two one")] == ["exact", "semantic"]


async def test_what_could_not_be_written_can_be_put_later(opening, store):
    cache = opening(store=store)
    store.write_error = OSError("no space left")
    with pytest.raises(StoreBackendError):
        await cache.put("q", "r")
    store.write_error = None
    await cache.put("q", "r")

    assert ((await cache.get("q")).response, (await cache.health()).healthy) == ("r", True)


async def test_a_computed_value_that_cannot_be_written_is_returned(opening, faulty, caplog):
    cache = opening(store=faulty)
    faulty.write_error = OSError("no space left")
    outcome = await cache.get_or_compute("q", lambda: "value")

    assert (outcome.value, outcome.status) == ("value", "computed")
    assert "could not be stored" in caplog.text


async def test_hits_need_no_writing(opening, faulty, direction):
    cache = opening(store=faulty)
    await cache.put("q", "r", embedding=direction(1.0))
    faulty.write_error = OSError("no space left")
    hits = [await cache.get("q"), await cache.get("x", embedding=direction(0.9))]

    assert [hit.layer for hit in hits] == ["exact", "semantic"]


async def test_reading_writes_nothing(opening, store, direction):
    cache = opening(store=store)
    await cache.put("q", "r", embedding=direction(1.0))
    before = store.writes
    for _ in range(20):
        await cache.get("q")
        await cache.get("x", embedding=direction(0.9))
        await cache.get("y", embedding=direction(0.1))

    assert store.writes == before


async def test_counters_that_could_not_be_written_are_written_later(opening, store):
    cache = opening(store=store, max_entries=5)
    await cache.get("missed")
    store.write_error = OSError("no space left")
    with pytest.raises(StoreBackendError):
        await cache.put("q", "r")
    store.write_error = None
    await cache.close()
    again = opening(store=store)

    assert (await again.stats()).misses == 1


async def test_an_eviction_that_could_not_be_written_is_written_later(opening, store, caplog):
    cache = opening(store=store, max_entries=2)
    for number in range(3):
        await cache.put(f"q{number}", "r")  # q0 leaves the memory at once, the store with the next write
    store.write_error = OSError("no space left")
    with pytest.raises(StoreBackendError):
        await cache.put("q3", "r")
    store.write_error = None
    await cache.put("q4", "r")
    await cache.close()
    again = opening(store=store)

    assert "tried again with the next write" in caplog.text
    assert [await again.get(f"q{n}", mode="exact") is not None for n in range(5)] == [False, False, True, False, True]


async def test_a_store_that_fails_is_unhealthy_until_it_answers(opening, store):
    cache = opening(store=store)
    store.write_error = OSError("no space left")
    with pytest.raises(StoreBackendError):
        await cache.put("q", "r")
    during = await cache.health()
    store.write_error = None
    await cache.put("q", "r")
    after = await cache.health()

    assert [(health.healthy, health.integrity_ok) for health in (during, after)] == [(False, True), (True, True)]


@pytest.mark.parametrize("dtype", ["float16", "int8"])
async def test_rounded_vectors_that_cannot_be_rescored_make_a_miss(opening, store, events, direction, dtype):
    cache = opening(store=store, vector_dtype=dtype, metrics_hook=events)
    await cache.put("q", "r", embedding=direction(1.0))
    store.vectors = lambda ids: 1 / 0
    missed = await cache.get("x", embedding=direction(1.0))

    assert (missed, events) == (None, [("miss", {"namespace": "default", "reason": "store_failure"})])


async def test_a_failing_index_makes_a_miss(opening, direction, monkeypatch, events):
    cache = opening(metrics_hook=events)
    await cache.put("q", "r", embedding=direction(1.0))
    monkeypatch.setattr(cache.plain._core.index, "search", lambda *_: [][0])
    missed = await cache.get("x", embedding=direction(1.0))

    assert (missed, events) == (None, [("miss", {"namespace": "default", "reason": "store_failure"})])


async def test_a_store_that_cannot_be_opened_says_so(opening, store):
    store.read_error = OSError("no such disk")

    with pytest.raises(StoreBackendError, match="no such disk"):
        opening(store=store)


async def test_a_store_that_fails_while_it_is_loaded_is_closed_again(opening):
    class Fails(FaultyStore):
        closed = False

        def counters(self):
            raise OSError("no such disk")

        def close(self):
            self.closed = True
            super().close()

    store = Fails(MemoryStore() if opening.store == "memory" else SQLiteStore(opening.path))
    with pytest.raises(OSError, match="no such disk"):
        opening(store=store)

    assert store.closed


def test_a_store_that_fails_while_it_is_loaded_in_bulk_says_so_with_the_cause(tmp_path):
    class Fails(SQLiteStore):
        def load_heads(self):
            raise OSError("a bad sector")

    with pytest.raises(StoreBackendError, match="a bad sector") as caught:
        SemanticCache(store=Fails(tmp_path / "cache.db"), embedder=WordEmbedder())

    assert isinstance(caught.value.__cause__, OSError)
