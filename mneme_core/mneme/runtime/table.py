"""The entries of a cache, resident: what an exact hit reads, and in which order entries leave."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from sys import getsizeof

from mneme.engine import eviction
from mneme.runtime.labels import Label, Labels
from mneme.runtime.record import Record, Whole

# Where a record has them.
_ID, _NAMESPACE, _KEY, _METADATA, _TEXT_BYTES = map(itemgetter, (0, 1, 2, 6, 13))
_UNTOUCHED = (0.0, 0)
# Measured with Python 3.11: a record with its key, id, times and sizes; and a use that the store does not have yet.
RECORD_BYTES, USE_BYTES = 360, 150


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
        self.text_bytes = 0
        """What the texts of all entries take in UTF-8, wherever they are."""
        self._metadata_bytes = 0
        self._came: Callable[[Whole], None] | None = None
        self._left: Callable[[Record], None] | None = None
        self._labels = Labels()
        self._quotas = dict(quotas)
        self._limits: dict[str | None, int] = dict(quotas.items())
        if max_entries is not None:
            self._limits[None] = max_entries
        self._recency: dict[str | None, OrderedDict[bytes, None]] = {scope: OrderedDict() for scope in self._limits}

    def _scope(self, namespace: str) -> str | None:
        return namespace if namespace in self._quotas else None

    @property
    def memory_bytes(self) -> int:
        """What the records take without their texts."""
        tables = (self.by_key, self.by_id, self.touched, *self._recency.values())
        own = RECORD_BYTES * len(self.by_id) + USE_BYTES * len(self.touched)
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
        self.counts[record.namespace] = self.counts.get(record.namespace, 0) + 1
        order = self._recency.get(self._scope(record.namespace))
        if order is not None:
            order[record.key] = None
        self.text_bytes += record.text_bytes
        self._metadata_bytes += len(record.metadata or "")
        if self._came is not None:
            self._came(record)
        return old

    def swap(self, record: Record, other: Record) -> None:
        """Put the same record with or without its texts in its place, if it is still there."""
        if self.by_id.get(record.id) is record:
            self.by_id[record.id] = self.by_key[record.key] = other
            if self._came is not None and isinstance(other, Whole):
                self._came(other)

    def load(self, records: Sequence[Record]) -> None:
        """Add records whose keys are all new."""
        self.by_key.update(zip(map(_KEY, records), records, strict=True))
        self.by_id.update(zip(map(_ID, records), records, strict=True))
        self.text_bytes += sum(map(_TEXT_BYTES, records))
        self._metadata_bytes += sum(map(len, filter(None, map(_METADATA, records))))
        for namespace, number in Counter(map(_NAMESPACE, records)).items():
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
        self._labels.remove(record)
        left = self.counts[record.namespace] - 1
        if left:
            self.counts[record.namespace] = left
        else:
            del self.counts[record.namespace]
        order = self._recency.get(self._scope(record.namespace))
        if order is not None:
            del order[key]
        self.text_bytes -= record.text_bytes
        self._metadata_bytes -= len(record.metadata or "")
        if self._left is not None:
            self._left(record)
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
