"""Which words of two texts stand for each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, zip_longest
from typing import Final, NamedTuple, TypeAlias

from mneme.engine.guard.beside import related_beside
from mneme.engine.guard.lexicon import related
from mneme.engine.guard.reading import Word

Label: TypeAlias = tuple[str, int]
Placed: TypeAlias = tuple[Label, Word]
"""A word and the label it shares with its partner in the other text."""

# What governs a sentence of its own, and no phrase: if I switch jobs.
_CLAUSES: Final = frozenset(("", "if", "when", "because", "after", "before", "since"))
# Texts with more words unlike than this are different questions; so the pairing stays linear.
_MOST_OPEN: Final = 8


class Pairing(NamedTuple):
    """The words of two texts that have partners, each in its text's order, and those that have none."""

    a: list[Placed]
    b: list[Placed]
    left: list[Word]
    right: list[Word]
    replaced: list[tuple[Word, Word]]
    """Words without a partner that stand in the same place: before, or else after, the same words."""


def paired(a: Sequence[Word], b: Sequence[Word]) -> Pairing:
    """Pair the words of two texts: equal stems first, in order, then words that may stand for each other."""
    a, b = _fused(a, b), _fused(b, a)
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
    alone: list[int] = []
    objects = _objects(a) & _objects(b)
    for number in left:
        is_open = len(left) <= _MOST_OPEN and len(right) <= _MOST_OPEN
        match = _match(a[number].stem, b, right, objects) if is_open else None
        if match is None:
            alone.append(number)
        else:
            partner[match] = number
            right.remove(match)
    labels = _labels(a, b, partner)
    labels_b = {other: labels[number] for other, number in partner.items()}
    return Pairing(
        [(labels[number], word) for number, word in enumerate(a) if number in labels],
        [(labels_b[number], word) for number, word in enumerate(b) if number in labels_b],
        [a[number] for number in alone],
        [b[number] for number in right],
        _replaced(a, b, (alone, right), (labels, labels_b)) if len(alone) <= _MOST_OPEN >= len(right) else [],
    )


def _objects(words: Sequence[Word]) -> set[str]:
    """Return what a text speaks of at its root: the last of the words that stand together, behind no preposition."""
    ends = (word for word, after in zip_longest(words, words[1:]) if after is None or after.run != word.run)
    return {word.stem for word in ends if word.head in _CLAUSES}


def _match(stem: str, b: Sequence[Word], waiting: list[int], objects: set[str]) -> int | None:
    """Return the first of the words waiting in `b` that may stand for a stem."""
    for number in waiting:
        if related(stem, b[number].stem) or related_beside(stem, b[number].stem, objects):
            return number
    return None


def _fused(words: Sequence[Word], others: Sequence[Word]) -> Sequence[Word]:
    """Return the words with two that the other text writes as one as that one: sci-fi, scifi."""
    whole = {word.raw.lower(): word.stem for word in others}
    together = [(word.raw + after.raw).lower() for word, after in pairwise(words)]
    if whole.keys().isdisjoint(together):
        return words
    at = next(at for at, one in enumerate(together) if one in whole)
    one = words[at + 1]._replace(stem=whole[together[at]], raw=together[at])
    return [*words[:at], one, *words[at + 2 :]]


def _replaced(
    a: Sequence[Word],
    b: Sequence[Word],
    alone: tuple[list[int], list[int]],
    labels: tuple[dict[int, Label], dict[int, Label]],
) -> list[tuple[Word, Word]]:
    if not (alone[0] and alone[1]):
        return []
    around_a, around_b = _around(len(a), labels[0]), _around(len(b), labels[1])
    return [
        (a[one], b[other])
        for one in alone[0]
        for other in alone[1]
        if (around_a[one][1] == around_b[other][1] is not None)
        or (around_a[one] == around_b[other] and around_a[one][0] is not None)
    ]


def _around(size: int, labels: dict[int, Label]) -> list[tuple[Label | None, Label | None]]:
    """Return the labels next before and next after each word."""
    before: list[Label | None] = [None] * size
    after: list[Label | None] = [None] * size
    for at in range(1, size):
        before[at] = labels.get(at - 1) or before[at - 1]
    for at in range(size - 2, -1, -1):
        after[at] = labels.get(at + 1) or after[at + 1]
    return list(zip(before, after, strict=True))


def _labels(a: Sequence[Word], b: Sequence[Word], partner: dict[int, int]) -> dict[int, Label]:
    return {number: (min(a[number].stem, b[other].stem), number) for other, number in partner.items()}
