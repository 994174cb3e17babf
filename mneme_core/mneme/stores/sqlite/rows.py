"""Between rows of a Mneme file and the values the rest of Mneme knows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from mneme.model import StoredEntry
from mneme.stores.base import Change, Clear, Delete, EntryRow, HeadRow
from mneme.stores.rows import stored_of

SELECT = """
SELECT e.seq, e.namespace, e.key, e.query, e.response, e.vector, e.metadata, e.created_at,
  max(e.last_accessed_at, coalesce(u.last_accessed_at, e.last_accessed_at)), e.ttl,
  e.access_count + coalesce(u.accesses, 0), e.partition, e.compute_seconds
FROM entries e LEFT JOIN usage u USING (seq) WHERE e.seq > ? ORDER BY e.seq
"""

# The length of a vector stands in the head of its row: the vector itself is not read.
_ALL = """
SELECT e.seq, e.namespace, e.key, {query}, {response}, length(e.vector), e.metadata, e.created_at,
  max(e.last_accessed_at, coalesce(u.last_accessed_at, e.last_accessed_at)), e.ttl,
  iif(u.seq IS NULL, e.access_count, e.access_count + u.accesses), e.partition, e.compute_seconds{more}
FROM entries e LEFT JOIN usage u USING (seq) ORDER BY e.seq
"""

SELECT_ALL = _ALL.format(query="e.query", response="e.response", more="")

SELECT_THESE = SELECT_ALL.replace("ORDER BY", "WHERE e.seq IN (SELECT value FROM json_each(?)) ORDER BY")

# A text that is none has no size, which `check` finds.
SELECT_HEADS = _ALL.format(
    query="NULL",
    response="NULL",
    more=""",
  iif(typeof(e.query) = 'text' AND typeof(e.response) = 'text',
    length(CAST(e.query AS BLOB)) + length(CAST(e.response AS BLOB)), NULL)""",
)

TEXT = "SELECT query, response FROM entries WHERE seq = ? AND key = ?"
QUERIES = "SELECT seq, query FROM entries WHERE seq IN (SELECT value FROM json_each(?))"

SELECT_VECTORS = "SELECT seq, vector FROM entries WHERE seq >= ? AND seq < ? AND vector IS NOT NULL ORDER BY seq"

INSERT = """
INSERT INTO entries (seq, key, partition, namespace, query, response, metadata, created_at, ttl,
  compute_seconds, last_accessed_at, access_count, vector) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

TOUCH = """
INSERT INTO usage SELECT seq, ?2, ?3 FROM entries WHERE seq = ?1
ON CONFLICT (seq) DO UPDATE SET
  last_accessed_at = max(last_accessed_at, excluded.last_accessed_at), accesses = accesses + excluded.accesses
"""

COUNT = """
INSERT INTO counters VALUES (?, ?, ?) ON CONFLICT (namespace, name) DO UPDATE SET value = value + excluded.value
"""

VECTORS = """
SELECT seq, vector FROM entries WHERE vector IS NOT NULL AND seq IN (SELECT value FROM json_each(?))
"""

CREATED = "SELECT created_at FROM entries WHERE key = ?"


def entry_of(row: tuple[Any, ...]) -> StoredEntry:
    """Return the entry of a row of SELECT, which has the vector itself."""
    return stored_of(cast("EntryRow", row), row[_VECTOR_BYTES] or b"")


# Columns of SELECT_ALL and of SELECT_HEADS, and what each row has there.
_TYPES = ((1, str), (2, bytes), (7, float), (8, float), (10, int), (11, bytes))
_SIZE = 13
_TEXTS, _NO_TEXTS = ((3, str), (4, str)), ((_SIZE, int),)
_OR_NULL = ((9, {float, type(None)}), (12, {float, type(None)}))
_VECTOR_BYTES, _METADATA = 5, 6


def check(batch: Sequence[EntryRow] | Sequence[HeadRow], vector_bytes: int) -> None:
    """Raise TypeError or ValueError when rows are not what was written; column by column, for speed.

    batch: rows of SELECT_ALL or of SELECT_HEADS.
    """
    columns = tuple(zip(*batch, strict=True))
    types = _TYPES + (_NO_TEXTS if len(columns) > _SIZE else _TEXTS)
    if any(set(map(type, columns[place])) != {expected} for place, expected in types):
        raise TypeError("a column is of another type than it should be")
    if not all(expected.issuperset(map(type, columns[place])) for place, expected in _OR_NULL):
        raise TypeError("a column is of another type than it should be")
    if not {None, vector_bytes}.issuperset(columns[_VECTOR_BYTES]):
        raise TypeError("a vector is of another length than it should be")
    for text in columns[_METADATA]:
        if text is not None and json.loads(text).__class__ is not dict:
            raise TypeError("metadata is not a mapping")


def row_of(entry: StoredEntry, number: int) -> tuple[Any, ...]:
    """Return the parameters of INSERT."""
    return (
        number,
        bytes.fromhex(entry.query_hash),
        entry.partition,
        entry.namespace,
        entry.query,
        entry.response,
        json.dumps(entry.metadata) if entry.metadata else None,
        entry.created_at,
        entry.ttl,
        entry.compute_seconds,
        entry.last_accessed_at,
        entry.access_count,
        entry.embedding or None,
    )


def removal_of(key: bytes | None, namespace: str | None) -> Change:
    """Return the change a row of `removals` stands for."""
    return Delete(key.hex()) if key is not None else Clear(namespace)
