"""Hits, misses, evictions and expirations of each namespace, what its hits saved, and what was measured of its lookups.

All of it is kept over restarts, in the counters that every store has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mneme.engine.spending import Worth

NAMES: Final = ("hits_exact", "hits_semantic", "misses", "evictions", "expirations", "saved_microseconds")
HITS_EXACT, HITS_SEMANTIC, MISSES, EVICTIONS, EXPIRATIONS, SAVED = range(6)

# Pairs of a namespace and a name, of savings by model and of measurements; what comes later is left out, so that a
# tenant a user costs no more than this.
MOST_TALLIES: Final = 50_000


class Counters:
    """Amounts by namespace: all of them, and what of them the store has. Used under the table's lock."""

    def __init__(self) -> None:
        self._now: dict[str, list[int]] = {}
        self._written: dict[str, list[int]] = {}
        self._tallies: dict[tuple[str, str], int] = {}
        self._new_tallies: dict[tuple[str, str], int] = {}

    def load(self, counters: Mapping[tuple[str, str], int]) -> None:
        """Start from what the store has."""
        self._now.clear()
        self._new_tallies.clear()
        self._tallies = {where: amount for where, amount in counters.items() if where[1] not in NAMES}
        for (namespace, name), amount in counters.items():
            if name in NAMES:
                self.row(namespace)[NAMES.index(name)] = amount
        self._written = {namespace: row.copy() for namespace, row in self._now.items()}

    def row(self, namespace: str) -> list[int]:
        """Return the amounts of a namespace, by the module's numbers, to be added to."""
        row = self._now.get(namespace)
        if row is None:
            row = self._now[namespace] = [0] * len(NAMES)
        return row

    def add(self, namespace: str, which: int, amount: int = 1) -> None:
        """Count; `which` is one of the module's numbers."""
        self.row(namespace)[which] += amount

    def save(self, namespace: str, worth: Worth) -> None:
        """Count what a hit saved."""
        self.row(namespace)[SAVED] += worth.microseconds
        for name, amount in worth.tokens:
            self.tally(namespace, name, amount)

    def take_back(self, namespace: str, worth: Worth) -> None:
        """Count what a hit saved no more, as far as it was counted."""
        row = self.row(namespace)
        row[SAVED] -= min(worth.microseconds, row[SAVED])
        for name, amount in worth.tokens:
            self.tally(namespace, name, -min(amount, self._tallies.get((namespace, name), 0)))

    def tally(self, namespace: str, name: str, amount: int = 1) -> None:
        """Count under a name of one's own."""
        where = (namespace, name)
        held = self._tallies.get(where)
        if held is None:
            if len(self._tallies) >= MOST_TALLIES:
                return
            held = 0
        self._tallies[where] = held + amount
        self._new_tallies[where] = self._new_tallies.get(where, 0) + amount

    def of(self, namespace: str | None) -> dict[str, int]:
        """Return name -> amount of a namespace, or of all together; all but the tallies."""
        rows = self._now.values() if namespace is None else [self._now.get(namespace, [0] * len(NAMES))]
        return dict(zip(NAMES, map(sum, zip(*rows, [0] * len(NAMES), strict=True)), strict=True))

    def tallies(self, namespace: str | None) -> dict[tuple[str, str], int]:
        """Return (namespace, name) -> amount of what is counted under names of its own."""
        return {where: amount for where, amount in self._tallies.items() if namespace in (None, where[0])}

    def drop(self, namespace: str | None) -> None:
        """Forget a namespace, or all."""
        for rows in (self._now, self._written):
            for name in [name for name in rows if namespace in (None, name)]:
                del rows[name]
        for tallies in (self._tallies, self._new_tallies):
            for where in [where for where in tallies if namespace in (None, where[0])]:
                del tallies[where]

    def take(self) -> dict[tuple[str, str], int]:
        """Return what the store does not have yet, and count it as written."""
        taken, self._new_tallies = self._new_tallies, {}
        for namespace, row in self._now.items():
            written = self._written.get(namespace, [0] * len(NAMES))
            for name, now, before in zip(NAMES, row, written, strict=True):
                if now != before:
                    taken[namespace, name] = now - before
            self._written[namespace] = row.copy()
        return taken

    def give_back(self, amounts: Mapping[tuple[str, str], int]) -> None:
        """Count amounts as not yet written, after a write that failed."""
        for (namespace, name), amount in amounts.items():
            if name not in NAMES:
                if (namespace, name) in self._tallies:
                    self._new_tallies[namespace, name] = self._new_tallies.get((namespace, name), 0) + amount
            elif namespace in self._written:
                self._written[namespace][NAMES.index(name)] -= amount
