"""How the change log in Postgres grows.

Every function runs inside the caller's transaction, which holds the log.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from mneme.model import StoredEntry
from mneme.stores.base import Change, Delete, Put, Usage
from mneme.stores.postgres import vectors

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
REPLACE = """
WITH gone AS (DELETE FROM entries WHERE key = ANY(%s) RETURNING seq)
DELETE FROM usage USING gone WHERE usage.seq = gone.seq
"""
REPLACE_SEARCHABLE = """
WITH gone AS (DELETE FROM entries WHERE key = ANY(%s) RETURNING seq),
  hidden AS (DELETE FROM vectors USING gone WHERE vectors.seq = gone.seq)
DELETE FROM usage USING gone WHERE usage.seq = gone.seq
"""

# Entries whose vectors are copied in the transaction that writes them, during which other writers wait.
COPIED_AT_ONCE = 64


def append(db: Connection[Any], changes: Sequence[Change], after: int, *, searchable: bool) -> bool:
    """Apply changes and log them under the numbers after `after`; searchable: keep `vectors` as well.

    Returns whether that is left to `vectors.fill`, after the transaction, as it takes long.
    """
    later = searchable and sum(isinstance(change, Put) for change in changes) > COPIED_AT_ONCE
    if later:
        db.execute("UPDATE log SET filled = least(filled, %s)", (after,))
    puts: dict[bytes, tuple[Any, ...]] = {}
    for number, change in enumerate(changes, start=after + 1):
        if isinstance(change, Put):
            row = _parameters(change.entry, number)
            if row[1] in puts:
                _insert(db, puts, searchable, later)
            puts[row[1]] = row
            continue
        _insert(db, puts, searchable, later)
        if isinstance(change, Delete):
            key = bytes.fromhex(change.key)
            # A log without gaps: where nothing was removed, the row stands for the removal of no key.
            removed = key if _remove(db, key, change.id, searchable) else b""
            db.execute("INSERT INTO removals VALUES (%s, %s, NULL)", (number, removed))
        else:
            _clear(db, change.namespace, searchable)
            space = None if change.namespace is None else _bytes(change.namespace)
            db.execute("INSERT INTO removals VALUES (%s, NULL, %s)", (number, space))
    _insert(db, puts, searchable, later)
    return later


def _insert(db: Connection[Any], puts: dict[bytes, tuple[Any, ...]], searchable: bool, later: bool) -> None:
    """Write the entries of different keys that have gathered, in place of what the keys had."""
    if puts:
        db.execute(REPLACE_SEARCHABLE if searchable else REPLACE, (list(puts),))
        db.cursor().executemany(INSERT, list(puts.values()))
        if searchable and not later:
            vectors.insert(db, [(row[0], row[2], row[12]) for row in puts.values()])
        puts.clear()


def _remove(db: Connection[Any], key: bytes, id: int | None, searchable: bool) -> bool:
    found = db.execute(
        "DELETE FROM entries WHERE key = %s AND (%s::bigint IS NULL OR seq = %s) RETURNING seq", (key, id, id)
    ).fetchone()
    if found is not None:
        db.execute("DELETE FROM usage WHERE seq = %s", found)
        if searchable:
            db.execute("DELETE FROM vectors WHERE seq = %s", found)
    return found is not None


def _clear(db: Connection[Any], namespace: str | None, searchable: bool) -> None:
    if namespace is None:
        db.execute("DELETE FROM entries")
        db.execute("DELETE FROM usage")
        db.execute("DELETE FROM counters")
        if searchable:
            vectors.empty(db)
        return
    space = (_bytes(namespace),)
    db.execute("DELETE FROM usage USING entries e WHERE usage.seq = e.seq AND e.namespace = %s", space)
    if searchable:
        db.execute("DELETE FROM vectors USING entries e WHERE vectors.seq = e.seq AND e.namespace = %s", space)
    db.execute("DELETE FROM entries WHERE namespace = %s", space)
    db.execute("DELETE FROM counters WHERE namespace = %s", space)


def count(db: Connection[Any], usage: Usage) -> None:
    """Add what reading changed; uses of entries that are gone are dropped."""
    # In one order everywhere, so that two writers cannot wait for each other.
    touches = [(at, uses, number) for number, (at, uses) in sorted(usage.accesses.items())]
    if touches:
        db.cursor().executemany(TOUCH, touches)
    counts = [(_bytes(space), name, amount) for (space, name), amount in sorted(usage.counters.items())]
    if counts:
        db.cursor().executemany(COUNT, counts)


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
