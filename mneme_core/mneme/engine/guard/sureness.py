"""Whether two sentences say the same for sure: where the cosine of the texts they stand in says nothing of them."""

from __future__ import annotations

import re
from typing import Final

from mneme.engine.guard.compare import compare
from mneme.engine.guard.imperatives import is_ordered
from mneme.engine.guard.inflection import is_past, stem
from mneme.engine.guard.reader import read
from mneme.engine.guard.reading import Reading
from mneme.engine.guard.words import (
    ARTICLES,
    AUXILIARIES,
    BE,
    FILLERS,
    FORMATS,
    HEADS,
    LIGHT,
    PERSONS,
    QUESTIONS,
    word_set,
)

_UNSPOKEN: Final = frozenset().union(
    LIGHT, FILLERS, ARTICLES, AUXILIARIES, BE, HEADS, QUESTIONS, PERSONS, word_set("and or way best possible able")
)
_SHADING: Final = (FILLERS - {"please"}) | word_set("quite rather very so any some well now then either even own too")
_FORMATS: Final = frozenset(map(stem, FORMATS))
_UNREAD: Final = re.compile(r"\b(?:[A-Z]|about)\b(?!['’.])")
_SAME_HEAD: Final = {"of": "", "in": "", "into": "to", "using": "with"}


def is_surely_same(a: str, b: str) -> bool:
    """Return whether nothing at all tells two sentences apart, so that no score has to weigh it.

    Every word of content has its partner behind the same preposition, in the same tense; none stands alone however
    light, none is folded away with a phrase, and both ask by the same word.
    """
    found = compare(a, b)
    if found.differences or found.soft:
        return False
    first, second = read(a), read(b)
    return (
        first.asks == second.asks
        and _heads(first) == _heads(second)
        and _several(first) == _several(second)
        and _shades(first) == _shades(second)
        and _keeps_all(first, second)
        and _unread(a) == _unread(b)
        and (not (is_ordered(a) or is_ordered(b)) or _in_order(first) == _in_order(second))
    )


def _unread(text: str) -> list[str]:
    """Return what reads as an article or a preposition and may be more: A to B, a letter about using the notes."""
    found = _UNREAD.findall(text)
    return found if any(word not in ("A", "I") for word in found) else []


def _heads(reading: Reading) -> list[str]:
    return sorted(_SAME_HEAD.get(word.head, word.head) for word in reading.words)


def _shades(reading: Reading) -> tuple[list[str], list[str], list[str]]:
    """Return what is filler in a question and not in an instruction: just the number, translate literally; who owns
    what; and what is past."""
    owners = sorted(reading.persons) if "open" in reading.asks else []
    past = sorted(word.stem for word in reading.words if is_past(word.raw.lower()))
    return sorted(word for word in reading.sequence if word in _SHADING), owners, past


def _several(reading: Reading) -> set[str]:
    """Return the formats asked for in the plural without a number: as lists, not as a list."""
    numbers = [False, *(word.stem.isdigit() for word in reading.words)]
    return {
        word.stem
        for is_counted, word in zip(numbers, reading.words, strict=False)
        if word.stem in _FORMATS and word.raw.lower().endswith("s") and not is_counted
    }


def _keeps_all(first: Reading, second: Reading) -> bool:
    """Return whether no word of content is folded away: all prices and all amounts are both `how much`."""
    return not (_folds(first) or _folds(second)) or _spoken(first) == _spoken(second)


def _folds(reading: Reading) -> bool:
    told = {part for word in reading.words for part in (word.stem, *word.raw.lower().split())}
    return any(word not in told and stem(word) not in told for word in reading.sequence if word not in _UNSPOKEN)


def _spoken(reading: Reading) -> list[str]:
    return [stem(word) for word in reading.sequence if word not in _UNSPOKEN]


def _in_order(reading: Reading) -> tuple[list[str], list[str]]:
    """Return the words in order, and the letters that stand alone: keys a and b."""
    return [word.stem for word in reading.words], [word for word in reading.sequence if len(word) == 1]
