"""A store as a cache sees it, with entries that need no embedder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mneme.model import StoredEntry
from mneme.stores.base import (
    BEGINNING,
    BulkStore,
    Change,
    Cursor,
    Delete,
    Identity,
    Put,
    Store,
    Usage,
    text_store,
)
from mneme.stores.rows import stored_of

IDENTITY = Identity("test:contract:v1", 2, "default")


def entry(name: str, response: str = "", namespace: str = "default", **fields: Any) -> StoredEntry:
    """Return an entry whose key is made of `name`, ready to be put."""
    values: dict[str, Any] = {
        "id": 0,
        "namespace": namespace,
        "query_hash": f"{namespace}/{name}".encode().hex(),
        "query": name,
        "response": response or f"answer to {name}",
        "embedding": b"\x00\x00\x80\x3f\x00\x00\x00\x00",
        "metadata": {},
        "created_at": 1_000.25,
        "last_accessed_at": 1_000.25,
        "ttl": None,
        "access_count": 0,
        "partition": namespace.encode(),
    }
    return StoredEntry(**(values | fields))


def loaded(store: BulkStore) -> tuple[list[StoredEntry], Cursor]:
    """Return what a bulk load of a store gives, vectors included, and the cursor it ends with."""
    batches = list(store.load())
    rows = [row for batch, _ in batches for row in batch]
    ids = range(rows[-1][0] + 1) if rows else range(0)
    vectors = {number: vector for batch in store.load_vectors(ids) for number, vector in batch}
    for row in rows:
        assert row[5] == (len(vectors[row[0]]) if row[0] in vectors else None)
    lazy = text_store(store)
    if lazy is not None:
        heads = [head for batch, _ in lazy.load_heads() for head in batch]
        sizes = [len(row[3].encode()) + len(row[4].encode()) for row in rows]
        assert heads == [(*row[:3], None, None, *row[5:], size) for row, size in zip(rows, sizes, strict=True)]
        assert [lazy.text(row[0], row[2]) for row in rows] == [row[3:5] for row in rows]
    return [stored_of(row, vectors.get(row[0], b"")) for row in rows], batches[-1][1]


class Reader:
    """What a cache knows of a store: the entries by key, and the cursor up to which they are right."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.cursor = BEGINNING
        self.entries: dict[str, StoredEntry] = {}

    def apply(self, changes: Sequence[Change]) -> None:
        """Apply changes in order."""
        for change in changes:
            if isinstance(change, Put):
                self.entries[change.entry.query_hash] = change.entry
            elif isinstance(change, Delete):
                self.entries.pop(change.key, None)
            else:
                gone = [key for key, held in self.entries.items() if change.namespace in (None, held.namespace)]
                for key in gone:
                    del self.entries[key]

    def pull(self) -> dict[str, str]:
        """Catch up; return query -> response."""
        for changes, cursor in self.store.pull(self.cursor):
            self.apply(changes)
            self.cursor = cursor
        return self.answers()

    def write(self, *changes: Change, usage: Usage | None = None) -> Sequence[int]:
        """Write, applying first what others wrote; return the numbers of `changes`."""
        foreign, numbers, self.cursor = self.store.write(changes, self.cursor, usage)
        self.apply(foreign)
        for number, change in zip(numbers, changes, strict=True):
            self.apply([Put(replace(change.entry, id=number)) if isinstance(change, Put) else change])
        return numbers

    def answers(self) -> dict[str, str]:
        """Return query -> response, as far as it was read."""
        return {held.query: held.response for held in self.entries.values()}
