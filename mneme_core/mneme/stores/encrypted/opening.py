"""Opening what an encrypted store holds: what does not open is left out, counted and never served."""

from __future__ import annotations

import logging
import struct
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from mneme.stores.base import Change, Delete, EntryRow, Put
from mneme.stores.encrypted.keys import Keyring, NotHeldError, UnopenedError
from mneme.stores.encrypted.sealing import open_entry, open_removal, open_row, open_vector

_log = logging.getLogger("mneme.store")

# What is wrong with a row that somebody wrote into the store: it does not open, or is not even of the right type.
BROKEN = (UnopenedError, ValueError, TypeError, AttributeError, RecursionError, struct.error)
# Entries that are gone are forgotten when they could be as many as those that are there, and more than this.
SPARE = 10_000


class Opener:
    """Opens entries, and knows by id which nonce each entry's vector is bound to."""

    def __init__(self, ring: Keyring) -> None:
        self.ring = ring
        self.missed_at: int | None = None
        """What `ring.learnt` was when the first entry was met whose key was not held."""
        self._nonces: dict[int, bytes] = {}
        self._room = SPARE
        self._lock = threading.Lock()

    def after_fork(self) -> None:
        """Replace the lock, which another thread may have held."""
        self._lock = threading.Lock()

    def changes(self, sealed: Iterable[Change], store: str) -> list[Change]:
        """Return changes as they were meant. An entry that does not open takes the one it replaced away."""
        opened: list[Change] = []
        failed = 0
        for change in sealed:
            if isinstance(change, Put):
                put, whole = self._put(change)
                failed += not whole
                opened += put
            else:
                try:
                    opened.append(open_removal(self.ring, change))
                except BROKEN:
                    continue  # of an entry that was never opened here
        warn(failed, store)
        return opened

    def _put(self, change: Put) -> tuple[list[Change], bool]:
        """Return what an entry's change comes to, and whether all of it opened."""
        try:
            entry, head = open_entry(self.ring, change.entry)
        except BROKEN as error:
            self._miss(error)
            try:
                return [open_removal(self.ring, Delete(change.entry.query_hash))], False
            except BROKEN:
                return [], False
        self.remember(entry.id, head.nonce)
        if not change.entry.embedding:
            return [Put(entry)], True
        vector = self._vector(head.nonce, change.entry.embedding)
        return [Put(replace(entry, embedding=vector or b""))], vector is not None

    def _miss(self, error: Exception) -> None:
        if isinstance(error, NotHeldError) and self.missed_at is None:
            self.missed_at = error.learnt

    @property
    def can_open_more(self) -> bool:
        """Whether keys came since an entry was met whose key was not held."""
        return self.missed_at is not None and self.missed_at < self.ring.learnt

    def rows(self, sealed: Sequence[EntryRow]) -> list[EntryRow]:
        """Return the rows that open."""
        opened: list[EntryRow] = []
        for row in sealed:
            try:
                plain, head = open_row(self.ring, row)
            except BROKEN as error:
                self._miss(error)
                continue
            self.remember(row[0], head.nonce)
            opened.append(plain)
        return opened

    def vectors(self, sealed: Iterable[tuple[int, bytes]], store: str) -> Iterator[tuple[int, bytes]]:
        """Yield the vectors that open, of entries that did."""
        failed = 0
        for number, vector in sealed:
            nonce = self._nonces.get(number)
            opened = nonce and self._vector(nonce, vector)
            if opened:
                yield number, opened
            failed += nonce is not None and not opened
        warn(failed, store, "vectors of entries")

    def _vector(self, nonce: bytes, sealed: bytes) -> bytes | None:
        try:
            return open_vector(self.ring, nonce, sealed)
        except BROKEN:
            return None

    def remember(self, number: int, nonce: bytes) -> None:
        """Note the nonce of an entry's head."""
        with self._lock:
            self._nonces[number] = nonce

    @property
    def is_full(self) -> bool:
        """Whether it is time to `keep` those that are there alone."""
        return len(self._nonces) > self._room

    def keep(self, present: set[int], until: int) -> None:
        """Forget entries up to the id `until` that are not present."""
        with self._lock:
            self._nonces = {at: nonce for at, nonce in self._nonces.items() if at > until or at in present}
            self._room = 2 * len(self._nonces) + SPARE


def warn(failed: int, store: str, what: str = "entries") -> None:
    """Log how many of what was read did not open; nothing of it."""
    if failed:
        _log.warning(
            "%d %s of the store %r do not open: changed since they were encrypted, or encrypted with a key that is not "
            "given. They are left where they are and are not served",
            failed,
            what,
            store,
        )
