"""From an entry in bulk to one by itself."""

from __future__ import annotations

import json

from mneme.model import StoredEntry
from mneme.stores.base import EntryRow


def stored_of(row: EntryRow, vector: bytes) -> StoredEntry:
    """Return a row as the entry to store, with that vector; empty leaves it to exact hits."""
    number, namespace, key, query, response, _, metadata, created, accessed, ttl, uses, partition, seconds = row
    held = json.loads(metadata) if metadata else {}
    return StoredEntry(
        number, namespace, key.hex(), query, response, vector, held, created, accessed, ttl, uses, partition, seconds
    )
