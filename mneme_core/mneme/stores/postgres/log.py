"""The change log in Postgres: what happened since a sequence number, and how it grows.

Every function runs inside the caller's transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from psycopg import Connection, DataError

from mneme.model import StoredEntry
from mneme.stores.base import REMOVALS_KEPT, Change, Clear, Cursor, Delete, EntryRow, Put, Usage

BATCH = 512

LAST = "SELECT last, forgotten, epoch FROM log"
LAST_LOCKED = "SELECT last, forgotten, epoch FROM log FOR UPDATE"

COLUMNS = """
SELECT e.seq, e.namespace, e.key, e.query, e.response, {vector}, e.metadata, e.created_at,
  greatest(e.last_accessed_at, coalesce(u.last_accessed_at, e.last_accessed_at)), e.ttl,
  e.access_count + coalesce(u.accesses, 0), e.partition, e.compute_seconds
FROM entries e LEFT JOIN usage u USING (seq) WHERE e.seq > %s ORDER BY e.seq
"""
SELECT = COLUMNS.format(vector="e.vector")
SELECT_ALL = COLUMNS.format(vector="length(e.vector)")
SELECT_VECTORS = "SELECT seq, vector FROM entries WHERE seq >= %s AND seq < %s AND vector IS NOT NULL ORDER BY seq"
INSERT = """
INSERT INTO entries (seq, key, partition, namespace, query, response, metadata, created_at, ttl, compute_seconds,
  last_accessed_at, access_count, vector) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
TOUCH = """
INSERT INTO usage SELECT seq, %s, %s FROM entries WHERE seq = %s ON CONFLICT (seq) DO UPDATE SET
  last_accessed_at = greatest(usage.last_accessed_at, excluded.last_accessed_at),
  accesses = usage.accesses + excluded.accesses
"""
COUNT = """
INSERT INTO counters VALUES (%s, %s, %s) ON CONFLICT (namespace, name) DO UPDATE SET
  value = counters.value + excluded.value
"""


class State(NamedTuple):
    """How far the log has come."""

    newest: int
    forgotten: int
    """The last removal that is no longer kept."""
    mark: int
    """Which log it is. Of this run of the server: one that was restarted may have been put back, or be another."""

    def lacks(self, cursor: Cursor) -> bool:
        """Return whether this is not the log that the cursor was read from, or not all of it."""
        return cursor.sequence > 0 and (cursor.version != self.mark or self.newest < cursor.sequence)


def state(db: Connection[Any], started: int, *, locked: bool = False) -> State:
    """Return the state of the log; started: when the server was, in microseconds. locked: writers after this wait."""
    found = db.execute(LAST_LOCKED if locked else LAST).fetchone()
    if found is None:
        raise DataError("the table of the log is empty")
    return State(int(found[0]), int(found[1]), int(found[2]) ^ started)


def since(db: Connection[Any], state: State, cursor: Cursor) -> Iterator[list[Change]]:
    """Yield the changes after `cursor` in batches; all entries, after a Clear, where it is too long ago."""
    sequence = cursor.sequence
    if state.lacks(cursor) or sequence < state.forgotten:
        yield [Clear(None)]
        sequence = 0
    gone = _removals(db, sequence) if sequence else []
    gone.reverse()
    with db.cursor(name="mneme_since", binary=True) as found:
        found.execute(SELECT, (sequence,))
        while batch := found.fetchmany(BATCH):
            changes: list[tuple[int, Change]] = [(row[0], Put(entry_of(row))) for row in batch]
            while gone and gone[-1][0] < batch[-1][0]:
                changes.append(gone.pop())
            yield [change for _, change in sorted(changes, key=lambda pair: pair[0])]
    if gone:
        yield [change for _, change in reversed(gone)]


def everything(db: Connection[Any]) -> Iterator[list[EntryRow]]:
    """Yield all entries in batches of rows, without their vectors."""
    with db.cursor(name="mneme_all", binary=True) as found:
        found.execute(SELECT_ALL, (0,))
        while batch := found.fetchmany(BATCH):
            yield [_row(row) for row in batch]


def all_vectors(db: Connection[Any], ids: range) -> Iterator[list[tuple[int, bytes]]]:
    """Yield the ids and vectors of all entries among `ids`."""
    with db.cursor(name="mneme_vectors", binary=True) as found:
        found.execute(SELECT_VECTORS, (ids.start, ids.stop))
        while batch := found.fetchmany(BATCH):
            yield batch


def append(db: Connection[Any], changes: Sequence[Change], after: int) -> None:
    """Apply changes and log them under the numbers after `after`."""
    puts: dict[bytes, tuple[Any, ...]] = {}
    for number, change in enumerate(changes, start=after + 1):
        if isinstance(change, Put):
            row = _parameters(change.entry, number)
            if row[1] in puts:
                _insert(db, puts)
            puts[row[1]] = row
            continue
        _insert(db, puts)
        if isinstance(change, Delete):
            key = bytes.fromhex(change.key)
            # A log without gaps: where nothing was removed, the row stands for the removal of no key.
            db.execute(
                "INSERT INTO removals VALUES (%s, %s, NULL)", (number, key if _remove(db, key, change.id) else b"")
            )
        else:
            _clear(db, change.namespace)
            space = None if change.namespace is None else _bytes(change.namespace)
            db.execute("INSERT INTO removals VALUES (%s, NULL, %s)", (number, space))
    _insert(db, puts)


