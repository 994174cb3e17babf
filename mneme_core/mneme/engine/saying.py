"""What the guard found, in sentences for people who do not know its words."""

from __future__ import annotations

from typing import Final

from mneme.engine.guard.difference import Difference, Kind

# What the sides of a difference are, by its kind.
_NOUNS: Final[dict[Kind, str]] = {
    "number": "a number",
    "unit": "a unit",
    "time": "a word of time",
    "name": "a name",
    "identifier": "a code or version",
    "code": "code, which counts to the letter",
    "payload": "the text that is to be worked on",
    "negation": "a negation",
    "polarity": "a word that turns the meaning",
    "comparison": "a comparison",
    "quantifier": "a word of quantity",
    "modality": "what can, should or must be",
    "tense": "past, present or future",
    "question": "what is asked for",
    "order": "who does what to whom, or in which order",
    "person": "who asks, or whose it is",
    "language": "a language",
    "format": "a format",
    "word": "a word that may change the answer",
    "too long": "texts too long to compare word by word",
    "no content word": "no word that says what they are about",
}
# How questions are told apart, where a name of the guard's is no word.
_QUESTIONS: Final = {
    "howto": "how to do it",
    "wayto": "whether there is a way",
    "whatdo": "what to do",
    "yesno": "yes or no",
    "howmany": "how many",
    "howmuch": "how much",
    "howlong": "how long",
    "howoften": "how often",
    "open": "an open request",
}


def sentence(found: Difference) -> str:
    """Return a difference as a sentence; its first side is what was asked, the second what is stored."""
    noun, a, b = _NOUNS[found.kind], _words(found, found.a), _words(found, found.b)
    if not a:
        return f"{noun}: the stored question says {b!r}, the one asked does not"
    if not b:
        return f"{noun}: the question asked says {a!r}, the stored one does not"
    return f"{noun}: asked is {a!r}, stored {b!r}"


def _words(found: Difference, side: str) -> str:
    if found.kind != "question":
        return side
    return " and ".join(_QUESTIONS.get(word, word) for word in side.replace(",", " ").split())
