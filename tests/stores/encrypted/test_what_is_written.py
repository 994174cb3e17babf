"""Nothing of an entry stands in the file, and what was moved or changed in it is never served."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mneme import MemoryStore, SemanticCache, SQLiteStore
from mneme.stores.base import Put
from mneme.stores.encrypted import EncryptedStore
from mneme.testing import WordEmbedder
from mneme.testing.reader import IDENTITY, Reader, entry, loaded

KEY = bytes(range(32))


@pytest.fixture
def filled(open_reader: Callable[..., Reader]) -> Reader:
    """Two entries, a and b."""
    reader = open_reader(KEY)
    reader.write(Put(entry("a", metadata={"of": "a"})), Put(entry("b", metadata={"of": "b"})))
    return reader


@pytest.fixture
def edit(path: Path) -> Callable[..., None]:
    """Change the file as somebody would who has no key."""

    def edit(statement: str, *values: Any) -> None:
        with closing(sqlite3.connect(path)) as db, db:
            db.execute(statement, values)

    return edit


@pytest.mark.parametrize("closed", [False, True])
def test_the_file_and_its_log_hold_nothing_of_an_entry(path: Path, closed: bool) -> None:
    embedder = WordEmbedder()
    cache = SemanticCache(store=EncryptedStore(SQLiteStore(path), lambda: [KEY]), embedder=embedder)
    question, answer = "how do I reset my PASSPHRASE", "press the red button"
    cache.put(question, answer, metadata={"author": "somebody"}, vary={"model": "m"})
    cache.get(question, vary={"model": "m"})
    vector = embedder.embed("how do i reset my passphrase").tobytes()
    key = cache.key(question, vary={"model": "m"})
    partition = cache._core.request(question, "default", {"model": "m"}, "exact").partition
    if closed:
        cache.close()
    written = b"".join(file.read_bytes() for file in path.parent.iterdir())
    cache.close()

    secrets = [b"PASSPHRASE", b"passphrase", b"red button", b"somebody", b"author", KEY]
    secrets += [vector, vector[:32], vector[-32:], bytes.fromhex(key), key.encode(), partition]
    assert [secret for secret in secrets if secret in written] == []
    assert b"default" in written  # namespaces stay readable


def test_one_entry_written_twice_looks_different_but_for_its_name() -> None:
    inner = MemoryStore()
    store = EncryptedStore(inner, lambda: [KEY])
    store.open(IDENTITY)
    reader = Reader(store)
    seen = []
    for _ in range(2):
        reader.write(Put(entry("a", metadata={"k": 1})))
        seen.append(next(iter(inner._entries.values())))

    fields = ("query_hash", "query", "response", "metadata", "embedding", "partition")
    assert [name for name in fields if getattr(seen[0], name) == getattr(seen[1], name)] == ["query_hash"]


COLUMNS = ("key", "partition", "query", "response", "metadata", "vector")


@pytest.mark.parametrize("column", COLUMNS)
def test_a_field_moved_to_another_entry_does_not_open(
    filled: Reader, edit: Callable[..., None], open_reader: Callable[..., Reader], path: Path, column: str
) -> None:
    with closing(sqlite3.connect(path)) as db:
        names = [name for (name,) in db.execute("SELECT key FROM entries ORDER BY seq")]
    if column == "key":  # unique: the two change places
        edit("UPDATE entries SET key = zeroblob(seq)")
        edit("UPDATE entries SET key = ? WHERE seq = 1", names[1])
        edit("UPDATE entries SET key = ? WHERE seq = 2", names[0])
    else:
        edit(f"UPDATE entries SET {column} = (SELECT {column} FROM entries WHERE seq = 2) WHERE seq = 1")
    found = open_reader(KEY)
    found.pull()
    rows, _ = loaded_of(found)

    a = found.entries.get(entry("a").query_hash)
    if column == "vector":
        assert a is not None
        assert a.embedding == b""
        assert found.store.vectors([1, 2]).keys() == {2}
    else:
        assert a is None
        assert "a" not in {row.query for row in rows}


def test_fields_of_one_entry_that_change_places_do_not_open(
    filled: Reader, edit: Callable[..., None], open_reader: Callable[..., Reader]
) -> None:
    edit("UPDATE entries SET query = response, response = query WHERE seq = 1")

    assert open_reader(KEY).pull() == {"b": "answer to b"}


def loaded_of(reader: Reader) -> tuple[list[Any], Any]:
    """A bulk load; a vector that does not open is left out there, so the rows alone are read."""
    batches = list(reader.store.load())  # type: ignore[attr-defined]  # over SQLite
    rows = [row for batch, _ in batches for row in batch]
    return [entry(row[3], row[4]) for row in rows], batches[-1][1]


@pytest.mark.parametrize(
    ("column", "value"),
    [("namespace", "other"), ("created_at", 5e9), ("ttl", 1e9), ("query", "plain"), ("partition", b""), ("query", "")],
)
def test_an_entry_that_was_changed_is_not_served_and_said_so_without_its_text(
    filled: Reader,
    edit: Callable[..., None],
    open_reader: Callable[..., Reader],
    caplog: pytest.LogCaptureFixture,
    column: str,
    value: Any,
) -> None:
    edit(f"UPDATE entries SET {column} = ? WHERE seq = 1", value)
    with caplog.at_level(logging.WARNING, "mneme.store"):
        reader = open_reader(KEY)
        reader.pull()
        opened, _ = loaded_of(reader)

    assert reader.answers() == {"b": "answer to b"}
    assert [held.query for held in opened] == ["b"]
    assert {record.getMessage()[:9] for record in caplog.records} == {"1 entries"}
    assert "answer" not in caplog.text


def test_a_field_of_an_older_version_does_not_open_in_the_newer(
    open_reader: Callable[..., Reader], edit: Callable[..., None], path: Path
) -> None:
    reader = open_reader(KEY)
    reader.write(Put(entry("a", "old")))
    with closing(sqlite3.connect(path)) as db:
        (old,) = db.execute("SELECT response FROM entries").fetchone()
    reader.write(Put(entry("a", "new")))
    edit("UPDATE entries SET response = ?", old)

    assert open_reader(KEY).pull() == {}


def test_an_entry_that_was_changed_takes_the_older_one_away_from_who_has_it(
    open_reader: Callable[..., Reader], edit: Callable[..., None]
) -> None:
    reader, late = open_reader(KEY), open_reader(KEY)
    reader.write(Put(entry("a", "old")))
    late.pull()
    reader.write(Put(entry("a", "new")))
    edit("UPDATE entries SET response = ''")

    assert late.pull() == {}


def test_what_does_not_open_is_replaced_by_the_next_put(
    filled: Reader, edit: Callable[..., None], open_reader: Callable[..., Reader]
) -> None:
    edit("UPDATE entries SET response = 'x' WHERE seq = 1")
    reader = open_reader(KEY)
    reader.write(Put(entry("a", "again")))

    assert open_reader(KEY).pull() == {"b": "answer to b", "a": "again"}


def test_a_cache_opens_over_changed_entries_and_serves_the_others(path: Path, edit: Callable[..., None]) -> None:
    def opened() -> SemanticCache:
        return SemanticCache(store=EncryptedStore(SQLiteStore(path), lambda: [KEY]), embedder=WordEmbedder())

    with opened() as cache:
        cache.put_many([("one two three", "1"), ("four five six", "2"), ("seven eight nine", "3")])
    edit("UPDATE entries SET response = 'x' WHERE seq = 1")
    edit("UPDATE entries SET vector = (SELECT vector FROM entries WHERE seq = 3) WHERE seq = 2")
    with opened() as cache:
        hits = [cache.get(query) for query in ("one two three", "four five six", "six five four", "nine eight seven")]
        cache.put("four five six", "2 again")
        after = cache.get("six five four")

    assert [hit and hit.response for hit in hits] == [None, "2", None, "3"]
    assert after is not None
    assert after.response == "2 again"


def test_ids_that_are_gone_are_forgotten_and_vectors_are_still_found(
    open_reader: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mneme.stores.encrypted import opening

    monkeypatch.setattr(opening, "SPARE", 2)
    reader = open_reader(KEY)
    for turn in range(50):
        reader.write(Put(entry("a", f"{turn}")), Put(entry(f"q{turn % 3}")))
    numbers = [held.id for held in reader.entries.values()]

    assert len(reader.store._opener._nonces) < 20  # type: ignore[attr-defined]
    assert set(reader.store.vectors(numbers)) == set(numbers)
    assert loaded(reader.store)[0] == sorted(reader.entries.values(), key=lambda held: held.id)  # type: ignore[arg-type]
