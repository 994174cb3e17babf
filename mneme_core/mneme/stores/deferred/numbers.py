"""The numbers that entries are known by before they are written, beside those the store gives them."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from dataclasses import replace

from mneme.stores.base import Change, Put


class Numbers:
    """Numbers of its own for all that came since a store was read; what it had then keeps the store's.

    Kept as runs, [number, the store's number, length]: what is written together is numbered alike.
    """

    def __init__(self) -> None:
        self.last = self.read = 0
        """The newest number, and the newest that is the store's own."""
        self._runs: list[list[int]] = []

    def begin(self, sequence: int) -> None:
        """Count on from the store's last number, after its entries were read."""
        self.last = self.read = max(sequence, 1)  # never that of a reader who has read nothing

    def next(self) -> int:
        """Return a new number."""
        self.last += 1
        return self.last

    def note(self, number: int, stored: int) -> None:
        """Remember which number the store gave to an entry."""
        at = bisect_right(self._runs, number, key=lambda run: run[0])
        if at:
            first, first_stored, length = self._runs[at - 1]
            if (number, stored) == (first + length, first_stored + length):
                self._runs[at - 1][2] += 1
                return
        insort(self._runs, [number, stored, 1])

    def stored(self, number: int) -> int | None:
        """Return the store's number of an entry; None for one that it does not have."""
        if number <= self.read:
            return number
        at = bisect_right(self._runs, number, key=lambda run: run[0])
        if at:
            first, first_stored, length = self._runs[at - 1]
            if number < first + length:
                return first_stored + number - first
        return None

    def ours(self) -> dict[int, int]:
        """Return the store's number -> ours, of all that came since it was read."""
        return {stored + at: number + at for number, stored, length in self._runs for at in range(length)}

    def known(self, stored: int, ours: dict[int, int]) -> int | None:
        """Return under which number an entry of the store is known here; None for one that is not."""
        return ours.get(stored, stored if stored <= self.read else None)

    def numbered(self, changes: Iterable[Change]) -> list[Change]:
        """Return another writer's changes with numbers of our own."""
        return [self._new(change) if isinstance(change, Put) else change for change in changes]

    def _new(self, put: Put) -> Put:
        number = self.next()
        self.note(number, put.entry.id)
        return numbered(put, number)


def numbered(put: Put, number: int) -> Put:
    """Return a put of an entry under a number."""
    return Put(replace(put.entry, id=number))
