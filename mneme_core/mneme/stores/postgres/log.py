"""The change log in Postgres: what happened since a sequence number.

Every function runs inside the caller's transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from psycopg import Connection, DataError

from mneme.model import StoredEntry
from mneme.stores.base import REMOVALS_KEPT, Change, Clear, Cursor, Delete, EntryRow, Put

BATCH = 512

LAST = "SELECT last, forgotten, epoch, filled, pg_relation_filenode(tableoid) FROM log"
LAST_LOCKED = LAST + " FOR UPDATE"

FIELDS = """
e.seq, e.namespace, e.key, e.query, e.response, {vector}, e.metadata, e.created_at,
  greatest(e.last_accessed_at, coalesce(u.last_accessed_at, e.last_accessed_at)), e.ttl,
  e.access_count + coalesce(u.accesses, 0), e.partition, e.compute_seconds
"""
SINCE = "SELECT" + FIELDS + "FROM entries e LEFT JOIN usage u USING (seq) WHERE e.seq > %s ORDER BY e.seq"
SELECT = SINCE.format(vector="e.vector")
SELECT_ALL = SINCE.format(vector="length(e.vector)")
NAMES = """
SELECT seq, key, NULL, true FROM entries WHERE seq > %(after)s
UNION ALL SELECT seq, key, namespace, false FROM removals WHERE seq > %(after)s ORDER BY 1
"""
SELECT_VECTORS = "SELECT seq, vector FROM entries WHERE seq >= %s AND seq < %s AND vector IS NOT NULL ORDER BY seq"


class State(NamedTuple):
    """How far the log has come."""

    newest: int
    forgotten: int
    """The last removal that is no longer kept."""
    mark: int
    """Which log it is, in this run of the server and in these files: what was restarted, truncated or made anew may
    have been put back to an older state."""
    is_searchable: bool
    """Whether vectors are kept a second time, where the server searches them."""

    def lacks(self, cursor: Cursor) -> bool:
        """Return whether this is not the log that the cursor was read from, or not all of it."""
        return cursor.sequence > 0 and (cursor.version != self.mark or self.newest < cursor.sequence)


def state(db: Connection[Any], started: int, *, locked: bool = False) -> State:
    """Return the state of the log; started: when the server was, in microseconds. locked: writers after this wait."""
    found = db.execute(LAST_LOCKED if locked else LAST).fetchone()
    if found is None:
        raise DataError("the table of the log is empty")
    return State(
        int(found[0]), int(found[1]), int(found[2]) ^ started ^ (int(found[4] or 0) << 20), found[3] is not None
    )


def since(db: Connection[Any], state: State, cursor: Cursor) -> Iterator[list[Change]]:
    """Yield the changes after `cursor` in batches; all entries, after a Clear, where it is too long ago."""
    sequence = cursor.sequence
    if state.lacks(cursor) or sequence < state.forgotten:
        yield [Clear(None)]
        sequence = 0
    gone = [] if cursor == (0, 0) else _removals(db, sequence)
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


def names(db: Connection[Any], state: State, cursor: Cursor) -> Iterator[list[Change]]:
    """Yield what changed after `cursor`, in batches, without reading it; a Clear alone where that is too long ago."""
    if cursor == (0, 0):
        return
    if state.lacks(cursor) or cursor.sequence < state.forgotten:
        yield [Clear(None)]
        return
    with db.cursor(name="mneme_names", binary=True) as found:
        found.execute(NAMES, {"after": cursor.sequence})
        while batch := found.fetchmany(BATCH):
            yield [Delete(key.hex()) if is_put else _removal(key, space) for _, key, space, is_put in batch]


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


def forget(db: Connection[Any], newest: int) -> None:
    """Drop removals so old that a reader who has not seen them had better read everything."""
    found = db.execute("SELECT min(seq) FROM removals").fetchone()
    forgotten = newest - REMOVALS_KEPT
    if found is not None and found[0] is not None and found[0] <= forgotten - REMOVALS_KEPT:
        db.execute("DELETE FROM removals WHERE seq <= %s", (forgotten,))
        db.execute("UPDATE log SET forgotten = %s", (forgotten,))


def has_more_entries(db: Connection[Any], count: int) -> bool:
    """Return whether there are more than `count` entries."""
    if state(db, 0).newest <= count:
        return False
    found = db.execute(
        "SELECT count(*) FROM (SELECT FROM entries ORDER BY seq LIMIT %s) AS counted", (count + 1,)
    ).fetchone()
    return found is not None and found[0] > count


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


def _removals(db: Connection[Any], sequence: int) -> list[tuple[int, Change]]:
    found = db.execute("SELECT seq, key, namespace FROM removals WHERE seq > %s ORDER BY seq", (sequence,))
    return [(number, _removal(key, space)) for number, key, space in found.fetchall()]


def _removal(key: bytes | None, namespace: bytes | None) -> Change:
    return Clear(None if namespace is None else namespace.decode()) if key is None else Delete(key.hex())
