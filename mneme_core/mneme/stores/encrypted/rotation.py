"""Which keys a store needs, and how it comes to need others.

The store notes the mark of every key that sealed something of it, as the name of a counter: what every store has, in
the transaction of the entries themselves. Every write that seals notes it anew. So `reseal`, which takes away what was
noted before it read the entries, leaves the mark of a key that another process sealed with meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from secrets import randbelow

from mneme.errors import MnemeError
from mneme.model import StoredEntry
from mneme.stores.base import KEY_MARKS, BulkStore, Change, Cursor, Delete, Put, Store, Usage
from mneme.stores.encrypted.keys import Key
from mneme.stores.encrypted.opening import Opener
from mneme.stores.encrypted.sealing import sealed_changes

# Entries resealed as one transaction, during which others wait.
BATCH = 500
# Times that the entries are gone through, while other processes go on sealing with the keys that are to go.
ROUNDS = 3
# What a write notes is a random number: taken away twice, by two that reseal at once, the rest is not 0, and the key
# counts as needed, which one more `reseal` mends.
NOTES = 2**24


def marks(store: Store) -> dict[str, int]:
    """Return the marks of the keys that a store needs, with their counts."""
    return {name: count for (space, name), count in store.counters().items() if space == KEY_MARKS and count}


def noting(usage: Usage | None, needed: Iterable[str]) -> Usage | None:
    """Return `usage` with a note that the keys of these marks are needed."""
    notes = {(KEY_MARKS, mark): 1 + randbelow(NOTES) for mark in needed}
    if not notes:
        return usage
    return Usage({}, notes) if usage is None else Usage(usage.accesses, {**usage.counters, **notes})


def reseal(store: Store, opener: Opener) -> int:
    """Seal with the current key all that was sealed with others; return how many entries."""
    current, done = opener.ring.current, 0
    others = opener.ring.others(current)
    for _ in range(ROUNDS):
        before = marks(store)
        count, cursor = _reseal_all(store, opener, current, others)
        done += count
        spent = {(KEY_MARKS, key.mark): -before[key.mark] for key in others if key.mark in before}
        noted = noting(Usage({}, spent), () if current.mark in before else [current.mark])
        if noted is not None and noted.counters:
            store.write((), cursor, noted)
        if marks(store).keys().isdisjoint(key.mark for key in others):
            break
    return done


def _reseal_all(store: Store, opener: Opener, current: Key, others: Sequence[Key]) -> tuple[int, Cursor]:
    """Go once through the entries that there are; return how many were sealed anew, and how far the store was read."""
    position, done, end = 0, 0, 0
    while True:
        stale, cursor = _stale(store, opener, current, position)
        end = end or cursor.sequence
        if not stale or position >= end:
            return done, cursor
        sealed, _ = sealed_changes([Put(entry) for entry in stale.values()], current, others)
        foreign, _, cursor = store.write(sealed, cursor, noting(None, [current.mark]))
        # Another writer came between reading and writing: what it wrote was overwritten, and is written again.
        overwritten = _touched(opener.changes(foreign, store.name), stale)
        if overwritten:
            again, _ = sealed_changes(overwritten, current, others)
            store.write(again, cursor, noting(None, [current.mark]))
        position = max(entry.id for entry in stale.values())
        done += len(stale)


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
