"""What a cache holds in memory of its store: entries, vectors and counters, changed in the order of the store's log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter

import numpy as np

from mneme.indexes.base import Index, close_index
from mneme.runtime.counters import Counters
from mneme.runtime.labels import Invalidated
from mneme.runtime.record import Record, Whole
from mneme.runtime.table import Table
from mneme.runtime.unhurried import unhurried
from mneme.stores.base import Change, Clear, Delete, Put, Usage

_NUMBER = itemgetter(0)


class Resident:
    """Applies changes. One thread at a time, but for `retire` and `forget`, which wait for nobody."""

    def __init__(
        self, table: Table, index: Index, counters: Counters, dim: int, invalidated: Invalidated | None = None
    ) -> None:
        self.index = index
        self.unread = range(0)
        """The ids among which are entries whose vectors were not yet read from the store."""
        self._table = table
        self._counters = counters
        self._invalidated = invalidated or Invalidated()
        self.told: Callable[[Change], None] | None = None
        """Told of each change before it is applied."""
        self._dim = dim

    def apply(self, changes: Sequence[tuple[int, Change]]) -> None:
        """Apply changes to the entries, each with its sequence number."""
        if len(changes) == 1:
            [(number, change)] = changes
            if isinstance(change, Put):
                self._put(number, change)
                return
        new: dict[int, Put] = {}
        for number, change in unhurried(changes):
            if self.told is not None:
                self.told(change)
            if isinstance(change, Put):
                record = Whole.of(change.entry, number)
                with self._table.lock:
                    old = self._table.put(record)
                self._unindex(old, new)
                if record.searchable:
                    new[number] = change
            elif isinstance(change, Delete):
                with self._table.lock:
                    old = self._table.remove(bytes.fromhex(change.key), change.id)
                self._unindex(old, new)
            else:
                self._clear(change, new)
        self._add(self.index, new)
        self._unindex_retired({number: put.entry.partition for number, put in new.items()})

    def _put(self, number: int, put: Put) -> None:
        """Apply the one change that most writes are, as `apply` does many."""
        if self.told is not None:
            self.told(put)
        record = Whole.of(put.entry, number)
        with self._table.lock:
            old = self._table.put(record)
        if old is not None:
            self._unindex(old, {})
        if record.vector_bytes:
            self._index_raw(self.index, record.partition, (number,), put.entry.embedding)
            if number not in self._table.by_id:
                self.index.remove(record.partition, number)

    def load(self, records: Sequence[Record]) -> None:
        """Add records whose keys are all new, by ascending id: what a store holds when it is opened.

        Their vectors are still to be read.
        """
        with self._table.lock:
            self._table.load(records)
        if records:
            self.unread = range(self.unread.start, records[-1].id + 1)

    def load_vectors(self, batch: Sequence[tuple[int, bytes]]) -> None:
        """Put the next vectors that were not yet read into the index; other threads may remove entries meanwhile."""
        records = list(map(self._table.by_id.get, map(_NUMBER, batch)))
        partitions = {record.partition for record in records if record is not None}
        if len(partitions) == 1 and None not in records:
            groups = {partitions.pop(): list(batch)}
        else:
            groups = {partition: [] for partition in partitions}
            for record, pair in zip(records, batch, strict=True):
                if record is not None:
                    groups[record.partition].append(pair)
        for partition, members in groups.items():
            numbers = list(map(_NUMBER, members))
            self._index_raw(self.index, partition, numbers, b"".join([vector for _, vector in members]))
            self._unindex_retired(dict.fromkeys(numbers, partition))
        self.unread = range(batch[-1][0] + 1, self.unread.stop)

    def vectors_read(self) -> None:
        """Note that the index has the vectors of all that was stored."""
        self.unread = range(0)
        filled = getattr(self.index, "filled", None)
        if filled is not None:
            filled()

    def apply_foreign(self, changes: Sequence[Change]) -> None:
        """Apply what other writers changed: their entries are numbered, and their clearing drops counters here too."""
        gone = cleared(changes)
        self.apply([*map(_settled, changes)])
        self.drop_counters(gone)
        for namespace in gone:
            self._invalidated.note_cleared(namespace)

    def drop_counters(self, namespaces: Iterable[str | None]) -> None:
        """Forget the counters of these namespaces; None stands for all."""
        with self._table.lock:
            self._table.uses.settle()
            for namespace in namespaces:
                self._counters.drop(namespace)

    def retire(self, records: Sequence[Record]) -> list[Record]:
        """Remove records; return those that were still there."""
        if self.told is not None:
            for record in records:
                self.told(Delete(record.key.hex()))
        with self._table.lock:
            gone = [record for record in records if self._table.remove(record.key, record.id) is not None]
        self.unindex(gone)
        return gone

    def unindex(self, gone: Iterable[Record]) -> None:
        """Remove the vectors of records that the table no longer has."""
        for record in gone:
            self._unindex(record, {})

    def forget(self, namespace: str | None) -> None:
        """Remove a namespace, or all, with its counters."""
        self._invalidated.note_cleared(namespace)
        if self.told is not None:
            self.told(Clear(namespace))
        self._clear(Clear(namespace), {})
        self.drop_counters([namespace])

    def replace_index(self, index: Index, batches: Iterable[Sequence[Change]]) -> None:
        """Use another index, after filling it with the vectors of the entries that are here."""
        added: dict[int, bytes] = {}
        for changes in batches:
            puts = [change for change in changes if isinstance(change, Put) and change.entry.embedding]
            new = {put.entry.id: put for put in puts if put.entry.id in self._table.by_id}
            self._add(index, new)
            added |= {number: put.entry.partition for number, put in new.items()}
        replaced, self.index = self.index, index
        self._unindex_retired(added)
        close_index(replaced)
        self.vectors_read()

    def take_usage(self, most: int | None = None) -> Usage:
        """Return the accesses and counts that the store does not have, as taken; the oldest `most` accesses."""
        with self._table.lock:
            return Usage(self._table.uses.take(most), self._counters.take())

    def take_counts(self) -> Usage:
        """Return the counts that the store does not have, as taken; accesses, which may be many, are left."""
        with self._table.lock:
            self._table.uses.settle()
            return Usage({}, self._counters.take())

    def give_back(self, usage: Usage) -> None:
        """Keep what was taken for the next time."""
        with self._table.lock:
            self._table.uses.give_back(usage.accesses)
            self._counters.give_back(usage.counters)

    def _clear(self, change: Clear, new: dict[int, Put]) -> None:
        with self._table.lock:
            gone = self._table.of(change.namespace)
            for record in gone:
                self._table.remove(record.key)
        for record in gone:
            new.pop(record.id, None)
        for partition in {record.partition for record in gone}:
            self.index.drop(partition)

    def _unindex(self, record: Record | None, new: dict[int, Put]) -> None:
        if record is not None and record.searchable and new.pop(record.id, None) is None:
            self.index.remove(record.partition, record.id)

    def _add(self, index: Index, new: Mapping[int, Put]) -> None:
        groups: dict[bytes, list[int]] = {}
        for number, put in new.items():
            groups.setdefault(put.entry.partition, []).append(number)
        for partition, ids in groups.items():
            self._index_raw(index, partition, ids, b"".join([new[number].entry.embedding for number in ids]))

    def _index_raw(self, index: Index, partition: bytes, ids: Sequence[int], embeddings: bytes) -> None:
        index.add_many(partition, ids, np.frombuffer(embeddings, np.float32).reshape(len(ids), self._dim))

    def _unindex_retired(self, added: Mapping[int, bytes]) -> None:
        """Take out of the index what was retired after it came into the table and before it came in there."""
        for number, partition in added.items():
            if number not in self._table.by_id:
                self.index.remove(partition, number)


def _settled(change: Change) -> tuple[int, Change]:
    """Return another writer's change with its number, a removal without its condition.

    The store has found it true; of the version it speaks of, this reader may have seen only an older one.
    """
    if isinstance(change, Delete):
        return 0, Delete(change.key)
    return change.entry.id if isinstance(change, Put) else 0, change


def cleared(changes: Iterable[Change]) -> set[str | None]:
    """Return the namespaces that these changes clear; None stands for all."""
    return {change.namespace for change in changes if isinstance(change, Clear)}


def without(usage: Usage, namespaces: set[str | None]) -> Usage:
    """Return `usage` without the counters of these namespaces."""
    if not namespaces:
        return usage
    kept = {name: amount for name, amount in usage.counters.items() if namespaces.isdisjoint((None, name[0]))}
    return Usage(usage.accesses, kept)
