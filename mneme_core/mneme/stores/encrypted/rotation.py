"""Which keys a store needs, and how it comes to need others.

The store notes the mark of every key that sealed something of it, as the name of a counter: what every store has, in
the transaction of the entries themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from mneme.errors import MnemeError
from mneme.model import StoredEntry
from mneme.stores.base import BulkStore, Change, Cursor, Delete, Put, Store, Usage
from mneme.stores.encrypted.keys import Key
from mneme.stores.encrypted.opening import Opener
from mneme.stores.encrypted.sealing import sealed_changes

# The namespace of these counters; no caller's, as it begins with a control character.
SPACE = "\x01mneme: keys"
# Entries resealed as one transaction, during which others wait.
BATCH = 500


def marks(store: Store) -> dict[str, int]:
    """Return the marks of the keys that a store needs, with their counts."""
    return {name: count for (space, name), count in store.counters().items() if space == SPACE and count > 0}


def reseal(store: Store, opener: Opener) -> int:
    """Seal with the current key all that was sealed with others; return how many entries."""
    current, position, done = opener.ring.current, 0, 0
    others = opener.ring.others(current)
    while True:
        stale, cursor = _stale(store, opener, current, position)
        if not stale:
            break
        sealed, _ = sealed_changes([Put(entry) for entry in stale.values()], current, others)
        foreign, _, cursor = store.write(sealed, cursor)
        # Another writer came between reading and writing: what it wrote was overwritten, and is written again.
        overwritten = _touched(opener.changes(foreign, store.name), stale)
        if overwritten:
            store.write(sealed_changes(overwritten, current, others)[0], cursor)
        position = max(entry.id for entry in stale.values())
        done += len(stale)
    _note(store, current, others, cursor)
    return done


def _stale(store: Store, opener: Opener, current: Key, position: int) -> tuple[dict[str, StoredEntry], Cursor]:
    """Return the first entries behind `position` that another key sealed, by key, and how far the store was read."""
    cursor = Cursor(0, 0)
    stale: dict[str, StoredEntry] = {}
    for changes, cursor in store.pull(Cursor(position, 0)):  # noqa: B007  # the last one is wanted
        others = [
            change
            for change in changes
            if isinstance(change, Put) and not change.entry.partition.startswith(current.id) and len(stale) < BATCH
        ]
        for change in opener.changes(others, store.name):
            if isinstance(change, Put):
                stale[change.entry.query_hash] = change.entry
    return stale, cursor


def _touched(changes: Iterable[Change], stale: dict[str, StoredEntry]) -> list[Change]:
    """Return the last of these changes for each key of `stale` that has one."""
    last: dict[str, Change] = {}
    for change in changes:
        if isinstance(change, Put):
            last[change.entry.query_hash] = change
        elif isinstance(change, Delete):
            last[change.key] = replace(change, id=None)
        else:
            last |= {key: Delete(key) for key, entry in stale.items() if change.namespace in (None, entry.namespace)}
    return [change for key, change in last.items() if key in stale]


def _note(store: Store, current: Key, others: Sequence[Key], cursor: Cursor) -> None:
    """Note that of the keys held the current one alone is needed."""
    found = marks(store)
    counters = {(SPACE, key.mark): -found[key.mark] for key in others if key.mark in found}
    if current.mark not in found:
        counters[SPACE, current.mark] = 1
    if counters:
        store.write((), cursor, Usage({}, counters))


def forget(store: Store, opener: Opener) -> None:
    """Let the opener forget entries that are gone; where the store cannot be read, another time."""
    present: set[int] = set()
    with suppress(MnemeError):
        if isinstance(store, BulkStore):
            for rows, _ in store.load():
                present.update(row[0] for row in rows)
        else:
            for changes, _ in store.pull(Cursor(0, 0)):
                present.update(change.entry.id for change in changes if isinstance(change, Put))
        opener.keep(present, max(present, default=0))
