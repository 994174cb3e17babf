"""Keys change while processes run: nothing that one of them stores is lost without an error."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mneme import EncryptionError, MemoryStore, SemanticCache, SQLiteStore
from mneme.stores.base import Clear, Cursor, Put, Store
from mneme.stores.encrypted import EncryptedStore, keys, position, watch
from mneme.testing import WordEmbedder
from mneme.testing.reader import IDENTITY, Reader, entry

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
Readers = Callable[..., Reader]


class Process:
    """A cache over the file, whose key function returns what `given` holds."""

    def __init__(self, path: Path, given: list[bytes]) -> None:
        self.given = given
        self.asked = 0
        self.store = EncryptedStore(SQLiteStore(path), self.ask)
        self.cache = SemanticCache(store=self.store, embedder=WordEmbedder())

    def ask(self) -> list[bytes]:
        self.asked += 1
        return list(self.given)

    def answer(self, query: str) -> str | None:
        hit = self.cache.get(query)
        return hit and hit.response


@pytest.fixture
def process(path: Path) -> Iterator[Callable[[list[bytes]], Process]]:
    """Start a process with these keys; all end after the test."""
    running: list[Process] = []

    def start(given: list[bytes]) -> Process:
        running.append(Process(path, given))
        return running[-1]

    yield start
    for each in running:
        each.cache.close()


@pytest.fixture(autouse=True)
def looks_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LONGEST", 0.0)
    monkeypatch.setattr(keys, "ASKING_SHARE", float("inf"))


Start = Callable[[list[bytes]], Process]


# ---------------------------------------------------------------------------------- writers that go on


def test_what_running_processes_store_after_resealing_needs_the_new_key_alone(process: Start) -> None:
    given = [OLD]
    a, b = process(given), process(given)
    a.cache.put("first question", "1")
    b.cache.get("first question")
    given[:] = [NEW, OLD]
    process(given).store.reseal()
    b.cache.put("after reseal", "2")
    a.cache.put("later still", "3")
    given[:] = [NEW]

    late = process(given)
    assert [late.answer(query) for query in ("first question", "after reseal", "later still")] == ["1", "2", "3"]


@pytest.mark.parametrize("writes", [1, 2])
def test_a_process_that_never_gets_the_new_key_makes_opening_without_its_own_an_error(
    process: Start, writes: int
) -> None:
    a = process([OLD])
    a.cache.put("first question", "1")
    rotating = process([NEW, OLD])
    rotating.store.reseal()
    for number in range(writes):
        a.cache.put(f"after reseal {number}", "2")

    with pytest.raises(EncryptionError, match="of which 1 was not given"):
        process([NEW])
    rotating.store.reseal()
    late = process([NEW])
    assert [late.answer("first question"), late.answer(f"after reseal {writes - 1}")] == ["1", "2"]


def test_what_the_old_key_seals_in_the_very_moment_of_resealing_is_noted(open_reader: Readers) -> None:
    old = open_reader(OLD)
    old.write(Put(entry("a")))
    both = open_reader(NEW, OLD)
    inner = both.store.store  # type: ignore[attr-defined]
    write, turns = inner.write, iter("bcdefghijklmnopqrstuvwxyz")

    def interrupted(*arguments: Any) -> Any:
        old.write(Put(entry(next(turns))))
        return write(*arguments)

    inner.write = interrupted
    both.store.reseal()  # type: ignore[attr-defined]
    inner.write = write

    with pytest.raises(EncryptionError):
        open_reader(NEW)
    both.store.reseal()  # type: ignore[attr-defined]
    assert {"a", "b", "c"} <= open_reader(NEW).pull().keys()


def test_two_that_reseal_at_once_lose_no_mark(open_reader: Readers) -> None:
    old = open_reader(OLD)
    old.write(Put(entry("a")))
    first, second = open_reader(NEW, OLD), open_reader(NEW, OLD)
    inner = first.store.store  # type: ignore[attr-defined]
    counters = inner.counters

    def interrupted() -> Any:
        inner.counters = counters
        found = counters()
        second.store.reseal()  # type: ignore[attr-defined]
        return found

    inner.counters = interrupted
    first.store.reseal()  # type: ignore[attr-defined]
    assert open_reader(NEW).pull() == {"a": "answer to a"}
    old.write(Put(entry("b")))

    with pytest.raises(EncryptionError):
        open_reader(NEW)


@pytest.mark.parametrize("round", range(3))
def test_nothing_is_lost_while_processes_write_and_keys_change(path: Path, process: Start, round: int) -> None:
    given = [OLD]
    writers = [process(given) for _ in range(3)]
    ended = threading.Event()
    stored: list[list[str]] = [[] for _ in writers]

    def run(place: int) -> None:
        while not ended.is_set() or not stored[place]:
            query = f"writer {place} wrote {len(stored[place])}"
            writers[place].cache.put(query, "r")
            stored[place].append(query)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(3)]
    for thread in threads:
        thread.start()
    rotating = process([NEW, OLD])
    rotating.store.reseal()
    given[:] = [NEW, OLD]
    rotating.store.reseal()
    ended.set()
    for thread in threads:
        thread.join()
    rotating.store.reseal()

    late = process([NEW])
    assert [query for each in stored for query in each if late.answer(query) is None] == []


def test_a_store_emptied_by_another_needs_the_key_of_the_next_write(open_reader: Readers) -> None:
    one, two = open_reader(OLD), open_reader(NEW, OLD)
    one.write(Put(entry("a")))
    two.write(Clear(None))
    one.write(Put(entry("b")))

    with pytest.raises(EncryptionError):
        open_reader(NEW)


def test_clearing_the_namespace_of_the_marks_keeps_those_of_all_keys(open_reader: Readers) -> None:
    open_reader(OLD).write(Put(entry("a")))
    open_reader(NEW, OLD).write(Clear("\x01mneme: keys"))

    with pytest.raises(EncryptionError):
        open_reader(NEW)


# ---------------------------------------------------------------------------------- asking for keys


def test_keys_are_asked_for_once_while_they_do_not_change(process: Start) -> None:
    a, b = process([OLD]), process([OLD])
    for number in range(10):
        a.cache.put(f"question {number}", "a")
        b.cache.put(f"question {number}", "b")
        a.cache.get(f"question {number}")

    assert (a.asked, b.asked) == (1, 1)


def test_a_store_that_keeps_needing_two_keys_does_not_ask_for_them_again_and_again(process: Start) -> None:
    process([OLD]).cache.put("old", "1")
    a, b = process([NEW, OLD]), process([NEW, OLD])
    for number in range(10):
        a.cache.put(f"question {number}", "a")
        b.cache.put(f"question {number}", "b")

    assert max(a.asked, b.asked) <= 2


def test_a_writer_learns_that_the_order_of_its_keys_changed(process: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "ASK_AGAIN_SECONDS", 0.0)
    a, b = process([OLD, NEW]), process([NEW, OLD])
    a.cache.put("one", "1")
    b.cache.put("two", "2")
    a.cache.put("three", "3")
    a.given[:] = [NEW, OLD]
    b.cache.put("four", "4")
    a.cache.put("five", "5")
    b.store.reseal()

    assert process([NEW]).answer("five") == "5"


def test_keys_that_cannot_be_asked_for_again_do_not_stop_a_writer(
    process: Start, caplog: pytest.LogCaptureFixture
) -> None:
    a = process([OLD])
    a.cache.put("one", "1")
    process([NEW, OLD]).store.reseal()
    a.given.clear()
    with caplog.at_level(logging.WARNING, "mneme.store"):
        a.cache.put("two", "2")

    assert a.answer("two") == "2"
    assert "could not be asked for again" in caplog.text
    with pytest.raises(EncryptionError):
        process([NEW])


# ---------------------------------------------------------------------------------- a key that comes late


@pytest.fixture(params=[SQLiteStore, MemoryStore])
def late_key(
    request: pytest.FixtureRequest, path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[SemanticCache, SemanticCache, list[bytes]]]:
    """A cache without the key of "first question", the one that put it, and what the first's function returns."""
    monkeypatch.setattr(keys, "ASK_AGAIN_SECONDS", 0.0)
    shared = MemoryStore()

    def store() -> Store:
        return SQLiteStore(path) if request.param is SQLiteStore else shared

    given = [OLD]
    with (
        SemanticCache(store=EncryptedStore(store(), lambda: list(given)), embedder=WordEmbedder()) as lacking,
        SemanticCache(store=EncryptedStore(store(), lambda: [NEW, OLD]), embedder=WordEmbedder()) as other,
    ):
        lacking.put("zero", "0")
        other.put("first question", "1")
        assert lacking.get("first question") is None
        yield lacking, other, given


