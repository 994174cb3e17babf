"""The reported pairs of a cache, and the file that keeps them."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import Any

from mneme.engine.judge import Policy
from mneme.engine.reported import Corrected, Other, WrongPairs
from mneme.errors import CacheClosedError, MnemeError
from mneme.model import Hit
from mneme.runtime.pairs import append_row, latest, read_noted

_log = logging.getLogger("mneme.cache")

# For which the file is not looked at again: whoever reports waits longer for the next one who asks.
LOOK_SECONDS = 2.0


class Reports:
    """What was reported to this cache, and what stands in its file, which others may add to meanwhile.

    Calibration compares questions alone, so what was asked after similar turns is not written: "how long does it take"
    would be labelled as another question than itself.
    """

    def __init__(self, path: str | PathLike[str] | None, canonical: Callable[[str], str]) -> None:
        self._path = path
        self._canonical = canonical
        self._told = WrongPairs(canonical)
        self._filed = WrongPairs(canonical)
        self._stamp: tuple[int, int] | None = None
        self._due = time.monotonic() + LOOK_SECONDS
        if path is not None and Path(path).exists():
            self._read(path)

    def over(self, policy: Policy, *, is_held: bool) -> Policy:
        """Return `policy`, or one that minds reports. is_held: whether there may be entries that were reported."""
        if is_held or self._told or self._filed:
            return Corrected(policy, self._canonical, self._others)
        return policy

    def _others(self, canonical: str) -> Sequence[Other]:
        return (*self._told.others(canonical), *self._filed.others(canonical))

    def add(self, hit: Hit, *, has_turns: bool) -> None:
        """Remember that an answer was wrong for what was asked; a file that cannot be written is a WARNING."""
        pair = (hit.query, hit.asked)
        if pair in self._told or pair in self._filed:
            return
        # Who reports from outside may not have embedded what was asked.
        similarity = None if math.isnan(hit.similarity) else hit.similarity
        self._told.add(*pair, similarity)
        if not has_turns:
            row: dict[str, Any] = {"a": hit.query, "b": hit.asked, "same": False, "kind": "reported"}
            if self._write(row if similarity is None else {**row, "similarity": similarity}):
                self._filed.add(*pair, similarity)

    def withdraw(self, a: str, b: str) -> None:
        """Forget a pair; the file is told."""
        self._told.discard(a, b)
        if (a, b) in self._filed:
            self._filed.discard(a, b)
            self._write({"a": a, "b": b, "withdrawn": True})

    def _write(self, row: dict[str, Any]) -> bool:
        if self._path is None:
            return False
        try:
            append_row(self._path, row)
        except OSError as error:
            _log.warning("a report could not be written to %s: %s", self._path, error)
            return False
        return True

    def freshen(self, submit: Callable[..., Any]) -> None:
        """Have a thread look whether others added to the file, when it is time."""
        if self._path is not None and time.monotonic() >= self._due:
            self._due = time.monotonic() + LOOK_SECONDS
            with suppress(CacheClosedError):
                submit(self.look)

    def look(self) -> None:
        """Read the file anew where it changed. What was read holds on where it cannot be read."""
        try:
            if self._path is not None and _stamp(self._path) != self._stamp:
                self._read(self._path)
        except FileNotFoundError:
            pass
        except (OSError, MnemeError) as error:
            _log.warning("reports that others added to %s could not be read: %s", self._path, error)

    def _read(self, path: str | PathLike[str]) -> None:
        stamp = _stamp(path)
        known, torn = read_noted(path)
        if torn:
            _log.warning("%s has %d lines that cannot be read; the reports in the others hold", path, torn)
        filed = WrongPairs(self._canonical)
        for pair in latest(known):
            if not pair.same and not (pair.turns_a or pair.turns_b):
                filed.add(pair.a, pair.b, pair.similarity)
        self._filed, self._stamp = filed, stamp


def _stamp(path: str | PathLike[str]) -> tuple[int, int]:
    found = Path(path).stat()
    return found.st_mtime_ns, found.st_size
