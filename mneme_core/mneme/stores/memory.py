"""A store that lives and dies with the process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from operator import attrgetter

from mneme.errors import (
    EmbedderDimensionError,
    EmbedderMismatchError,
    EncryptionError,
    InvalidArgumentError,
    StoreBackendError,
)
from mneme.model import StoredEntry, stored_entry_of
from mneme.stores.base import REMOVALS_KEPT, Change, Clear, Cursor, Delete, Identity, Put, Usage

# Measured with Python 3.11: an entry with its key as text and its places in two tables.
ENTRY_BYTES = 560

_BUT_ID = attrgetter(*(field.name for field in fields(StoredEntry)[1:]))


class MemoryStore:
    """Keeps entries in a dict; several caches of one process may share it.

    max_entries: a new key beyond it raises StoreBackendError ("capacity"); None is unlimited. To evict instead,
    give `max_entries` to the cache.
    """

    name = "memory"
    blocking = False
    durabilities = ("normal", "full", "deferred")
    schema_version = 0

    def __init__(self, *, max_entries: int | None = None) -> None:
        count = isinstance(max_entries, int) and not isinstance(max_entries, bool) and max_entries >= 0
        if max_entries is not None and not count:
            raise InvalidArgumentError(f"max_entries is {max_entries!r}; it is a number from 0 on, or None.")
        self.max_entries = max_entries
        self._lock = threading.Lock()
        self._identity: Identity | None = None
        self._sequence = 0
        self._entries: dict[int, StoredEntry] = {}  # by sequence number, ascending
        self._ids: dict[str, int] = {}
        self._vector_bytes = 0
        self._removals: list[tuple[int, Change]] = []
        self._forgotten = 0
        self._counters: dict[tuple[str, str], int] = {}
        self._leases: dict[str, tuple[str, float]] = {}

    def open(self, identity: Identity) -> None:
        """Bind the store to an embedder, or check that it is bound to this one."""
        if self._identity is None:
            self._identity = identity
        check_identity(self._identity, identity, "this MemoryStore")

    @property
    def memory_bytes(self) -> int:
        """What the entries take beside the texts, which a cache over this store shares."""
        with self._lock:
            return ENTRY_BYTES * len(self._entries) + self._vector_bytes

    def identity(self) -> Identity | None:
        """Return what the store is bound to; None before it was opened."""
        return self._identity

    def changed(self, cursor: Cursor) -> bool:
        """Compare sequence numbers."""
        return self._sequence != cursor.sequence

    def pull(self, cursor: Cursor) -> Iterator[tuple[Sequence[Change], Cursor]]:
        """Yield all changes since `cursor` as one batch."""
        with self._lock:
            changes, sequence = self._since(cursor.sequence), self._sequence
        yield changes, Cursor(sequence, 0)

    def _since(self, sequence: int) -> list[Change]:
        if sequence == self._sequence:
            return []
        if sequence < self._forgotten:
            return [Clear(None), *map(Put, self._entries.values())]
        newer: list[tuple[int, Change]] = [pair for pair in self._removals if pair[0] > sequence]
        for entry in reversed(self._entries.values()):
            if entry.id <= sequence:
                break
            newer.append((entry.id, Put(entry)))
        return [change for _, change in sorted(newer, key=lambda pair: pair[0])]

    def write(
        self, changes: Sequence[Change], cursor: Cursor, usage: Usage | None = None
    ) -> tuple[Sequence[Change], Sequence[int], Cursor]:
        """Apply `changes`, all or none."""
        with self._lock:
            foreign = self._since(cursor.sequence)
            self._check_capacity(changes)
            numbers = [self._apply(change) for change in changes]
            self._count(usage)
            return foreign, numbers, Cursor(self._sequence, 0)

    def _check_capacity(self, changes: Sequence[Change]) -> None:
        if self.max_entries is None:
            return
        new: dict[str, str] = {}
        gone: set[str] = set()
        for change in changes:
            if isinstance(change, Put):
                key = change.entry.query_hash
                gone.discard(key)
                if key not in self._ids:
                    new[key] = change.entry.namespace
            elif isinstance(change, Delete):
                new.pop(change.key, None)
                if change.key in self._ids and change.id in (None, self._ids[change.key]):
                    gone.add(change.key)
            else:
                gone.update(e.query_hash for e in self._of(change.namespace))
                new = {key: namespace for key, namespace in new.items() if change.namespace not in (None, namespace)}
        if new and len(self._entries) - len(gone) + len(new) > self.max_entries:
            raise StoreBackendError(
                f"the MemoryStore is at its capacity of {self.max_entries} entries. "
                "Give it a larger max_entries, or give max_entries to the cache to evict the least recently used."
            )

    def _of(self, namespace: str | None) -> list[StoredEntry]:
        return [entry for entry in self._entries.values() if namespace in (None, entry.namespace)]

    def _apply(self, change: Change) -> int:
        self._sequence += 1
        if isinstance(change, Put):
            self._remove(change.entry.query_hash)
            self._vector_bytes += len(change.entry.embedding)
            self._entries[self._sequence] = stored_entry_of(self._sequence, *_BUT_ID(change.entry))
            self._ids[change.entry.query_hash] = self._sequence
            return self._sequence
        if isinstance(change, Delete):
            if change.id is not None and self._ids.get(change.key) != change.id:
                change = Delete("")
            self._remove(change.key)
        else:
            for entry in self._of(change.namespace):
                self._remove(entry.query_hash)
            for name in [n for n in self._counters if change.namespace in (None, n[0])]:
                del self._counters[name]
        self._removals.append((self._sequence, change))
        if len(self._removals) > 2 * REMOVALS_KEPT:
            self._forgotten = self._removals[-REMOVALS_KEPT - 1][0]
            self._removals = self._removals[-REMOVALS_KEPT:]
        return self._sequence

    def _remove(self, key: str) -> None:
        number = self._ids.pop(key, None)
        if number is not None:
            self._vector_bytes -= len(self._entries.pop(number).embedding)

    def _count(self, usage: Usage | None) -> None:
        if usage is None:
            return
        for name, amount in usage.counters.items():
            self._counters[name] = self._counters.get(name, 0) + amount
        for number, (last, accesses) in usage.accesses.items():
            entry = self._entries.get(number)
            if entry is not None:
                count = entry.access_count + accesses
                newest = max(last, entry.last_accessed_at)
                self._entries[number] = replace(entry, last_accessed_at=newest, access_count=count)

    def counters(self) -> Mapping[tuple[str, str], int]:
        """Return (namespace, counter) -> value."""
        with self._lock:
            return dict(self._counters)

    def vectors(self, ids: Sequence[int]) -> Mapping[int, bytes]:
        """Return the float32 vectors of these ids."""
        with self._lock:
            found = {number: self._entries[number].embedding for number in ids if number in self._entries}
        return {number: vector for number, vector in found.items() if vector}

    def lease(self, key: str, owner: str, seconds: float) -> bool:
        """Take or prolong a lease, for the caches of this process."""
        now = time.monotonic()
        with self._lock:
            holder, end = self._leases.get(key, ("", 0.0))
            if holder not in ("", owner) and now < end:
                return False
            self._leases[key] = (owner, now + seconds)
            return True

    def release(self, key: str, owner: str) -> None:
        """Give a lease back."""
        with self._lock:
            if self._leases.get(key, ("", 0.0))[0] == owner:
                del self._leases[key]

    def compact(self) -> None:
        """Nothing to give back."""

    def after_fork(self) -> None:
        """Replace the lock, which another thread may have held."""
        self._lock = threading.Lock()

    def close(self) -> None:
        """Keep the entries: a cache opened over this store later finds them."""


def check_identity(bound: Identity, asked: Identity, what: str) -> None:
    """Raise EmbedderMismatchError or EmbedderDimensionError when a store is bound to another embedder.

    EncryptionError when an encrypted one is opened without keys, or one in clear with keys.
    """
    if bound.is_sealed and not asked.is_sealed:
        raise EncryptionError(
            f"{what} is encrypted. Open it with its keys: encryption=, or EncryptedStore(store, keys)."
        )
    if asked.is_sealed and not bound.is_sealed:
        raise EncryptionError(
            f"{what} is not encrypted, and keys were given. It is left as it is: open it without keys, or choose "
            "another place for the encrypted cache."
        )
    bound, asked = bound.unsealed(), asked.unsealed()
    remedy = (
        "Use the embedder it was filled with, open another cache, or, of a file, run `reembed` to build one with the "
        "new embedder."
    )
    if bound.fingerprint != asked.fingerprint:
        raise EmbedderMismatchError(
            f"{what} was filled by the embedder {bound.fingerprint!r}, this one is {asked.fingerprint!r}. {remedy}"
        )
    if bound.dim != asked.dim:
        raise EmbedderDimensionError(
            f"{what} holds vectors of {bound.dim} numbers, this embedder gives {asked.dim}. {remedy}"
        )