Late = tuple[SemanticCache, SemanticCache, list[bytes]]


def test_what_did_not_open_is_read_again_once_its_key_comes(late_key: Late) -> None:
    lacking, _, given = late_key
    given[:] = [NEW, OLD]

    assert [hit and hit.response for hit in (lacking.get("first question"), lacking.get("zero"))] == ["1", "0"]


def test_what_did_not_open_can_be_deleted_once_its_key_comes(late_key: Late) -> None:
    lacking, other, given = late_key
    given[:] = [NEW, OLD]
    lacking.get("anything")

    assert lacking.delete("first question")
    assert other.get("first question") is None


def test_what_did_not_open_can_be_invalidated_once_its_key_comes(late_key: Late) -> None:
    lacking, other, given = late_key
    given[:] = [NEW, OLD]
    other.put("second question", "2")

    assert lacking.invalidate(query="first question") == 1
    assert other.get("first question") is None


def test_everything_is_read_again_once(late_key: Late) -> None:
    lacking, other, given = late_key
    other.delete("first question")
    given[:] = [NEW, OLD]
    lacking.get("zero")
    store = lacking._core.journal.store
    cursor = lacking._core.journal.cursor

    assert not store.changed(cursor)
    assert [list(changes) for changes, _ in store.pull(cursor)] == [[]]
    assert lacking.get("first question") is None


