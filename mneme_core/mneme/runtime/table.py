"""The entries of a cache, resident: what an exact hit reads, and which entries leave."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from operator import attrgetter, itemgetter
from sys import getsizeof

from mneme.runtime.counters import Counters
from mneme.runtime.labels import Label, Labels
from mneme.runtime.limits import Limits, evictable
from mneme.runtime.record import Record, Whole
from mneme.runtime.uses import Uses
from mneme.stores import forks
from mneme.stores.locks import attempt

# Where a record has them.
_ID, _NAMESPACE, _KEY, _METADATA, _TEXT_BYTES = map(itemgetter, (0, 1, 2, 6, 13))
# Measured with Python 3.11: a record with its key, id, times and sizes.
RECORD_BYTES = 360
# And its place in the order of a limit: some 100 bytes, and 350 where the cost decides.
PLACE_BYTES = 150
# Ids looked at while the lock is held: a third of a millisecond.
BATCH = 2_048
# Numbers to an id from which on it is cheaper to list the ids than to try the numbers.
SPARSE = 16


class Table:
    """Records by key and by id, counted by namespace, and told to the limits that they count against."""

    def __init__(self, limits: Limits, counters: Counters) -> None:
        self.lock = threading.Lock()
        self.by_key: dict[bytes, Record] = {}
        self.by_id: dict[int, Record] = {}
        self.counts: dict[str, int] = {}
        self.text_bytes = 0
        """What the texts of all entries take in UTF-8, wherever they are."""
        self._metadata_bytes = 0
        self._came: Callable[[Whole], None] | None = None
        self._left: Callable[[Record], None] | None = None
        self.reported: dict[bytes, set[int]] = {}
        """Partition -> the ids of its entries that were reported wrong."""
        self._labels = Labels()
        self._limits = limits
        self.is_limited = bool(limits)
        self.uses = Uses(counters, limits, self.by_id)
        forks.watch(self, forks.MEMORY)

    def before_fork(self) -> None:
        """Let the change end that is being made: a child could not end it."""
        self.lock.acquire()

    def after_fork_on_both_sides(self) -> None:
        """Let everyone in."""
        self.lock.release()

    def settle_if_free(self) -> None:
        """Count the uses that were noted, unless another thread has the lock: whoever notes more tries again."""
        taken: list[bool] = []
        try:
            if attempt(self.lock, taken):
                self.uses.settle()
        finally:
            if taken == [True]:
                self.lock.release()

    @property
    def memory_bytes(self) -> int:
        """What the records take without their texts."""
        tables = (self.by_key, self.by_id, self.uses.accesses)
        own = (RECORD_BYTES + self.is_limited * PLACE_BYTES) * len(self.by_id) + self.uses.memory_bytes
        return own + self._metadata_bytes + sum(map(getsizeof, tables))

    def watch(self, came: Callable[[Whole], None], left: Callable[[Record], None]) -> None:
        """Tell of each record that came with its texts, and of each that left."""
        self._came, self._left = came, left

    def put(self, record: Whole) -> Record | None:
        """Add a record; return the one it replaces."""
        old = self.remove(record.key)
        self.by_key[record.key] = record
        self.by_id[record.id] = record
        self._labels.add(record)
        if record.metadata is not None:
            self._note_reported(record)
        self.counts[record.namespace] = self.counts.get(record.namespace, 0) + 1
        if self.is_limited:
            self._count(record)
        self.text_bytes += record.text_bytes
        self._metadata_bytes += len(record.metadata or "")
        if self._came is not None:
            self._came(record)
        return old

    def _count(self, record: Record) -> None:
        scopes = self._limits.of(record.namespace)
        if scopes:
            told = evictable(record)
            for scope in scopes:
                scope.add(told)

    def swap(self, record: Record, other: Record) -> None:
        """Put the same record with or without its texts in its place, if it is still there."""
        if self.by_id.get(record.id) is record:
            self.by_id[record.id] = self.by_key[record.key] = other
            if self._came is not None and isinstance(other, Whole):
                self._came(other)

    def load(self, records: Sequence[Record]) -> None:
        """Add records whose keys are all new; `rank` follows."""
        self.by_key.update(zip(map(_KEY, records), records, strict=True))
        self.by_id.update(zip(map(_ID, records), records, strict=True))
        self.text_bytes += sum(map(_TEXT_BYTES, records))
        self._metadata_bytes += sum(map(len, filter(None, map(_METADATA, records))))
        for namespace, number in Counter(map(_NAMESPACE, records)).items():
            self.counts[namespace] = self.counts.get(namespace, 0) + number
        self._labels.load(records)
        for record in records:
            if record.metadata is not None:
                self._note_reported(record)

    def _note_reported(self, record: Record) -> None:
        if record.wrong_for():
            self.reported.setdefault(record.partition, set()).add(record.id)

    def remove(self, key: bytes, id: int | None = None) -> Record | None:
        """Remove a record, where `id` is given only if it is that version; return it."""
        self.uses.settle()
        record = self.by_key.get(key)
        if record is None or (id is not None and record.id != id):
            return None
        del self.by_key[key]
        del self.by_id[record.id]
        self.uses.forget(record.id)
        self._labels.remove(record)
        if self.reported:
            self._forget_reported(record)
        left = self.counts[record.namespace] - 1
        if left:
            self.counts[record.namespace] = left
        else:
            del self.counts[record.namespace]
        if self.is_limited:
            try:
                for scope in self._limits.of(record.namespace):
                    scope.remove(key)
            except KeyError:
                self._mend()
        self.text_bytes -= record.text_bytes
        self._metadata_bytes -= len(record.metadata or "")
        if self._left is not None:
            self._left(record)
        return record

    def _forget_reported(self, record: Record) -> None:
        held = self.reported.get(record.partition, set())
        held.discard(record.id)
        if not held:
            self.reported.pop(record.partition, None)

    def trim(self, number: int) -> None:
        """Forget the records that came first, so that `number` are left; the store keeps their entries."""
        for key in list(islice(self.by_key, max(0, len(self.by_key) - number))):
            self.remove(key)

    def rank(self) -> None:
        """Tell the limits of all records, in the order of their last accesses, after loading."""
        if self.is_limited:
            self._limits.reset()
            for record in sorted(self.by_key.values(), key=attrgetter("last_accessed_at")):
                self._count(record)

    def _mend(self) -> None:
        """Count anew, where a signal came between a change of the records and that of what is counted of them."""
        self.counts = dict(Counter(map(_NAMESPACE, self.by_key.values())))
        self.rank()

    def evict(self, namespace: str) -> tuple[list[Record], bool]:
        """Remove some of the records that must leave after a put into `namespace`; return them, and whether more must.

        Not all at once, for others wait meanwhile.
        """
        self.uses.settle()
        scopes, gone = self._limits.of(namespace), list[Record]()
        for scope in scopes:
            for key in scope.leaving():
                record = self.remove(key)
                if record is None:
                    self._mend()
                    return gone, True
                gone.append(record)
        is_due = any(scope.is_due for scope in scopes)
        if not is_due:
            for scope in scopes:
                scope.settle()
        return gone, is_due

    def of(self, namespace: str | None) -> list[Record]:
        """Return the records of a namespace, or all."""
        return [record for record in self.by_key.values() if namespace in (None, record.namespace)]

    def batches(self) -> Iterator[list[Record]]:
        """Yield all records in parts, holding the lock for one at a time; what comes meanwhile may be left out."""
        with self.lock:
            # Places in the store's log, in which records came; where few are left, those there are are listed instead.
            first, last = next(iter(self.by_id), 0), next(reversed(self.by_id), -1)
            ids = range(first, last + 1) if last - first < SPARSE * len(self.by_id) else list(self.by_id)
        for start in range(0, len(ids), BATCH):
            with self.lock:
                found = map(self.by_id.get, ids[start : start + BATCH])
                batch = [record for record in found if record is not None]
            yield batch

    def labelled(self, labels: Iterable[Label]) -> list[Record]:
        """Return the records that carry one of these labels, in the order in which they came."""
        return [self.by_id[number] for number in sorted(self._labels.of(labels, self.by_key.values()))]
