"""The change log of SQLiteStore where timing or age matters."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from mneme import SQLiteStore
from mneme.stores.base import Clear, Cursor, Delete, Put, Usage
from mneme.stores.sqlite import log
from mneme.stores.sqlite import store as store_module
from mneme.testing.reader import IDENTITY, Reader, entry


@pytest.fixture
def reader(path: Path) -> Iterator[Callable[[], Reader]]:
    stores: list[SQLiteStore] = []

    def make() -> Reader:
        stores.append(SQLiteStore(path))
        stores[-1].open(IDENTITY)
        return Reader(stores[-1])

    yield make
    for store in stores:
        store.close()


@pytest.mark.parametrize("step", ["write", "pull"])
def test_a_commit_right_after_ones_own_is_noticed(
    reader: Callable[[], Reader], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    first, second = reader(), reader()
    second.pull()
    plain = store_module.alone

    @contextmanager
    def interrupted(db: sqlite3.Connection) -> Iterator[None]:
        with plain(db):
            yield
        monkeypatch.setattr(store_module, "alone", plain)
        second.write(Put(entry("foreign")))

    monkeypatch.setattr(store_module, "alone", interrupted)
    first.write(Put(entry("own"))) if step == "write" else first.pull()

    assert first.store.changed(first.cursor)
    assert "foreign" in first.pull()


def test_old_removals_are_forgotten_and_late_readers_told_to_start_anew(
    reader: Callable[[], Reader], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "REMOVALS_KEPT", 10)
    early, writer = reader(), reader()
    writer.write(Put(entry("kept")), Put(entry("gone")))
    early.pull()
    for _ in range(40):
        writer.write(Put(entry("gone")), Delete(entry("gone").query_hash))
    late = list(early.store.pull(early.cursor))
    with closing(sqlite3.connect(path)) as db:
        (remembered,) = db.execute("SELECT count(*) FROM removals").fetchone()

    assert late[0][0] == [Clear(None)]
    assert early.pull() == writer.pull() == reader().pull() == {"kept": "answer to kept"}
    assert remembered <= 20


def test_numbers_are_never_used_again(reader: Callable[[], Reader]) -> None:
    first = reader()
    last = first.write(Put(entry("a")), Clear(None))[-1]
    first.store.close()
    second = reader()

    assert second.store.write([Put(entry("b"))], Cursor(0, 0))[1][0] > last


def test_uses_of_entries_that_are_gone_take_no_room(reader: Callable[[], Reader], path: Path) -> None:
    cache = reader()
    for turn in range(10):
        numbers = cache.write(Put(entry("a", str(turn))), Put(entry("b", str(turn))), Put(entry("c", namespace="x")))
        cache.write(usage=Usage(dict.fromkeys(numbers, (2000.0, 1)), {}))
    cache.write(Delete(entry("b").query_hash), Clear("x"))
    with closing(sqlite3.connect(path)) as db:
        (used,) = db.execute("SELECT count(*) FROM usage").fetchone()

    assert used == 1


def test_a_write_that_fails_halfway_leaves_nothing(reader: Callable[[], Reader]) -> None:
    cache = reader()
    cache.write(Put(entry("before")))
    with pytest.raises(Exception, match="hexadecimal"):
        cache.write(Put(entry("half")), Delete("not hexadecimal"))

    assert reader().pull() == cache.pull() == {"before": "answer to before"}
    assert cache.write(Put(entry("after"))) == range(2, 3)
