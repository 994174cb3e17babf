"""What a cache must change where others wrote between its own changes, which it has applied already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mneme.stores.base import Change, Clear, Delete, Put
from mneme.stores.deferred.numbers import numbered
from mneme.stores.deferred.queue import Queue, covers


class Step(NamedTuple):
    """Changes that follow one another in the store's log."""

    foreign: Sequence[Change]
    own: Queue | None = None
    """What this cache wrote, or will write, behind them."""


def corrections(steps: Iterable[Step]) -> list[Change]:
    """Return what brings a cache, which has applied its own changes of these steps alone, to where all of them lead."""
    latest: dict[str, Put | None] = {}
    touched: set[str] = set()
    clears: list[Change] = []
    for step in steps:
        for change in step.foreign:
            if isinstance(change, Clear):
                clears.append(change)
                touched.update(_clear(change, latest))
            else:
                key = change.entry.query_hash if isinstance(change, Put) else change.key
                touched.add(key)
                latest[key] = change if isinstance(change, Put) else None
        if step.own is None:
            continue
        for removal in step.own.removals:
            if isinstance(removal, Clear):
                _clear(removal, latest)
            else:
                _delete(removal, latest)
        for key, (number, put) in step.own.puts.items():
            latest[key] = numbered(put, number)
            if any(isinstance(clear, Clear) and covers(clear, put) for clear in clears):
                touched.add(key)
    settled = ((key, latest[key]) for key in latest if key in touched)
    return [*clears, *(Delete(key) if put is None else put for key, put in settled)]


def _clear(clear: Clear, latest: dict[str, Put | None]) -> list[str]:
    gone = [key for key, put in latest.items() if put is not None and covers(clear, put)]
    latest.update(dict.fromkeys(gone))
    return gone


def _delete(removal: Delete, latest: dict[str, Put | None]) -> None:
    """Note a removal of a key that is known; one of a certain version does not touch another's."""
    held = latest.get(removal.key)
    if held is not None and removal.id in (None, held.entry.id):
        latest[removal.key] = None
