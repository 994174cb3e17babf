"""What waits to be written: of each key the last word, which removals and puts of different keys do not disturb."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

from mneme.stores.base import Change, Clear, Delete, Put, Usage

# What an entry takes beside its texts and its vector.
ENTRY_BYTES = 500


@dataclass(slots=True)
class Queue:
    """Changes in the order in which they may be written: all removals, then the puts, one for each key."""

    removals: list[Delete | Clear] = field(default_factory=list)
    puts: dict[str, tuple[int, Put]] = field(default_factory=dict)
    """Key -> the number the entry is known by, and the put."""
    accesses: dict[int, tuple[float, int]] = field(default_factory=dict)
    counters: dict[tuple[str, str], int] = field(default_factory=dict)
    size_bytes: int = 0

    def __bool__(self) -> bool:
        return bool(self.puts or self.removals or self.accesses or self.counters)

    @property
    def number(self) -> int:
        """How many changes wait."""
        return len(self.puts) + len(self.removals)

    def add(self, number: int, change: Change) -> None:
        """Add a change behind all that are here."""
        if isinstance(change, Put):
            self._drop(change.entry.query_hash)
            self.puts[change.entry.query_hash] = number, change
            self.size_bytes += _size(change)
        elif isinstance(change, Delete):
            self._delete(change)
        else:
            for key, (_, put) in list(self.puts.items()):
                if covers(change, put):
                    self._drop(key)
            self.removals.append(change)
            kept = {name: amount for name, amount in self.counters.items() if change.namespace not in (None, name[0])}
            self.counters = kept

    def _delete(self, change: Delete) -> None:
        waiting = self.puts.get(change.key)
        if waiting is None:
            self.removals.append(change)
        elif change.id in (None, waiting[0]):
            self._drop(change.key)
            # The store may have an older one, which the put would have replaced.
            self.removals.append(Delete(change.key))

    def _drop(self, key: str) -> None:
        waiting = self.puts.pop(key, None)
        if waiting is not None:
            self.size_bytes -= _size(waiting[1])

    def count(self, usage: Usage) -> None:
        """Add what reading changed."""
        for number, (last, uses) in usage.accesses.items():
            since, more = self.accesses.get(number, (0.0, 0))
            self.accesses[number] = (max(last, since), uses + more)
        for name, amount in usage.counters.items():
            self.counters[name] = self.counters.get(name, 0) + amount

    def take(self, most: int) -> Queue:
        """Take out the removals, what reading changed, and the first puts."""
        taken = Queue(self.removals, {}, self.accesses, self.counters)
        self.removals, self.accesses, self.counters = [], {}, {}
        for key in list(islice(self.puts, most)):
            taken.puts[key] = self.puts[key]
            taken.size_bytes += _size(self.puts[key][1])
            self._drop(key)
        return taken

    def give_back(self, older: Queue) -> None:
        """Put what could not be written in front, as far as nothing that came since stands in its place."""
        gone = {(change.key, change.id) for change in self.removals if isinstance(change, Delete)}
        clears = [change for change in self.removals if isinstance(change, Clear)]
        kept = {
            key: (number, put)
            for key, (number, put) in older.puts.items()
            if key not in self.puts
            and gone.isdisjoint(((key, None), (key, number)))
            and not any(covers(clear, put) for clear in clears)
        }
        self.puts = {**kept, **self.puts}
        self.size_bytes += sum(_size(put) for _, put in kept.values())
        # What was removed while it was being written: the store may have an older one, as in `_delete`.
        lost = {(key, number) for key, (number, _) in older.puts.items()}
        own = [
            Delete(each.key) if isinstance(each, Delete) and (each.key, each.id) in lost else each
            for each in self.removals
        ]
        self.removals = [*older.removals, *own]
        self.count(Usage(older.accesses, older.counters))

    def written(self, part: Queue) -> None:
        """Take out changes that were written."""
        self.removals = self.removals[len(part.removals) :]
        for key in part.puts:
            self._drop(key)

    def vectors(self, numbers: set[int]) -> Mapping[int, bytes]:
        """Return the vectors of these entries, as far as they wait here."""
        return {number: put.entry.embedding for number, put in self.puts.values() if number in numbers}


def covers(clear: Clear, put: Put) -> bool:
    """Return whether an entry is of those that a Clear removes."""
    return clear.namespace in (None, put.entry.namespace)


def _size(put: Put) -> int:
    entry = put.entry
    return ENTRY_BYTES + len(entry.query) + len(entry.response) + len(entry.embedding)
