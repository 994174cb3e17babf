"""How much of two texts is word for word the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from mneme.engine.guard.inflection import stem
from mneme.engine.guard.words import ARTICLES, AUXILIARIES, BE, GENERIC, LIGHT, PERSONS

# Hand-written traps change a word or two and leave the rest as it was; see benchmarks/fit_judge.py.
_MOST_OVERLAP: Final = 0.6
_LEAST_CHANGED: Final = 3
# "How do I …" and "What is the best way to …" before one clause make no other sentence of it.
_MOST_KERNEL: Final = 0.7


class Surface(NamedTuple):
    """What two texts have in common as they are written."""

    overlap: float
    """Words in common, in the same order, in both texts, by all their words: 1 where they are the same, 0 to 1."""
    changed: int
    """How many words of the shorter text the other has not, or has elsewhere."""
    kernel: float = 0.0
    """The overlap of what is left of both when ways to ask are folded; 0 where it was not looked for."""

    @property
    def is_worded_anew(self) -> bool:
        """Whether one text is written otherwise than the other, be it only in how it asks."""
        return self.overlap <= _MOST_OVERLAP and self.changed >= _LEAST_CHANGED

    @property
    def is_anew(self) -> bool:
        """Whether one text is no copy of the other with a word changed, but a sentence built anew."""
        return self.is_worded_anew and self.kernel <= _MOST_KERNEL


_UNSPOKEN: Final = LIGHT | ARTICLES | GENERIC | AUXILIARIES | BE | frozenset(PERSONS) | {""}


def kernel_overlap(a: Sequence[str], b: Sequence[str]) -> float:
    """Return the overlap of two texts whose phrases are folded, by the words that carry content."""
    kernels = ([stem(word) for word in words if word not in _UNSPOKEN] for words in (a, b))
    return surface_of(*kernels).overlap


WHOLE: Final = Surface(1.0, 0)


def surface_of(a: Sequence[str], b: Sequence[str]) -> Surface:
    """Compare two texts as sequences of words.

    Longest common subsequence, bit by bit (Hyyrö 2004): linear in the length for texts of a machine word,
    here in words of any size.
    """
    if not (a and b):
        return Surface(0.0, 0)
    places: dict[str, int] = {}
    for at, word in enumerate(a):
        places[word] = places.get(word, 0) | 1 << at
    full = (1 << len(a)) - 1
    row = full
    for word in b:
        found = row & places.get(word, 0)
        row = (row + found | row - found) & full
    common = len(a) - row.bit_count()
    return Surface(2 * common / (len(a) + len(b)), min(len(a), len(b)) - common)
