"""What becomes of an answer that a person found wrong."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mneme.engine.judge import Policy
from mneme.engine.reported import Corrected, WrongPairs
from mneme.errors import InvalidArgumentError
from mneme.model import Hit, Outcome, StoredEntry
from mneme.runtime.pairs import append_row, latest, read_noted
from mneme.runtime.record import Record, Whole
from mneme.runtime.searching import nearest
from mneme.stores.base import Change, Delete, Put

if TYPE_CHECKING:
    from mneme.runtime.core import Core

_log = logging.getLogger("mneme.cache")

# How many entries near a wrong answer are looked at for the same answer under another question.
AROUND = 32


def check_hit(hit: Any) -> None:
    """Raise InvalidArgumentError for what is no hit."""
    if isinstance(hit, Hit):
        return
    given = "None: there was no hit to report" if hit is None else f"of type {type(hit).__name__}"
    hint = " Give outcome.hit, which is None where the value was computed." if isinstance(hit, Outcome) else ""
    raise InvalidArgumentError(f"hit is {given}; it is what `get` returned, or `outcome.hit`.{hint}")


class Feedback:
    """The reported pairs of a cache; with a path they outlive it, as labelled pairs that calibration reads.

    Calibration compares questions alone, so what was asked after similar turns is not written: "how long does it take"
    would be labelled as another question than itself.
    """

    def __init__(self, path: str | PathLike[str] | None, canonical: Callable[[str], str]) -> None:
        self._path = path
        known, torn = read_noted(path) if path is not None and Path(path).exists() else ([], 0)
        if torn:
            _log.warning("%s has %d lines that cannot be read; the reports in the others hold", path, torn)
        self.wrong = WrongPairs(
            canonical,
            ((pair.a, pair.b) for pair in latest(known) if not pair.same and not (pair.turns_a or pair.turns_b)),
        )

    def over(self, policy: Policy) -> Policy:
        """Return `policy`, or one that refuses reported pairs first."""
        return Corrected(policy, self.wrong) if len(self.wrong) else policy

    def add(self, hit: Hit, *, has_turns: bool) -> None:
        """Remember that an answer was wrong for what was asked; a file that cannot be written is a WARNING."""
        if (hit.query, hit.asked) in self.wrong:
            return
        self.wrong.add(hit.query, hit.asked)
        if self._path is None or has_turns:
            return
        row: dict[str, Any] = {"a": hit.query, "b": hit.asked, "same": False, "kind": "reported"}
        if not math.isnan(hit.similarity):  # who reports from outside may not have embedded what was asked
            row["similarity"] = hit.similarity
        try:
            append_row(self._path, row)
        except OSError as error:
            _log.warning("a report could not be written to %s: %s", self._path, error)


def note(core: Core, hit: Hit) -> None:
    """Remember that the two questions of a semantic hit are not one."""
    if hit.layer == "semantic":
        record = _held(core, hit)
        core.feedback.add(hit, has_turns=record is not None and bool(record.turns()))


def corrections(core: Core, hit: Hit) -> list[Change]:
    """Return the changes after which the answer of `hit` is not served again where it was wrong.

    An answer to the very question goes. One to another question stays with that question, for the exact layer alone,
    and so does the same answer under questions near it.
    """
    held = _held(core, hit)
    record = None if held is None else core.texts.whole(held)
    if record is None or record.response != hit.response:  # removed or replaced since
        return []
    if hit.layer == "exact":
        return [Delete(record.key.hex(), record.id)]
    return [_exact_only(each) for each in _alike(core, record)]


def _held(core: Core, hit: Hit) -> Record | None:
    """Return the record of a hit. A store that searches for itself is asked for what another process served."""
    key = bytes.fromhex(hit.key)
    with core.table.lock:
        record = core.table.by_key.get(key)
    if record is None and core.remote is not None and core.remote.fetch(key):
        with core.table.lock:
            record = core.table.by_key.get(key)
    return record


def _alike(core: Core, record: Whole) -> Sequence[Whole]:
    """Return the record and those near it that have its answer, as far as they can be found by meaning."""
    # What was fetched by its key has a vector that is not known here.
    if not record.searchable and core.remote is None:
        return []
    held = core.store.vectors([record.id]).get(record.id)
    if held is None:
        return [record] if record.searchable else []
    near = nearest(core, record.partition, np.frombuffer(held, np.float32), AROUND, core.policy.floor)
    with core.table.lock:
        around = [core.table.by_id.get(number) for number, _ in near]
    wholes = [core.texts.whole(each) for each in around if each is not None]
    same = [each for each in wholes if each is not None and each.response == record.response]
    return same if record.key in {each.key for each in same} else [record, *same]


def _exact_only(record: Whole) -> Put:
    return Put(
        StoredEntry(
            0,
            record.namespace,
            record.key.hex(),
            record.query,
            record.response,
            b"",
            record.metadata_as_stored(),
            record.created_at,
            record.last_accessed_at,
            record.ttl,
            record.access_count,
            record.partition,
            record.compute_seconds,
        )
    )
