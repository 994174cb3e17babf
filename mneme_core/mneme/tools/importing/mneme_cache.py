"""Reads a SQLite file of mneme-cache; the schema is that of version 1.0.1."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from mneme.engine.canonical import folded_text
from mneme.errors import InvalidArgumentError
from mneme.tools.importing.found import Found, Item, Skipped, Tables
from mneme.tools.importing.values import MOST_USES, is_number, is_text, is_time, metadata_of

NAME = "mneme-cache"
ENTRIES = frozenset(
    {"id", "namespace", "query_hash", "query", "response", "embedding", "metadata"}
    | {"created_at", "last_accessed_at", "ttl", "access_count"}
)
META = frozenset({"key", "value"})
SCHEMA_VERSION = "1"

SELECT = """
SELECT id, namespace, query_hash, query, response, metadata, created_at, last_accessed_at, ttl, access_count, {vector}
FROM entries ORDER BY id
"""


def fits(tables: Tables) -> bool:
    """Return whether a file with these tables is one."""
    return tables.get("entries", frozenset()) >= ENTRIES and tables.get("schema_meta", frozenset()) >= META


class MnemeCacheReader:
    """Yields entries with namespace, metadata, times and TTL; with vectors, where they are of the same embedder."""

    has_namespaces = True

    def __init__(self, db: sqlite3.Connection, fingerprint: str, dim: int) -> None:
        self._db = db
        meta: dict[Any, Any] = dict(db.execute("SELECT key, value FROM schema_meta"))
        version = meta.get("schema_version")
        if version != SCHEMA_VERSION:
            raise InvalidArgumentError(
                f"the {NAME} file has schema version {version!r}; version {SCHEMA_VERSION} alone can be read."
            )
        bound = (meta.get("embedder_fingerprint"), meta.get("embedder_dim"))
        self._has_vectors = bound == (fingerprint, str(dim))
        self.normalize = self._normalize()

    def _normalize(self) -> str:
        """Return how questions are told apart; the first whose hash can say so does."""
        for query, said in self._db.execute("SELECT query, query_hash FROM entries ORDER BY id"):
            if is_text(query, said) and folded_text(query) != query:
                if said == _hash(folded_text(query)):
                    break
                if said == _hash(query):
                    return "none"
        return "default"

    def count(self) -> int:
        """Return the number of entries."""
        (number,) = self._db.execute("SELECT count(*) FROM entries").fetchone()
        return int(number)

    def items(self) -> Iterator[Item]:
        """Yield the entries, oldest first."""
        for row in self._db.execute(SELECT.format(vector="embedding" if self._has_vectors else "NULL")):
            yield _item(*row)


def _item(
    number: int,
    namespace: Any,
    text_hash: Any,
    query: Any,
    response: Any,
    metadata: Any,
    created_at: Any,
    last_accessed_at: Any,
    ttl: Any,
    access_count: Any,
    vector: Any,
) -> Item:
    place = f"entries, row {number}"
    if not is_text(namespace, query, response, metadata):
        return Skipped("column of the wrong type", place, "a text is none, or is not UTF-8")
    if not (is_number(created_at, last_accessed_at, access_count) and (ttl is None or is_number(ttl))):
        return Skipped("column of the wrong type", place, "a number is none")
    if not is_time(created_at, last_accessed_at) or access_count > MOST_USES:
        return Skipped("number out of range", place, "a time or the count of uses")
    values = metadata_of(metadata)
    if values is None:
        return Skipped("metadata that is no JSON object", place)
    return Found(
        place=place,
        query=query,
        response=response,
        namespace=namespace,
        metadata=values,
        created_at=float(created_at),
        last_accessed_at=float(last_accessed_at),
        ttl=None if ttl is None else float(ttl),
        access_count=max(0, int(access_count)),
        vector=vector if isinstance(vector, bytes) else b"",
        vector_of=text_hash if isinstance(text_hash, str) else "",
    )


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
