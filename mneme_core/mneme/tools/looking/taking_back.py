"""Telling a cache that an answer of it was wrong, so that it can be taken back."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Final

import numpy as np

from mneme.engine.reported import WRONG_FOR
from mneme.model import StoredEntry
from mneme.runtime.feedback import AROUND
from mneme.stores.base import EntryRow, Put, Store
from mneme.stores.rows import stored_of
from mneme.tools.looking.finding import end_of, row_in
from mneme.tools.looking.opening import reading, rows_of
from mneme.tools.looking.reporting import Reported, report_wrong, unreport
from mneme.tools.looking.several import rows_in

AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class TakenBack:
    """An answer that was reported as wrong, and what is needed to undo that."""

    reported: Reported
    query: str
    """The entry's own question."""
    before: tuple[StoredEntry, ...]
    """What the report changed, as it was."""
    is_noted: bool
    """Whether the feedback file got a line by it."""


def take_back(
    url: str | PathLike[str], key: str, *, question: str | None = None, feedback: str | PathLike[str] | None = None
) -> TakenBack | None:
    """Do what `report_wrong` does, and return what `give_back` undoes; None where there is no such entry.

    Reads every entry, to know what was as it was. Raises as `report_wrong` does.
    """
    with reading(url) as (store, identity):
        found = row_in(store, identity, key)
        if found is None:
            return None
        before = _alike(store, found)
    size = _size(feedback)
    reported = report_wrong(url, found[2].hex(), question=question, feedback=feedback)
    if reported is None:
        return None
    with reading(url) as (store, identity):
        after = rows_in(store, identity, {each.query_hash for each in before})
    changed = tuple(each for each in before if _is_changed(each, after.get(each.query_hash)))
    return TakenBack(reported, found[3], changed, _size(feedback) > size)


def give_back(url: str | PathLike[str], taken: TakenBack, *, feedback: str | PathLike[str] | None = None) -> int:
    """Undo a report: put back what was removed, or let it be served again, as `unreport` does; return how many entries.

    What became another answer since stays that, and what an earlier report said stands. Raises as `report_wrong` does.
    """
    if not taken.before:
        return 0
    if not taken.reported.removed:
        noted = feedback if taken.is_noted else None
        undone = unreport(url, taken.reported.key, question=taken.reported.question, feedback=noted)
        return 0 if undone is None else undone.changed
    with reading(url) as (store, identity):
        now = rows_in(store, identity, {each.query_hash for each in taken.before})
    puts = [Put(each) for each in taken.before if each.query_hash not in now]
    if puts:
        with reading(url, writes=True) as (store, _):
            store.write(puts, end_of(store))
    return len(puts)


def _alike(store: Store, found: EntryRow) -> list[StoredEntry]:
    """Return what a report of this entry may change: it and those nearest to it with its answer, with their vectors."""
    own = store.vectors([found[0]]).get(found[0])
    if own is None:
        return [stored_of(found, b"")]
    rows = {row[0]: row for row in rows_of(store) if row[11] == found[11] and row[4] == found[4] and row[5]}
    near: list[tuple[float, int, bytes]] = []
    ids = list(rows)
    for start in range(0, len(ids), AT_ONCE):
        held = store.vectors(ids[start : start + AT_ONCE])
        near += (
            (float(np.frombuffer(held[id], np.float32) @ np.frombuffer(own, np.float32)), id, held[id]) for id in held
        )
        near = heapq.nlargest(AROUND + 1, near)
    return [stored_of(rows[id], vector) for _, id, vector in near]


def _is_changed(before: StoredEntry, now: EntryRow | None) -> bool:
    return now is None or stored_of(now, b"").metadata.get(WRONG_FOR) != before.metadata.get(WRONG_FOR)


def _size(path: str | PathLike[str] | None) -> int:
    return Path(path).stat().st_size if path is not None and Path(path).exists() else 0
