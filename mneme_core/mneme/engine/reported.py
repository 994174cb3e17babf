"""Questions that people found to have different answers, and what must not be served because of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from mneme.engine.judge import Policy
from mneme.model import Neighbour, Verdict

WRONG_FOR: Final = "mneme.wrong_for"
"""The name in an entry's metadata under which the questions are that its answer was wrong for; no caller sees it."""

REPORTED: Final = "reported wrong"
"""How every reason begins for which a report is the cause."""
ALONE: Final = f"{REPORTED} for another question: it serves its own alone"


class Other(NamedTuple):
    """A question that is known to be another one."""

    canonical: str
    question: str
    similarity: float | None
    """Cosine of the two, where it is known."""


class WrongPairs:
    """Pairs of questions, whichever comes first, in canonical text.

    Of one question asked after other turns there is no pair: it would be refused after every turn.
    """

    def __init__(self, canonical: Callable[[str], str]) -> None:
        self._canonical = canonical
        self._others: dict[str, dict[str, Other]] = {}

    def __bool__(self) -> bool:
        return bool(self._others)

    def __contains__(self, pair: tuple[str, str]) -> bool:
        a, b = map(self._canonical, pair)
        return b in self._others.get(a, ())

    def others(self, canonical: str) -> Sequence[Other]:
        """Return the questions that are not this one, which is given in canonical text."""
        return tuple(self._others.get(canonical, {}).values())

    def add(self, a: str, b: str, similarity: float | None = None) -> None:
        """Remember a pair of unlike questions."""
        one, two = self._canonical(a), self._canonical(b)
        if one != two:
            self._others.setdefault(one, {})[two] = Other(two, b, similarity)
            self._others.setdefault(two, {})[one] = Other(one, a, similarity)

    def discard(self, a: str, b: str) -> None:
        """Forget a pair, if it is there."""
        one, two = self._canonical(a), self._canonical(b)
        for question, other in ((one, two), (two, one)):
            held = self._others.get(question, {})
            held.pop(other, None)
            if not held:
                self._others.pop(question, None)


class Corrected:
    """A policy that refuses what was reported, and whatever a reported question would have got as well.

    An entry that was reported serves its own question alone. It goes on competing: where the inner policy would have
    served it, the answer to one of the two questions is meant, and nobody knows which. So nothing is served.

    others: canonical question -> the questions known to be others.
    """

    def __init__(
        self, inner: Policy, canonical: Callable[[str], str], others: Callable[[str], Sequence[Other]]
    ) -> None:
        self._inner = inner
        self._canonical = canonical
        self._others = others

    @property
    def floor(self) -> float:
        """The inner policy's."""
        return self._inner.floor

    def judge(self, query: str, neighbour: Neighbour, neighbours: Sequence[Neighbour]) -> Verdict:
        """Judge as the inner policy does, then refuse what a report forbids."""
        verdict = self._inner.judge(query, neighbour, neighbours)
        if not verdict.accepted:
            return verdict
        reason = self._objection(query, neighbour, neighbours)
        return verdict if reason is None else Verdict(False, verdict.confidence, reason)

    def _objection(self, query: str, neighbour: Neighbour, neighbours: Sequence[Neighbour]) -> str | None:
        asked, stored = self._canonical(query), self._canonical(neighbour.query)
        others = self._others(asked)
        if any(other.canonical == stored for other in others):
            return REPORTED
        if neighbour.wrong_for:
            return ALONE
        rivals = [each for each in neighbours if each.wrong_for]
        others = (*others, *self._others(stored))
        if others:
            found = {self._canonical(each.query): each for each in neighbours}
            rivals += [found.get(other.canonical) or _stand_in(neighbour, other) for other in others]
        for rival in rivals:
            # Alone, so that it is not refused for being one of two.
            if self._inner.judge(query, rival, (rival,)).accepted:
                return f"{REPORTED}: it may as well mean {rival.query!r}"
        return None


def _stand_in(neighbour: Neighbour, other: Other) -> Neighbour:
    """Return a question without an entry as a neighbour: as near as the one it is told from, if it can be."""
    similarity = neighbour.similarity
    if other.similarity is not None:  # of three directions two angles are together at least the third
        apart = math.acos(other.similarity) - math.acos(max(-1.0, min(similarity, 1.0)))
        similarity = min(similarity, math.cos(max(0.0, apart)))
    return replace(neighbour, query=other.question, similarity=similarity)
