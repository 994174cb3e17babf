"""The entries of a cache, resident: what an exact hit reads, and in which order entries leave."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from operator import itemgetter

from mneme.engine import eviction
from mneme.engine.spending import Worth, worth_of
from mneme.runtime.labels import Label, Labels
from mneme.runtime.record import Record
from mneme.stores.base import EntryRow

# Where an EntryRow has them.
_ID, _NAMESPACE, _KEY = itemgetter(0), itemgetter(1), itemgetter(2)
_UNTOUCHED = (0.0, 0)
# Of so many entries that were hit it is remembered what a hit saves.
WORTHS_KEPT = 100_000


def records_of(rows: Iterable[EntryRow]) -> list[Record]:
    """Return rows as records; not one by one through `Record._make`, which takes three times as long."""
    return list(map(partial(tuple.__new__, Record), rows))


class Table:
    """Records by key and by id, counted by namespace, in order of use where a limit needs one.

    A namespace with a quota is ruled by that alone; all others share `max_entries`.
    """

    def __init__(self, max_entries: int | None, quotas: Mapping[str, int]) -> None:
        self.lock = threading.Lock()
        self.by_key: dict[bytes, Record] = {}
        self.by_id: dict[int, Record] = {}
        self.counts: dict[str, int] = {}
        self.touched: dict[int, tuple[float, int]] = {}
        """Id -> (last access, accesses) that the store does not have yet."""
        self.worths: dict[int, Worth] = {}
        """Id -> what a hit saves, of entries that were hit."""
        self._labels = Labels()
        self._quotas = dict(quotas)
        self._limits: dict[str | None, int] = dict(quotas.items())
        if max_entries is not None:
            self._limits[None] = max_entries
        self._recency: dict[str | None, OrderedDict[bytes, None]] = {scope: OrderedDict() for scope in self._limits}

    def _scope(self, namespace: str) -> str | None:
        return namespace if namespace in self._quotas else None

    def put(self, record: Record) -> Record | None:
        """Add a record; return the one it replaces."""
        old = self.remove(record.key)
        self.by_key[record.key] = record
        self.by_id[record.id] = record
        self._labels.add(record)
        self.counts[record.namespace] = self.counts.get(record.namespace, 0) + 1
        order = self._recency.get(self._scope(record.namespace))
        if order is not None:
            order[record.key] = None
        return old

    def load(self, rows: Sequence[EntryRow]) -> None:
        """Add entries whose keys are all new."""
        records = records_of(rows)
        self.by_key.update(zip(map(_KEY, rows), records, strict=True))
        self.by_id.update(zip(map(_ID, rows), records, strict=True))
        for namespace, number in Counter(map(_NAMESPACE, rows)).items():
            self.counts[namespace] = self.counts.get(namespace, 0) + number
        self._labels.load(records)
        if self._recency:
            for record in records:
                order = self._recency.get(self._scope(record.namespace))
                if order is not None:
                    order[record.key] = None

    def remove(self, key: bytes, id: int | None = None) -> Record | None:
        """Remove a record, where `id` is given only if it is that version; return it."""
        record = self.by_key.get(key)
        if record is None or (id is not None and record.id != id):
            return None
        del self.by_key[key]
        del self.by_id[record.id]
        self.worths.pop(record.id, None)
        self._labels.remove(record)
        left = self.counts[record.namespace] - 1
        if left:
            self.counts[record.namespace] = left
        else:
            del self.counts[record.namespace]
        order = self._recency.get(self._scope(record.namespace))
        if order is not None:
            del order[key]
        return record

    def trim(self, number: int) -> None:
        """Forget the records that came first, so that `number` are left; the store keeps their entries."""
        for key in list(islice(self.by_key, max(0, len(self.by_key) - number))):
            self.remove(key)

    def touch(self, record: Record, now: float) -> None:
        """Note a use of the record."""
        _, uses = self.touched.get(record.id, _UNTOUCHED)
        self.touched[record.id] = (now, uses + 1)
        if self._recency:
            order = self._recency.get(self._scope(record.namespace))
            if order is not None and record.key in order:
                order.move_to_end(record.key)

    def worth(self, record: Record) -> Worth:
        """Return what a hit of the record saves."""
        return self.worths.get(record.id) or self.weigh(record)

    def weigh(self, record: Record) -> Worth:
        """Return what a hit of the record saves, and remember it."""
        if len(self.worths) >= WORTHS_KEPT:
            self.worths.clear()
        worth = self.worths[record.id] = worth_of(record.compute_seconds, record.metadata)
        return worth

    def sort_recency(self) -> None:
        """Put the order of use in that of the records' last accesses, after loading."""
        for order in self._recency.values():
            for key in sorted(order, key=lambda key: self.by_key[key].last_accessed_at):
                order.move_to_end(key)

    def leaving(self, namespace: str) -> list[Record]:
        """Return the least recently used records that must leave after a put into `namespace`."""
        scope = self._scope(namespace)
        order = self._recency.get(scope)
        if order is None:
            return []
        number = eviction.overflow(len(order), self._limits[scope])
        return [self.by_key[key] for key, _ in zip(order, range(number), strict=False)]

    def of(self, namespace: str | None) -> list[Record]:
        """Return the records of a namespace, or all."""
        return [record for record in self.by_key.values() if namespace in (None, record.namespace)]

    def labelled(self, labels: Iterable[Label]) -> list[Record]:
        """Return the records that carry one of these labels, in the order in which they came."""
        return [self.by_id[number] for number in sorted(self._labels.of(labels, self.by_key.values()))]

    def take_accesses(self) -> dict[int, tuple[float, int]]:
        """Return id -> (last access, accesses) not yet written, and count them as written."""
        accesses, self.touched = self.touched, {}
        return accesses

    def give_back(self, accesses: Mapping[int, tuple[float, int]]) -> None:
        """Count accesses as not yet written, after a write that failed."""
        for number, (last, uses) in accesses.items():
            if number in self.by_id:
                since, more = self.touched.get(number, _UNTOUCHED)
                self.touched[number] = (max(last, since), uses + more)
