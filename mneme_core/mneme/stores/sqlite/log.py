"""The change log inside a Mneme file: what happened since a sequence number, and how it grows.

Every function runs inside the caller's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

from mneme.stores.base import REMOVALS_KEPT, Change, Clear, Cursor, Delete, Put, Usage
from mneme.stores.sqlite import rows

# Entries read at a time: so few that Python's collector does not take them for long-lived, which costs a third
# of the time to open a large file.
BATCH = 256

_by_sequence = itemgetter(0)


def last(db: sqlite3.Connection) -> int:
    """Return the sequence number of the newest change."""
    (number,) = db.execute(
        "SELECT max((SELECT coalesce(max(seq), 0) FROM entries), (SELECT coalesce(max(seq), 0) FROM removals))"
    ).fetchone()
    return int(number)


def version(db: sqlite3.Connection) -> int:
    """Return SQLite's mark that another connection's commit changes; inside a transaction, that of its snapshot."""
    (mark,) = db.execute("PRAGMA data_version").fetchone()
    return int(mark)


def since(db: sqlite3.Connection, cursor: Cursor) -> Iterator[list[Change]]:
    """Yield the changes after `cursor` in batches; all entries, after a Clear, where it is too long ago."""
    sequence = cursor.sequence
    (forgotten,) = db.execute("SELECT coalesce(max(value), 0) FROM meta WHERE name = 'forgotten'").fetchone()
    if sequence < forgotten:
        yield [Clear(None)]
        sequence = 0
    gone = [] if cursor == (0, 0) else _removals(db, sequence)
    gone.reverse()
    found = db.execute(rows.SELECT, (sequence,))
    batch = found.fetchmany(BATCH)
    while batch:
        changes = _puts(batch)
        if gone and gone[-1][0] < batch[-1][0]:
            numbered = [(row[0], change) for row, change in zip(batch, changes, strict=True)]
            while gone and gone[-1][0] < batch[-1][0]:
                numbered.append(gone.pop())
            changes = [change for _, change in sorted(numbered, key=_by_sequence)]
        yield changes
        batch = found.fetchmany(BATCH)
    if gone:
        yield [change for _, change in reversed(gone)]


def everything(
    db: sqlite3.Connection, statement: str, vector_bytes: int, values: Sequence[str] = ()
) -> Iterator[Sequence[Any]]:
    """Yield all entries in batches of rows of this statement: SELECT_ALL, SELECT_HEADS, or SELECT_THESE."""
    found = db.execute(statement, values)
    while batch := found.fetchmany(BATCH):
        try:
            rows.check(batch, vector_bytes)
        except (TypeError, ValueError) as error:
            raise _unreadable(batch, error) from error
        yield batch


def all_vectors(db: sqlite3.Connection, ids: range, vector_bytes: int) -> Iterator[Sequence[tuple[int, bytes]]]:
    """Yield the ids and vectors of all entries among `ids`."""
    found = db.execute(rows.SELECT_VECTORS, (ids.start, ids.stop))
    while batch := found.fetchmany(BATCH):
        held = [vector for _, vector in batch]
        if set(map(type, held)) != {bytes} or set(map(len, held)) != {vector_bytes}:
            raise _unreadable(batch, TypeError("a vector is of another type or length than it should be"))
        yield batch


def _unreadable(batch: Sequence[tuple[Any, ...]], error: Exception) -> sqlite3.DatabaseError:
    return sqlite3.DatabaseError(f"an entry between {batch[0][0]} and {batch[-1][0]} cannot be read: {error}")


def _puts(batch: Sequence[tuple[Any, ...]]) -> list[Change]:
    try:
        return [Put(rows.entry_of(row)) for row in batch]
    except (AttributeError, TypeError, ValueError) as error:
        raise _unreadable(batch, error) from error


def _removals(db: sqlite3.Connection, sequence: int) -> list[tuple[int, Change]]:
    found = db.execute("SELECT seq, key, namespace FROM removals WHERE seq > ? ORDER BY seq", (sequence,))
    return [(number, rows.removal_of(key, namespace)) for number, key, namespace in found]


def append(db: sqlite3.Connection, number: int, change: Change) -> bool:
    """Apply a change and log it under `number`; return whether the log of removals grew."""
    if isinstance(change, Put):
        row = rows.row_of(change.entry, number)
        try:
            db.execute(rows.INSERT, row)
        except sqlite3.IntegrityError:  # most keys are new: looking for each one first costs more
            _remove(db, row[1], None)
            db.execute(rows.INSERT, row)
        return False
    if isinstance(change, Delete):
        key = bytes.fromhex(change.key)
        gone = _remove(db, key, change.id)
        # A log without gaps: where nothing was removed, the row stands for the removal of no key.
        db.execute("INSERT INTO removals VALUES (?, ?, NULL)", (number, key if gone else b""))
    else:
        _clear(db, change.namespace)
        db.execute("INSERT INTO removals VALUES (?, NULL, ?)", (number, change.namespace))
    return True


def _remove(db: sqlite3.Connection, key: bytes, id: int | None) -> bool:
    found = db.execute("SELECT seq FROM entries WHERE key = ?", (key,)).fetchone()
    if found is None or (id is not None and found[0] != id):
        return False
    db.execute("DELETE FROM usage WHERE seq = ?", found)
    db.execute("DELETE FROM entries WHERE seq = ?", found)
    return True


def _clear(db: sqlite3.Connection, namespace: str | None) -> None:
    if namespace is None:
        for table in ("entries", "usage", "counters"):
            db.execute(f"DELETE FROM {table}")  # noqa: S608  # names from the line above
        return
    db.execute("DELETE FROM usage WHERE seq IN (SELECT seq FROM entries WHERE namespace = ?)", (namespace,))
    db.execute("DELETE FROM entries WHERE namespace = ?", (namespace,))
    db.execute("DELETE FROM counters WHERE namespace = ?", (namespace,))


def forget(db: sqlite3.Connection, last: int) -> None:
    """Drop removals so old that a reader who has not seen them had better read everything."""
    (oldest,) = db.execute("SELECT coalesce(min(seq), ?) FROM removals", (last,)).fetchone()
    forgotten = last - REMOVALS_KEPT
    if oldest > forgotten - REMOVALS_KEPT:
        return
    db.execute("DELETE FROM removals WHERE seq <= ?", (forgotten,))
    db.execute("INSERT OR REPLACE INTO meta VALUES ('forgotten', ?)", (forgotten,))


def count(db: sqlite3.Connection, usage: Usage) -> None:
    """Add what reading changed; uses of entries that are gone are dropped."""
    db.executemany(rows.TOUCH, [(number, *access) for number, access in usage.accesses.items()])
    db.executemany(rows.COUNT, [(*name, amount) for name, amount in usage.counters.items()])


def vectors(db: sqlite3.Connection, ids: Sequence[int]) -> dict[int, bytes]:
    """Return the vectors of entries."""
    return dict(db.execute(rows.VECTORS, (f"[{','.join(map(str, ids))}]",)))


def text(db: sqlite3.Connection, id: int, key: bytes) -> tuple[str, str] | None:
    """Return query and response of the entry of a key while it is this version."""
    found: tuple[Any, Any] | None = db.execute(rows.TEXT, (id, key)).fetchone()
    if found is not None and not (found[0].__class__ is found[1].__class__ is str):
        raise sqlite3.DatabaseError(f"the texts of entry {id} are of another type than they should be")
    return found


def queries(db: sqlite3.Connection, ids: Sequence[int]) -> dict[int, str]:
    """Return the queries of entries."""
    return dict(db.execute(rows.QUERIES, (f"[{','.join(map(str, ids))}]",)))


def created(db: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, float]:
    """Return key -> created_at of the entries that there are."""
    found = (db.execute(rows.CREATED, (key,)).fetchone() for key in keys)
    return {key: row[0] for key, row in zip(keys, found, strict=True) if row is not None}
