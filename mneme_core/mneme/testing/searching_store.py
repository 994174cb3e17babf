"""A store in memory that searches for itself, as a server does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mneme.model import StoredEntry
from mneme.runtime.record import Whole
from mneme.stores.base import Change, Cursor, Delete, EntryRow, Put, Usage
from mneme.stores.memory import MemoryStore

NOTHING_READ = Cursor(0, 0)


class SearchingStore(MemoryStore):
    """Holds everything itself: the caches over it hold what they were asked for lately."""

    searches = True

    def pull(self, cursor: Cursor) -> Iterator[tuple[Sequence[Change], Cursor]]:
        """Name what changed since `cursor`."""
        for changes, reached in super().pull(cursor):
            yield (() if cursor == NOTHING_READ else list(map(_named, changes))), reached._replace(version=1)

    def write(
        self, changes: Sequence[Change], cursor: Cursor, usage: Usage | None = None
    ) -> tuple[Sequence[Change], Sequence[int], Cursor]:
        """Write, and name what others changed."""
        foreign, numbers, reached = super().write(changes, cursor, usage)
        named = () if cursor == NOTHING_READ else list(map(_named, foreign))
        return named, numbers, reached._replace(version=1)

    def find(self, key: str) -> StoredEntry | None:
        """Return the entry of a key."""
        with self._lock:
            number = self._ids.get(key)
            return None if number is None else replace(self._entries[number], embedding=b"")

    def nearest(self, partition: bytes, vector: bytes, k: int, floor: float) -> Sequence[tuple[StoredEntry, float]]:
        """Compare with every vector of the partition."""
        query = np.frombuffer(vector, np.float32)
        with self._lock:
            entries = [each for each in self._entries.values() if each.embedding and each.partition == partition]
        scored = [(each, float(np.frombuffer(each.embedding, np.float32) @ query)) for each in entries]
        scored.sort(key=lambda pair: -pair[1])
        return [(replace(each, embedding=b""), cosine) for each, cosine in scored[:k] if cosine >= floor]

    def sizes(self) -> Mapping[str, int]:
        """Count."""
        with self._lock:
            return Counter(each.namespace for each in self._entries.values())

    def load(self) -> Iterator[tuple[Sequence[EntryRow], Cursor]]:
        """Yield everything as one batch."""
        with self._lock:
            rows, reached = [_row(each) for each in self._entries.values()], Cursor(self._sequence, 0)
        yield rows, reached

    def load_vectors(self, ids: range) -> Iterator[Sequence[tuple[int, bytes]]]:
        """Yield the vectors as one batch."""
        yield list(self.vectors(ids).items())


def _named(change: Change) -> Change:
    return Delete(change.entry.query_hash) if isinstance(change, Put) else change


def _row(entry: StoredEntry) -> EntryRow:
    row: Any = Whole.of(entry, entry.id)._replace(vector_bytes=len(entry.embedding) or None)[:-1]
    checked: EntryRow = row
    return checked
