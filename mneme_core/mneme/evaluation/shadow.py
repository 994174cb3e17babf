"""A policy on trial: it serves nothing by meaning, and finds out what that would have been worth."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from os import PathLike
from typing import NamedTuple

from mneme.engine.judge import Policy
from mneme.errors import InvalidArgumentError
from mneme.model import Candidate, Neighbour, Verdict
from mneme.runtime.pairs import append_row

_log = logging.getLogger("mneme.shadow")

Agree = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """What a policy would have done so far."""

    searches: int
    """Lookups that found no equal request and were compared by meaning."""
    would_serve: int
    """Of them, those the policy would have answered."""
    agreed: int
    """Of those, the ones whose fresh answer agreed with the one that would have been served."""
    differed: int
    """The ones whose fresh answer differed."""

    @property
    def hit_rate(self) -> float:
        """The part of the searches that would have been served; 0 where there were none."""
        return self.would_serve / self.searches if self.searches else 0.0

    @property
    def error_rate(self) -> float:
        """The part of the compared answers that differed; 0 where none were compared."""
        compared = self.agreed + self.differed
        return self.differed / compared if compared else 0.0

    def __str__(self) -> str:
        compared = self.agreed + self.differed
        low, high = wilson(self.differed, compared)
        error = f"{self.error_rate:.1%} [{low:.1%}, {high:.1%}]" if compared else "unknown"
        return (
            f"{self.searches:,} searches by meaning, {self.would_serve:,} would have been served "
            f"({self.hit_rate:.1%}); of {compared:,} compared with the fresh answer {self.differed:,} differed: {error}"
        )


class _Waiting(NamedTuple):
    query: str
    neighbour: Neighbour
    verdict: Verdict


def equal_answers(a: str, b: str) -> bool:
    """Whether two answers are the same but for letter case, white space and punctuation at the ends of words."""
    return _words(a) == _words(b)


class Shadow:
    """Judges as `inner` does and serves nothing; compares what it would have served with the fresh answer.

    agree: whether two answers say the same, given (would have been served, fresh). By default word for word, so that
    models which word an answer anew each time look worse than they are; give a function that compares meaning. It is
    called in the `put` that follows, so it must be quick; what it raises is logged and counts for nothing.
    path: a JSONL file to which every comparison is added, with questions and answers in clear; mode 0600.
    `mneme calibrate --pairs` reads it; what was asked after similar turns, which it does not know, is left out.
    limit: how many searches may wait for their fresh answer at a time; the oldest are given up.
    """

    def __init__(
        self,
        inner: Policy,
        *,
        agree: Agree = equal_answers,
        path: str | PathLike[str] | None = None,
        limit: int = 10_000,
    ) -> None:
        if not isinstance(inner, Policy):
            raise InvalidArgumentError(
                f"inner is of type {type(inner).__name__}; it has a `floor` and a method `judge`."
            )
        if not callable(agree):
            raise InvalidArgumentError(f"agree is {agree!r}; it is a function of two answers.")
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise InvalidArgumentError(f"limit is {limit!r}; it is a whole number from 1 on.")
        self.inner = inner
        self._agree = agree
        self._path = path
        self._limit = limit
        self._lock = threading.Lock()
        self._waiting: OrderedDict[bytes, _Waiting] = OrderedDict()
        self._searches = self._would_serve = self._agreed = self._differed = 0

    @property
    def floor(self) -> float:
        """The inner policy's."""
        return self.inner.floor

    def judge(self, query: str, neighbour: Neighbour, neighbours: Sequence[Neighbour]) -> Verdict:
        """Judge as the inner policy does."""
        return self.inner.judge(query, neighbour, neighbours)

    def judged(self, key: bytes, query: str, accepted: Candidate | None) -> Candidate | None:
        """Note what would have been served, and serve nothing."""
        with self._lock:
            self._searches += 1
            if accepted is not None:
                self._would_serve += 1
                self._waiting[key] = _Waiting(query, accepted.neighbour, accepted.verdict)
                self._waiting.move_to_end(key)
                if len(self._waiting) > self._limit:
                    self._waiting.popitem(last=False)
        return None

    def answered(self, key: bytes, response: str) -> None:
        """Compare the fresh answer with the one that would have been served, if one would."""
        if not self._waiting:
            return
        with self._lock:
            waiting = self._waiting.pop(key, None)
        if waiting is None:
            return
        try:
            agreed = bool(self._agree(waiting.neighbour.response, response))
        except Exception as error:
            _log.warning("two answers could not be compared: %s", type(error).__name__)
            return
        with self._lock:
            self._agreed += agreed
            self._differed += not agreed
        if self._path is not None and not waiting.neighbour.turns:
            self._write(self._path, waiting, response, agreed)

    def report(self) -> ShadowReport:
        """Return what was found so far."""
        with self._lock:
            return ShadowReport(self._searches, self._would_serve, self._agreed, self._differed)

    def _write(self, path: str | PathLike[str], waiting: _Waiting, response: str, agreed: bool) -> None:
        near = waiting.neighbour
        row = {
            "a": near.query,
            "b": waiting.query,
            "same": agreed,
            "kind": "shadow",
            "similarity": near.similarity,
            "confidence": waiting.verdict.confidence,
            "answer_a": near.response,
            "answer_b": response,
        }
        try:
            append_row(path, row)
        except OSError as error:
            _log.warning("a comparison could not be written to %s: %s", path, error)


def wilson(part: int, whole: int) -> tuple[float, float]:
    """Return the 95 % interval of a rate (Wilson 1927); (0, 1) where the whole is 0."""
    if not whole:
        return 0.0, 1.0
    z = 1.959964
    rate, square = part / whole, z * z
    middle = (rate + square / (2 * whole)) / (1 + square / whole)
    reach = z * sqrt(rate * (1 - rate) / whole + square / (4 * whole * whole)) / (1 + square / whole)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _words(text: str) -> list[str]:
    return [word.strip(".,;:!?\"'()[]*_`") for word in text.casefold().split()]
