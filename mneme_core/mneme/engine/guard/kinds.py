"""What kind of difference a word makes that one text has and the other has not."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from mneme.engine.guard.difference import Kind
from mneme.engine.guard.inflection import stem
from mneme.engine.guard.lexicon import is_known
from mneme.engine.guard.reading import Word
from mneme.engine.guard.thesaurus import is_word, parts_of_speech
from mneme.engine.guard.words import (
    COMPARISONS,
    FORMATS,
    LANGUAGES,
    MODALS,
    NEGATIONS,
    PERSONS,
    QUANTIFIERS,
    QUESTIONS,
    REVERSING,
    TIMES,
    UNITS,
    word_set,
)

_POLAR: Final = word_set(
    """enable disable allow forbid accept reject approve increase decrease open close lock up down on off hot cold
    high low buy sell start stop left right true false safe dangerous legal illegal good bad advantage
    disadvantage benefit risk import export upload download install uninstall show hide push pull add remove
    win lose cheap expensive fast slow long short old new public private internal external input output in
    out income expense rent lend borrow encode decode encrypt decrypt mute unmute online offline"""
)
_CLASSES: Final[tuple[tuple[Kind, frozenset[str]], ...]] = (
    ("negation", NEGATIONS),
    ("quantifier", QUANTIFIERS),
    ("comparison", COMPARISONS),
    ("modality", MODALS),
    ("question", QUESTIONS),
    ("time", TIMES),
    ("unit", UNITS),
    ("language", LANGUAGES),
    ("format", FORMATS),
    ("person", frozenset(PERSONS.values())),
    ("polarity", _POLAR | REVERSING),
)
_KIND_OF: Final[dict[str, Kind]] = {
    word: kind for kind, words in reversed(_CLASSES) for written in words for word in (written, stem(written))
}


@lru_cache(maxsize=16_384)
def kind_of(word: str, raw: str, *, opens: bool = False) -> Kind:
    """Return the kind of difference that the stem `word`, written `raw`, makes; opens: at the head of a sentence."""
    if word in _KIND_OF:
        return _KIND_OF[word]
    if any(letter.isdigit() for letter in word):
        return "number" if word.lstrip("#+-").replace(".", "").isdigit() else "identifier"
    if not word.isalpha():
        return "identifier"
    if raw[:1].isupper() and not is_known(word) and not (opens and is_word(word)):
        return "name"
    return "comparison" if is_superlative(word) else "word"


def is_name(word: Word) -> bool:
    """Return whether a word names one person, place or product."""
    return kind_of(word.stem, word.raw, opens=word.opens) in ("name", "identifier")


def is_superlative(word: str) -> bool:
    """Return whether a stem singles out one of many: largest."""
    return (
        len(word) > 5 and word.endswith("est") and parts_of_speech(stem(word[:-3])) + parts_of_speech(word[:-3]) != ""
    )
