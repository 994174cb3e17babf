"""Text to reading, in one pass."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from mneme.engine.guard.fronting import straight
from mneme.engine.guard.inflection import stem
from mneme.engine.guard.payload import payload_of
from mneme.engine.guard.phrases import phrase_at, phrases
from mneme.engine.guard.reading import SOMEONE, Reading
from mneme.engine.guard.spelling import is_short, spelt_out
from mneme.engine.guard.syntax import settle
from mneme.engine.guard.tokens import Token, is_code, tokens_of
from mneme.engine.guard.walk import Walk
from mneme.engine.guard.words import FILLERS

MAX_CHARS: Final = 4_096
MAX_WORDS: Final = 256
"""A text over either is not compared in detail: it passes only where it is the same text."""


@lru_cache(maxsize=2_048)
def read(text: str) -> Reading:
    """Return the reading of `text`. Linear in its length; the result is shared: do not change it."""
    if len(text) > MAX_CHARS:
        return Reading(is_readable=False)
    items = _spelt(text)
    sequence = tuple([item.norm for item in items if item.norm])
    reading = Reading(
        sequence=sequence,
        stems=tuple(map(stem, sequence)),
        payload=payload_of(text),
        is_code=is_code(text),
        is_possessive="'" in text or "’" in text,
    )
    if len(items) > MAX_WORDS:
        reading.is_readable = False
        return reading
    if items and items[-1].norm == "simply":
        items[-1] = items[-1]._replace(norm="plainly")
    phrased = _phrased(straight([item for item in items if item.norm not in FILLERS]), reading)
    reading.phrased = [item.norm for item in phrased]
    Walk(reading).over(phrased)
    settle(reading, ends_in_have=bool(phrased) and _last_word(phrased) in ("have", "has", "got"))
    return reading


def _last_word(items: list[Token]) -> str:
    return next((item.norm for item in reversed(items) if item.shape == "word"), "")


def _spelt(text: str) -> list[Token]:
    tokens: list[Token] = []
    for token in tokens_of(text):
        if token.shape == "word" and is_short(token.norm):
            tokens += [Token(word, token.raw, "word") for word in spelt_out(token.norm)]
        else:
            tokens.append(token)
    return tokens


# Not you: could you explain how it works.
_ACTORS: Final = {"i": "i", "someone": SOMEONE}


def _phrased(items: list[Token], reading: Reading) -> list[Token]:
    """Return the tokens with phrases replaced by what they mean, the longest first; note their tense and asker."""
    words = [
        "" if item.shape == "boundary" else item.raw.lower() if item.shape == "number" else item.norm for item in items
    ]
    words.append("")
    root = phrases()
    phrased: list[Token] = []
    at, is_first = 0, True
    while at < len(items):
        item = items[at]
        found = phrase_at(root, words, at, is_first=is_first) if words[at] in root.next else None
        if found is None:
            phrased.append(item)
            is_first = item.shape == "boundary"
            at += 1
            continue
        size, meaning = found
        raw = item.raw if size == 1 else " ".join(dict.fromkeys(part.raw for part in items[at : at + size]))
        phrased += [Token(word, raw, "word") for word in meaning.words]
        reading.tenses |= meaning.tenses
        reading.asker = reading.asker or meaning.asker
        reading.actor = reading.actor or _ACTORS.get(meaning.asker, "")
        at += size
        is_first = is_first and not meaning.words
    return phrased
