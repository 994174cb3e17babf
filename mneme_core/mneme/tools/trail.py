"""What a cache decided in the past, read from the file of an AuditTrail and those it became when it was full."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final

from mneme.errors import InvalidArgumentError
from mneme.observe.decisions import AFTER_A_MISS, DECIDED
from mneme.tools.backwards import Files

# The end of the year 9998: what lies beyond is no time.
LATEST: Final = 253_370_764_800
TOLD: Final = tuple(outcome for outcome in DECIDED if outcome not in AFTER_A_MISS)
"""The outcomes that are told of a call, each once."""
TEXTS: Final = ("query", "matched")


@dataclass(frozen=True, slots=True)
class Sought:
    """Which decisions are meant: those for which all holds that is given."""

    text: str | None = None
    """In what was asked or in the entry's question, whatever the case; or the beginning of a key of either."""
    namespace: str | None = None
    outcomes: tuple[str, ...] = ()
    since: float | None = None
    """Seconds since the epoch."""
    until: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", None if self.text is None else self.text.casefold())

    def has(self, decision: dict[str, Any]) -> bool:
        """Return whether a decision is one of them."""
        return (
            (self.namespace is None or decision.get("namespace") == self.namespace)
            and (not self.outcomes or decision["outcome"] in self.outcomes)
            and (self.since is None or decision["time"] >= self.since)
            and (self.until is None or decision["time"] <= self.until)
            and (self.text is None or self._is_about(decision, self.text))
        )

    def _is_about(self, decision: dict[str, Any], text: str) -> bool:
        return any(text in str(decision.get(name, "")).casefold() for name in TEXTS) or any(
            str(decision.get(name, "")).startswith(text) for name in ("key", "entry")
        )


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in a trail."""

    decisions: list[dict[str, Any]]
    """The newest of those that were sought, in order of time: the fields of `mneme.observe.Decision` that are known."""
    number: int
    """All that were sought."""
    read: int
    unreadable: int
    """Lines that are no decision: torn, or of another file."""


def read_trail(path: str | PathLike[str], sought: Sought, *, limit: int) -> Found:
    """Return the newest `limit` decisions that are sought, of the trail `path` with path.1, path.2 … before it.

    What came of a miss (`computed`, `shared`) is told of the same call and left out.
    Raises OSError for a file that cannot be read, InvalidArgumentError for one without a decision.
    """
    kept: deque[dict[str, Any]] = deque(maxlen=limit)
    number = read = unreadable = 0
    for line in _lines(Path(path)):
        decision = decision_of(line)
        if decision is None:
            unreadable += 1
            continue
        read += 1
        if decision["outcome"] not in AFTER_A_MISS and sought.has(decision):
            number += 1
            kept.append(decision)
    if unreadable and not read:
        raise InvalidArgumentError(f"{path} holds no decision; give the file that an AuditTrail writes.")
    return Found(list(kept), number, read, unreadable)


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines that are not empty, the oldest file first."""
    with Files(path) as opened:
        for file in reversed(opened.files.values()):
            yield from filter(bytes.strip, file)


def decision_of(line: bytes) -> dict[str, Any] | None:
    """Return the decision of a line; None for what is none."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not isinstance(value.get("outcome"), str):
        return None
    when = value.get("time")
    return value if isinstance(when, int | float) and 0 <= when < LATEST else None
