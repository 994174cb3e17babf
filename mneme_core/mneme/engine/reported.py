"""Pairs of questions whose answers people found wrong for one another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from mneme.engine.judge import Policy
from mneme.model import Neighbour, Verdict

REPORTED: Final = "reported wrong"


class WrongPairs:
    """Pairs of questions, whichever comes first, in canonical text.

    Of one question asked after other turns there is no pair: it would be refused after every turn.
    """

    def __init__(self, canonical: Callable[[str], str], pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._canonical = canonical
        self._pairs: set[frozenset[str]] = set()
        for pair in pairs:
            self.add(*pair)

    def __len__(self) -> int:
        return len(self._pairs)

    def __contains__(self, pair: tuple[str, str]) -> bool:
        return self._pair(*pair) in self._pairs

    def add(self, a: str, b: str) -> None:
        """Remember a pair of unlike questions."""
        pair = self._pair(a, b)
        if len(pair) > 1:
            self._pairs.add(pair)

    def _pair(self, a: str, b: str) -> frozenset[str]:
        return frozenset((self._canonical(a), self._canonical(b)))


class Corrected:
    """A policy that refuses reported pairs and leaves the others to `inner`."""

    def __init__(self, inner: Policy, wrong: WrongPairs) -> None:
        self._inner = inner
        self._wrong = wrong

    @property
    def floor(self) -> float:
        """The inner policy's."""
        return self._inner.floor

    def judge(self, query: str, neighbour: Neighbour, neighbours: Sequence[Neighbour]) -> Verdict:
        """Refuse a reported pair, else judge as the inner policy does."""
        if (query, neighbour.query) in self._wrong:
            return Verdict(False, 0.0, REPORTED)
        return self._inner.judge(query, neighbour, neighbours)