def test_a_reading_that_is_interrupted_begins_again(open_reader: Readers) -> None:
    lacking, other = open_reader(OLD), open_reader(NEW, OLD)
    lacking.write(Put(entry("a")))
    other.write(Put(entry("b")))
    lacking.pull()
    lacking.store._ring._ask = lambda: [NEW, OLD]  # type: ignore[attr-defined]
    lacking.store._ring.ask()  # type: ignore[attr-defined]
    before = lacking.cursor
    changes, reached = next(iter(lacking.store.pull(before)))

    assert (list(changes), reached) == ([Clear(None)], before)
    assert lacking.store.changed(before)
    assert lacking.pull() == {"a": "answer to a", "b": "answer to b"}
    assert not lacking.store.changed(lacking.cursor)


def test_caches_over_one_store_object_each_read_again(path: Path) -> None:
    given = [OLD]
    shared = EncryptedStore(SQLiteStore(path), lambda: list(given))
    shared.open(IDENTITY)
    one, two = Reader(shared), Reader(shared)
    other = EncryptedStore(SQLiteStore(path), lambda: [NEW, OLD])
    other.open(IDENTITY)
    Reader(other).write(Put(entry("a")))
    both = [one.pull(), two.pull()]
    given[:] = [NEW, OLD]
    shared._ring.ask()
    both += [one.pull(), two.pull()]
    shared.close()
    other.close()

    assert both == [{}, {}, {"a": "answer to a"}, {"a": "answer to a"}]


@pytest.mark.parametrize("version", [0, 1, -1, 2**63, -(2**63), 2**128])
@pytest.mark.parametrize("rereads", [0, 1, 7])
def test_a_cursor_comes_apart_as_it_was_joined(version: int, rereads: int) -> None:
    assert position.split(position.joined(Cursor(5, version), rereads)) == (Cursor(5, version), rereads)
