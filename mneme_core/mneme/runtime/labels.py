"""Which entries carry a tag or were made from a source, and what of that was invalidated lately."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from mneme.engine.origins import OWN_PREFIX, SOURCES, TAGS, Origins, origins_in
from mneme.runtime.record import Record

Label: TypeAlias = tuple[str, ...]
"""("tag", name), ("source", name), ("namespace", name) or ("query", canonical text)."""

# Labels whose invalidation is remembered, for computations that began before it.
REMEMBERED = 10_000

_MARKS = (f'"{TAGS}"', f'"{SOURCES}"')


def of_origins(origins: Origins) -> list[Label]:
    """Return the labels of these tags and sources."""
    return [*(("tag", tag) for tag in origins.tags), *(("source", source) for source in origins.sources)]


def of_record(record: Record) -> Sequence[Label]:
    """Return the labels of an entry."""
    text = record.metadata
    if text is None or OWN_PREFIX not in text or not any(mark in text for mark in _MARKS):
        return ()
    metadata = json.loads(text)
    return of_origins(origins_in(metadata))


class Labels:
    """Entries by label, made when first asked for. Used under the table's lock."""

    def __init__(self) -> None:
        self._ids: dict[Label, set[int]] | None = None

    def of(self, labels: Iterable[Label], records: Iterable[Record]) -> set[int]:
        """Return the ids of the entries that carry one of these labels; `records` are all there are."""
        if self._ids is None:
            self._ids = {}
            self.load(records)
        return set().union(*(self._ids.get(label, ()) for label in labels))

    def load(self, records: Iterable[Record]) -> None:
        """Note entries that came."""
        if self._ids is not None:
            for record in records:
                self.add(record)

    def add(self, record: Record) -> None:
        """Note an entry that came."""
        if self._ids is not None:
            for label in of_record(record):
                self._ids.setdefault(label, set()).add(record.id)

    def remove(self, record: Record) -> None:
        """Note an entry that left."""
        if self._ids is None:
            return
        for label in of_record(record):
            held = self._ids.get(label, set())
            held.discard(record.id)
            if not held:
                self._ids.pop(label, None)


class Invalidated:
    """What was invalidated when: an answer that was begun before it must not be stored after it.

    Of this process: what another one invalidates removes entries here, and says nothing of those under way.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0
        self._at: OrderedDict[Label, int] = OrderedDict()
        self._all = 0
        """When everything was invalidated last, as far as is known."""

    def now(self) -> int:
        """Return the moment, to compare with."""
        return self._now

    def note(self, labels: Iterable[Label]) -> None:
        """Note that what carries one of these labels is out of date."""
        with self._lock:
            self._now += 1
            for label in labels:
                self._at[label] = self._now
                self._at.move_to_end(label)
            while len(self._at) > REMEMBERED:
                self._all = max(self._all, self._at.popitem(last=False)[1])

    def note_cleared(self, namespace: str | None) -> None:
        """Note that a namespace was cleared, or everything."""
        if namespace is None:
            self.note_all()
        else:
            self.note([("namespace", namespace)])

    def note_all(self) -> None:
        """Note that everything is out of date."""
        with self._lock:
            self._now += 1
            self._all = self._now

    def after_fork(self) -> None:
        """Replace the lock, which another thread may have held."""
        self._lock = threading.Lock()

    def last(self, labels: Iterable[Label]) -> int:
        """Return when something with one of these labels was invalidated last, as far as is known."""
        return max([self._all, *(self._at.get(label, 0) for label in labels)])

    def since(self, moment: int, labels: Iterable[Label]) -> bool:
        """Return whether something with one of these labels was invalidated after `moment`."""
        return self.last(labels) > moment
