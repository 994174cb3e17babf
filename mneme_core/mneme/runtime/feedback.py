"""What becomes of an answer that a person found wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mneme.engine.reported import WRONG_FOR
from mneme.errors import InvalidArgumentError
from mneme.model import Hit, Outcome
from mneme.runtime.record import Record, Whole
from mneme.runtime.searching import nearest
from mneme.stores.base import Change, Delete, Put
from mneme.stores.rows import stored_of

if TYPE_CHECKING:
    from mneme.runtime.core import Core

# How many entries near a wrong answer are looked at for the same answer under another question.
AROUND = 32
# Questions kept with an entry that its answer was wrong for; the first leave.
MOST_QUESTIONS = 20


def check_hit(hit: Any) -> None:
    """Raise InvalidArgumentError for what is no hit."""
    if isinstance(hit, Hit):
        return
    given = "None: there was no hit to report" if hit is None else f"of type {type(hit).__name__}"
    hint = " Give outcome.hit, which is None where the value was computed." if isinstance(hit, Outcome) else ""
    raise InvalidArgumentError(f"hit is {given}; it is what `get` returned, or `outcome.hit`.{hint}")


def note(core: Core, hit: Hit) -> None:
    """Remember that the two questions of a semantic hit are not one."""
    if hit.layer == "semantic":
        record = _held(core, hit)
        core.feedback.add(hit, has_turns=record is not None and bool(record.turns()))


def corrections(core: Core, hit: Hit) -> list[Change]:
    """Return the changes after which the answer of `hit` is not served again where it was wrong.

    An answer to the very question goes. One to another question stays with that question and competes for the others,
    and so does the same answer under questions near it. What the hit seemed to save is taken back.
    """
    record = _whole(core, hit)
    if record is None or record.response != hit.response:  # removed or replaced since
        return []
    changes: list[Change] = [Delete(record.key.hex(), record.id)]
    if hit.layer == "semantic":
        changes = _changes(core, _alike(core, record), lambda questions: _with(core, questions, hit.asked))
    if changes:
        with core.table.lock:
            core.table.uses.take_back(record)
    return changes


def withdrawals(core: Core, hit: Hit) -> list[Change]:
    """Return the changes after which a report of `hit` counts no more, and forget its pair of questions.

    A hit of the entry's own question stands for all that was reported of the entry.
    """
    record = _whole(core, hit)
    if record is None:
        return []
    canonical = core.requests.canonical
    asked, own = canonical(hit.asked), canonical(record.query)
    is_meant: Callable[[str], bool] = lambda question: asked in (own, canonical(question))  # noqa: E731
    for question in {*filter(is_meant, record.wrong_for()), *([hit.asked] if asked != own else [])}:
        core.feedback.withdraw(record.query, question)
    return _changes(core, _alike(core, record), lambda held: tuple(each for each in held if not is_meant(each)))


def _with(core: Core, questions: tuple[str, ...], asked: str) -> tuple[str, ...]:
    canonical = core.requests.canonical
    known = canonical(asked) in map(canonical, questions)
    return questions if known else (*questions, asked)[-MOST_QUESTIONS:]


def _whole(core: Core, hit: Hit) -> Whole | None:
    held = _held(core, hit)
    return None if held is None else core.texts.whole(held)


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


def _changes(
    core: Core, records: Sequence[Whole], change: Callable[[tuple[str, ...]], tuple[str, ...]]
) -> list[Change]:
    """Return what stores records for which another list of questions is to be kept, with their vectors."""
    changed = [(each, change(each.wrong_for())) for each in records]
    changed = [(each, questions) for each, questions in changed if questions != each.wrong_for()]
    vectors = core.store.vectors([each.id for each, _ in changed]) if changed else {}
    return [_put(each, questions, vectors.get(each.id, b"")) for each, questions in changed]


def _put(record: Whole, questions: tuple[str, ...], vector: bytes) -> Put:
    metadata = record.metadata_as_stored()
    metadata.pop(WRONG_FOR, None)
    if questions:
        metadata[WRONG_FOR] = list(questions)
    return Put(replace(stored_of(record[:-1], vector), id=0, metadata=metadata))
