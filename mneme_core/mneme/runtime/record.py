"""An entry as it is resident: without its vector."""

from __future__ import annotations

import json
from typing import NamedTuple

from mneme.engine.guard.turns import Turn
from mneme.engine.origins import OWN_PREFIX, without_own
from mneme.engine.turns import TURNS
from mneme.model import Metadata, StoredEntry

_OWN_ALONE = f'{{"{OWN_PREFIX}'


class Record(NamedTuple):
    """An entry without its vector: an EntryRow with names."""

    id: int
    namespace: str
    key: bytes
    query: str
    response: str
    vector_bytes: int | None
    metadata: str | None
    """As text: every hit gets metadata of its own, and text is smaller than what it stands for."""
    created_at: float
    last_accessed_at: float
    """When it was stored or loaded; what came since stands in the table."""
    ttl: float | None
    access_count: int
    partition: bytes
    compute_seconds: float | None

    @property
    def searchable(self) -> bool:
        """Whether it has a vector."""
        return bool(self.vector_bytes)

    @classmethod
    def of(cls, entry: StoredEntry, id: int) -> Record:
        """Return the record of an entry under its place in the store's log."""
        return cls(
            id,
            entry.namespace,
            bytes.fromhex(entry.query_hash),
            entry.query,
            entry.response,
            len(entry.embedding),
            json.dumps(entry.metadata) if entry.metadata else None,
            entry.created_at,
            entry.last_accessed_at,
            entry.ttl,
            entry.access_count,
            entry.partition,
            entry.compute_seconds,
        )

    def metadata_copy(self) -> Metadata:
        """Return the metadata as an object of the caller's own."""
        # Mneme's own names come last: where one is the first, there are no others.
        if self.metadata is None or self.metadata.startswith(_OWN_ALONE):
            return {}
        metadata: Metadata = json.loads(self.metadata)
        return without_own(metadata) if OWN_PREFIX in self.metadata else metadata

    def metadata_as_stored(self) -> Metadata:
        """Return the metadata with what Mneme keeps in it."""
        return {} if self.metadata is None else json.loads(self.metadata)

    def turns(self) -> tuple[Turn, ...]:
        """Return what was said before, where it is compared by meaning."""
        if self.metadata is None or TURNS not in self.metadata:
            return ()
        return tuple((role, text) for role, text in json.loads(self.metadata).get(TURNS, ()))
