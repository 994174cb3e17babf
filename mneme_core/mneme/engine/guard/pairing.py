"""Which words of two texts stand for each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from mneme.engine.guard.lexicon import related
from mneme.engine.guard.reading import Word

Label: TypeAlias = tuple[str, int]
Placed: TypeAlias = tuple[Label, Word]
"""A word and the label it shares with its partner in the other text."""

# Texts with more words unlike than this are different questions; so the pairing stays linear.
_MOST_OPEN: Final = 8


class Pairing(NamedTuple):
    """The words of two texts that have partners, each in its text's order, and those that have none."""

    a: list[Placed]
    b: list[Placed]
    left: list[Word]
    right: list[Word]


def paired(a: Sequence[Word], b: Sequence[Word]) -> Pairing:
    """Pair the words of two texts: equal stems first, in order, then words that may stand for each other."""
    places: dict[str, list[int]] = {}
    for number, word in enumerate(b):
        places.setdefault(word.stem, []).append(number)
    partner: dict[int, int] = {}
    left: list[int] = []
    for number, word in enumerate(a):
        waiting = places.get(word.stem)
        if waiting:
            partner[waiting.pop(0)] = number
        else:
            left.append(number)
    right = [number for number in range(len(b)) if number not in partner]
    unpaired: list[Word] = []
    for number in left:
        is_open = len(left) <= _MOST_OPEN and len(right) <= _MOST_OPEN
        match = next((other for other in right if related(a[number].stem, b[other].stem)), None) if is_open else None
        if match is None:
            unpaired.append(a[number])
        else:
            partner[match] = number
            right.remove(match)
    labels = _labels(a, b, partner)
    placed_b = [(labels[partner[number]], word) for number, word in enumerate(b) if number in partner]
    placed_a = [(labels[number], word) for number, word in enumerate(a) if number in labels]
    return Pairing(placed_a, placed_b, unpaired, [b[number] for number in right])


def _labels(a: Sequence[Word], b: Sequence[Word], partner: dict[int, int]) -> dict[int, Label]:
    return {number: (min(a[number].stem, b[other].stem), number) for other, number in partner.items()}
