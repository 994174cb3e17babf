"""What was served, and is counted later: its accesses, hits and savings, and its place in the order of the limits."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from itertools import islice
from math import isfinite
from typing import TypeAlias

from mneme.engine.measures import latency_counter, similarity_counter
from mneme.engine.spending import Worth, worth_of
from mneme.runtime.counters import HITS_EXACT, HITS_SEMANTIC, Counters
from mneme.runtime.limits import Limits
from mneme.runtime.record import Record

Use: TypeAlias = tuple[Record, float, float | None, float]
"""(record, when it was served, the similarity or None of an exact hit, the seconds it took or 0 where not timed)."""

_UNUSED = (0.0, 0)
# Measured with Python 3.11: a use that the store does not have yet.
USE_BYTES = 150
# Of so many entries that were hit it is remembered what a hit saves.
WORTHS_KEPT = 100_000


class Uses:
    """Counts what was served. Used under the table's lock, but for `noted`.

    A hit takes no lock: it only adds itself to `noted`. Whoever reads what is counted here, or changes what the
    order of the uses decides, settles first.
    """

    def __init__(self, counters: Counters, limits: Limits, by_id: Mapping[int, Record]) -> None:
        self.noted: deque[Use] = deque()
        """Of hits that are not counted yet."""
        self.accesses: dict[int, tuple[float, int]] = {}
        """Id -> (last access, accesses) that the store does not have yet."""
        self._counters = counters
        self._limits = limits
        self._is_limited = bool(limits)
        self._by_id = by_id
        self._worths: dict[int, Worth] = {}

    @property
    def memory_bytes(self) -> int:
        """What the accesses take without their table."""
        return USE_BYTES * len(self.accesses)

    def settle(self) -> None:
        """Count the hits that were noted; those that come meanwhile wait for the next time."""
        noted, accesses, counters = self.noted, self.accesses, self._counters
        for _ in range(len(noted)):
            record, now, similarity, seconds = noted.popleft()
            number, namespace = record.id, record.namespace
            known = accesses.get(number)
            accesses[number] = (now, 1 if known is None else known[1] + 1)
            is_exact = similarity is None
            counters.row(namespace)[HITS_EXACT if is_exact else HITS_SEMANTIC] += 1
            if record.compute_seconds is not None or record.metadata is not None:
                counters.save(namespace, self._worths.get(number) or self._weigh(record))
            if similarity is not None:
                counters.tally(namespace, similarity_counter("accepted", similarity))
            if seconds:
                counters.tally(namespace, latency_counter("exact" if is_exact else "semantic", seconds))
            if self._is_limited and number in self._by_id:
                for scope in self._limits.of(namespace):
                    scope.use(record.key)

    def take_back(self, record: Record) -> None:
        """Count a hit of the record no more among what was saved: its answer was wrong."""
        self.settle()
        self._counters.take_back(record.namespace, worth_of(record.compute_seconds, record.metadata))

    def _weigh(self, record: Record) -> Worth:
        """Return what a hit of the record saves, and remember it."""
        if len(self._worths) >= WORTHS_KEPT:
            self._worths.clear()
        worth = self._worths[record.id] = worth_of(record.compute_seconds, record.metadata)
        return worth

    def forget(self, number: int) -> None:
        """Forget what a hit of an entry saves, which is gone."""
        self._worths.pop(number, None)

    def take(self, most: int | None = None) -> dict[int, tuple[float, int]]:
        """Return id -> (last access, accesses) not yet written, `most` of them, and count them as written."""
        self.settle()
        if most is None or len(self.accesses) <= most:
            taken, self.accesses = self.accesses, {}
        else:
            taken = {number: self.accesses.pop(number) for number in list(islice(self.accesses, most))}
        for number, (last, uses) in taken.items():
            if not isfinite(last):  # from a clock that is wrong: no store takes it, nor what is written with it
                taken[number] = (0.0, uses)
        return taken

    def give_back(self, accesses: Mapping[int, tuple[float, int]]) -> None:
        """Count accesses as not yet written, after a write that failed."""
        for number, (last, uses) in accesses.items():
            if number in self._by_id:
                since, more = self.accesses.get(number, _UNUSED)
                self.accesses[number] = (max(last, since), uses + more)
