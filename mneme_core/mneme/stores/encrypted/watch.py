"""When to ask for the keys again: the marks in the store say that they change."""

from __future__ import annotations

import time
from collections.abc import Mapping

from mneme.stores.base import Store
from mneme.stores.encrypted.keys import Keyring
from mneme.stores.encrypted.rotation import marks

# Reading the marks takes this part of the time at most: a server is asked, which may count for many namespaces.
LOOKING_SHARE = 1 / 100
# But they are read after so many seconds.
LONGEST = 5.0


class Watch:
    """Looks at the marks where others changed the store, and asks for the keys when another is in use."""

    def __init__(self, store: Store, ring: Keyring) -> None:
        self._store, self._ring = store, ring
        self.seen: Mapping[str, int] = {}
        """The marks, as they were last read."""
        self._outdated = ""
        """The mark of the key that sealed when the store ceased to need it."""
        self._expects = False
        self._next_look = 0.0

    def begin(self) -> None:
        """Remember the marks: the keys were just asked for."""
        self.seen = marks(self._store)

    def expect(self) -> None:
        """See to it that the next `look` is one: others changed the store."""
        self._expects = True

    @property
    def is_due(self) -> bool:
        """Whether a `look` may bring a key that is missing."""
        if time.monotonic() < self._next_look:
            return False
        return self._expects or (self._is_behind and self._ring.may_ask)

    @property
    def _is_behind(self) -> bool:
        """Whether the store needs keys that are not held, or ceased to need the one that seals."""
        return bool(self._ring.lacks(self.seen)) or self._outdated == self._ring.current.mark

    def look(self, *, changed: bool) -> None:
        """Ask for the keys where that may bring others; changed: whether others changed the store."""
        self._expects = self._expects or changed
        if not (self._expects or self._is_behind) or (began := time.monotonic()) < self._next_look:
            return
        before, self.seen, self._expects = self.seen, marks(self._store), False
        now = time.monotonic()
        self._next_look = now + min(LONGEST, (now - began) / LOOKING_SHARE)
        if self._ring.current.mark in before.keys() - self.seen.keys():
            self._outdated = self._ring.current.mark
        elif self._outdated in self.seen:
            self._outdated = ""
        if self.seen.keys() != before.keys():
            self._ring.ask_again(at_once=True)
        elif self._is_behind or self._others(before) != self._others(self.seen):
            self._ring.ask_again()

    def _others(self, noted: Mapping[str, int]) -> dict[str, int]:
        """Return what was noted of keys but the one that seals: more of it means that somebody seals with them."""
        return {mark: count for mark, count in noted.items() if mark != self._ring.current.mark}