def _insert(db: Connection[Any], puts: dict[bytes, tuple[Any, ...]]) -> None:
    """Write the entries of different keys that have gathered, in place of what the keys had."""
    if puts:
        db.execute(
            "WITH gone AS (DELETE FROM entries WHERE key = ANY(%s) RETURNING seq) DELETE FROM usage USING gone "
            "WHERE usage.seq = gone.seq",
            (list(puts),),
        )
        db.cursor().executemany(INSERT, list(puts.values()))
        puts.clear()


def _remove(db: Connection[Any], key: bytes, id: int | None) -> bool:
    found = db.execute(
        "DELETE FROM entries WHERE key = %s AND (%s::bigint IS NULL OR seq = %s) RETURNING seq", (key, id, id)
    ).fetchone()
    if found is not None:
        db.execute("DELETE FROM usage WHERE seq = %s", found)
    return found is not None


def _clear(db: Connection[Any], namespace: str | None) -> None:
    if namespace is None:
        db.execute("DELETE FROM entries")
        db.execute("DELETE FROM usage")
        db.execute("DELETE FROM counters")
        return
    space = (_bytes(namespace),)
    db.execute("DELETE FROM usage USING entries e WHERE usage.seq = e.seq AND e.namespace = %s", space)
    db.execute("DELETE FROM entries WHERE namespace = %s", space)
    db.execute("DELETE FROM counters WHERE namespace = %s", space)


def forget(db: Connection[Any], newest: int) -> None:
    """Drop removals so old that a reader who has not seen them had better read everything."""
    found = db.execute("SELECT min(seq) FROM removals").fetchone()
    forgotten = newest - REMOVALS_KEPT
    if found is not None and found[0] is not None and found[0] <= forgotten - REMOVALS_KEPT:
        db.execute("DELETE FROM removals WHERE seq <= %s", (forgotten,))
        db.execute("UPDATE log SET forgotten = %s", (forgotten,))


def count(db: Connection[Any], usage: Usage) -> None:
    """Add what reading changed; uses of entries that are gone are dropped."""
    # In one order everywhere, so that two writers cannot wait for each other.
    touches = [(at, uses, number) for number, (at, uses) in sorted(usage.accesses.items())]
    if touches:
        db.cursor().executemany(TOUCH, touches)
    counts = [(_bytes(space), name, amount) for (space, name), amount in sorted(usage.counters.items())]
    if counts:
        db.cursor().executemany(COUNT, counts)


def counters(db: Connection[Any]) -> dict[tuple[str, str], int]:
    """Return (namespace, counter) -> value."""
    return {
        (bytes(space).decode(), name): value for space, name, value in db.execute("SELECT * FROM counters").fetchall()
    }


def vectors(db: Connection[Any], ids: Sequence[int]) -> dict[int, bytes]:
    """Return the vectors of entries."""
    found = db.cursor(binary=True).execute(
        "SELECT seq, vector FROM entries WHERE vector IS NOT NULL AND seq = ANY(%s)", (list(ids),)
    )
    return {number: bytes(vector) for number, vector in found.fetchall()}


def entry_of(row: Sequence[Any]) -> StoredEntry:
    """Return the entry of a row of SELECT."""
    number, namespace, key, query, response, vector, metadata, created, accessed, ttl, uses, partition, seconds = row
    return StoredEntry(
        number,
        namespace.decode(),
        key.hex(),
        query.decode(),
        response.decode(),
        vector or b"",
        json.loads(metadata) if metadata else {},
        created,
        accessed,
        ttl,
        uses,
        partition,
        seconds,
    )


def _row(row: Sequence[Any]) -> EntryRow:
    number, namespace, key, query, response, length, metadata, *rest = row
    text = None if metadata is None else metadata.decode()
    return (number, namespace.decode(), key, query.decode(), response.decode(), length, text, *rest)


def _parameters(entry: StoredEntry, number: int) -> tuple[Any, ...]:
    return (
        number,
        bytes.fromhex(entry.query_hash),
        entry.partition,
        _bytes(entry.namespace),
        _bytes(entry.query),
        _bytes(entry.response),
        json.dumps(entry.metadata).encode() if entry.metadata else None,
        entry.created_at,
        entry.ttl,
        entry.compute_seconds,
        entry.last_accessed_at,
        entry.access_count,
        entry.embedding or None,
    )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _removals(db: Connection[Any], sequence: int) -> list[tuple[int, Change]]:
    found = db.execute("SELECT seq, key, namespace FROM removals WHERE seq > %s ORDER BY seq", (sequence,))
    return [
        (number, Clear(None if space is None else space.decode()) if key is None else Delete(key.hex()))
        for number, key, space in found.fetchall()
    ]
