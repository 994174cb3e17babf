"""Contractions spelt out."""

from __future__ import annotations

from typing import Final

from mneme.engine.guard.misspelt import MISSPELT
from mneme.engine.guard.words import folding, word_set

_WHOLE: Final = folding(
    """can not: can't cannot cant; will not: won't wont; shall not: shan't; let: let's; is not: ain't isnt;
    going to: gonna; want to: wanna; have to: gotta; give me: gimme; you: y'all u; do not: dont;
    does not: doesnt; did not: didnt; i am: im; i have: ive; what is: whats; how is: hows; your: ur;
    please: pls plz; thanks: thx; okay: ok"""
)
_SPELT: Final = {**MISSPELT, **_WHOLE}
_ENDS: Final = {"'re": "are", "'ll": "will", "'ve": "have", "'m": "am", "'d": "would"}
# After these 's is "is"; after any other word it is possession.
_IS: Final = word_set("what who where when how why that it there here he she this which")


def is_short(word: str) -> bool:
    """Return whether a lower-case `word` may stand for others."""
    return "'" in word or word in _SPELT


def spelt_out(word: str) -> list[str]:
    """Return the words that a lower-case `word` is short for; itself where it is not short."""
    if word in _SPELT:
        return _SPELT[word].split()
    if word.endswith("n't"):
        return [word[:-3], "not"]
    if word.endswith("'s"):
        return [word[:-2], "is"] if word[:-2] in _IS else [word[:-2]]
    for end, full in _ENDS.items():
        if word.endswith(end):
            return [word[: -len(end)], full]
    return [word.replace("'", "")]
