"""A trail a page at a time, the newest decisions first, whatever its size."""

from __future__ import annotations

import os
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, Final

from mneme.errors import InvalidArgumentError
from mneme.observe.decisions import AFTER_A_MISS
from mneme.tools.backwards import BLOCK, Files, Place
from mneme.tools.trail import Sought, decision_of

# Of one page, at most: to parse so many takes half a second, and to pass over so many takes as long again.
MOST_PARSED: Final = 100_000
MOST_PASSED: Final = 300_000
# Of those that are passed over one in so many is parsed all the same: its time says when to end.
TIMED: Final = 1_000
# Several processes write to a trail, each what waited with it: its lines are in order of time, but for this.
SLACK_SECONDS: Final = 3_600.0


@dataclass(frozen=True, slots=True)
class TrailPage:
    """A part of a trail."""

    decisions: list[tuple[Place, dict[str, Any]]]
    """The newest first: where each stands, and the fields of `mneme.observe.Decision` that are known."""
    older: Place | None
    """What to go on before; None where nothing older is sought."""
    passed: int
    """Lines that were read."""
    unreadable: int
    """Of those that were parsed."""
    reached: float | None
    """The time of the oldest decision that was parsed; None where there was none."""


def read_page(path: str | PathLike[str], sought: Sought, *, limit: int, before: Place | None = None) -> TrailPage:
    """Return at most `limit` decisions that are sought, the newest before `before`.

    It may be fewer, or none, where many others lie between: then `older` says where to go on.
    Raises OSError for a file that cannot be read, InvalidArgumentError for one without a decision.
    """
    found: list[tuple[Place, dict[str, Any]]] = []
    passed = parsed = unreadable = 0
    reached: float | None = None
    older: Place | None = None
    needles = _needles(sought)
    with Files(Path(path)) as files:
        for place, line in files.back(before or _latest(files, sought.until)):
            passed += 1
            if passed % TIMED == 0 or _may_be(line, needles):
                parsed += 1
                decision = decision_of(line)
                if decision is None:
                    unreadable += 1
                else:
                    when = reached = float(decision["time"])
                    if sought.since is not None and when < sought.since - SLACK_SECONDS:
                        break
                    if decision["outcome"] not in AFTER_A_MISS and sought.has(decision):
                        found.append((place, decision))
            if len(found) == limit or parsed == MOST_PARSED or passed == MOST_PASSED:
                older = None if files.is_first(place) else place
                break
    if unreadable and reached is None and not before:
        raise InvalidArgumentError(f"{path} holds no decision; give the file that an AuditTrail writes.")
    return TrailPage(found, older, passed, unreadable, reached)


def decision_at(path: str | PathLike[str], place: Place) -> dict[str, Any] | None:
    """Return the decision that stands there; None where there is none. Raises OSError."""
    with Files(Path(path)) as files:
        line = files.at(place)
    return None if line is None else decision_of(line)


def _needles(sought: Sought) -> list[bytes]:
    """Return what stands, in small letters, in the line of whatever is sought, unless the line has a backslash."""
    texts = [sought.text, None if sought.namespace is None else sought.namespace.lower()]
    if len(sought.outcomes) == 1:
        texts += sought.outcomes
    return [
        text.encode() for text in texts if text and text.isascii() and text.isprintable() and not {*text} & {*'\\"'}
    ]


def _may_be(line: bytes, needles: list[bytes]) -> bool:
    """Return whether a line has to be parsed: most of those that are not sought can be told before."""
    if not needles or b"\\" in line or not line.isascii():
        return True
    small = line.lower()
    return all(needle in small for needle in needles)


def _latest(files: Files, until: float | None) -> Place | None:
    """Return a place behind all that was decided until then, and not far; None for the end of the trail."""
    if until is None:
        return None
    for number, file in files.files.items():
        first = _next_time(file, 0)
        if first is not None and first <= until + SLACK_SECONDS:
            low, high = 0, file.seek(0, os.SEEK_END)
            while high - low > BLOCK:
                middle = (low + high) // 2
                when = _next_time(file, middle)
                if when is None or when > until + SLACK_SECONDS:
                    high = middle
                else:
                    low = middle
            return Place(number, min(high + BLOCK, file.seek(0, os.SEEK_END)))
    return None


def _next_time(file: BinaryIO, offset: int) -> float | None:
    """Return when the first decision after an offset was made, as far as it lies near."""
    file.seek(offset)
    if offset:
        file.readline(BLOCK)
    for _ in range(10):
        decision = decision_of(file.readline(BLOCK))
        if decision is not None:
            return float(decision["time"])
    return None
