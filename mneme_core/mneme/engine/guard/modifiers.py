"""Light adjectives that make a term with the noun behind them: whole life insurance, the available balance."""

from __future__ import annotations

from itertools import groupby
from typing import Final

from mneme.engine.guard.inflection import stem
from mneme.engine.guard.reading import Word
from mneme.engine.guard.words import word_set

# Origin: written for Mneme. Nouns before which an adjective says nothing new; before any other it tells which thing is
# meant. A closed list of what is harmless errs on the side of a miss; one of terms would err on the other.
_PLAIN: Final = """way method process procedure type kind sort form step stage thing part option reason cause meaning
    definition purpose difference example advantage disadvantage benefit symptom sign feature ingredient use role
    effect complication solution duration"""
_IDENTIFYING: Final = "name address location date time number amount age size height weight spelling price answer"
_HELD: Final = """president king queen ceo minister leader owner champion holder captain capital population weather
    employer job version status password situation temperature rate"""
_HARMLESS: Final = {
    **dict.fromkeys(word_set("different various main typical usual common overall easy simple"), _PLAIN),
    **dict.fromkeys(word_set("available possible actual real recommended whole"), _PLAIN),
    **dict.fromkeys(word_set("proper correct exact specific"), f"{_PLAIN} {_IDENTIFYING}"),
    "current": f"{_PLAIN} {_IDENTIFYING} {_HELD}",
    **dict.fromkeys(word_set("total safe fine"), ""),
}
# Of two things it says nothing new: take A and B together.
_TOGETHER: Final = stem("together")
_HARMLESS_BY_STEM: Final = {
    stem(adjective): frozenset(stem(noun) for noun in nouns.split()) for adjective, nouns in _HARMLESS.items()
}


def weighed(words: list[Word]) -> list[Word]:
    """Return the words, with an adjective that makes a term no longer light."""
    if any(word.stem == _TOGETHER for word in words) and not any(word.joined for word in words):
        words = [word._replace(light=False) if word.stem == _TOGETHER else word for word in words]
    if not any(word.light and word.stem in _HARMLESS_BY_STEM for word in words):
        return words
    found: list[Word] = []
    for _, group in groupby(words, key=lambda word: word.run):
        phrase = list(group)
        found += [
            word._replace(light=False) if after and _makes_term(word, phrase[-1].stem) else word
            for word, after in zip(phrase, [*phrase[1:], None], strict=True)
        ]
    return found


def _makes_term(word: Word, noun: str) -> bool:
    raw = word.raw.lower()
    # A whole phrase (is it safe to) has no noun behind it; of the adverbs only safely tells what is asked.
    is_adjective = " " not in raw and (not raw.endswith("ly") or word.stem == "safe")
    return word.light and is_adjective and noun not in _HARMLESS_BY_STEM.get(word.stem, {noun})
