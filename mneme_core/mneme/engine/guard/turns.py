"""Whether what was said before makes one question two."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, TypeAlias

from mneme.engine.guard.compare import compare
from mneme.engine.guard.reader import read
from mneme.engine.guard.words import word_set

Turn: TypeAlias = tuple[str, str]
"""(role, text)."""

# Words that point to what was said, or to what one of two conversations is about.
_POINTERS: Final = word_set(
    "it its itself they them their theirs this that these those he him his she her hers one ones there here then "
    "such same other others another else again instead also too either neither both former latter previous above "
    "earlier before first second third last next said mentioned more less further rest so now we us our"
)
_OPENINGS: Final = re.compile(
    r"\s*(and|but|or|so|then|ok|okay|yes|no|what about|how about|what if|why|why not|how so|really|sure|go on|"
    r"continue|explain|elaborate)\b(?!\s+\w+\s+\w+\s+\w+\s+\w+)",
    re.IGNORECASE,
)
# A name, or a number: a capital letter within the sentence, a digit.
_NAME: Final = re.compile(r"(?<=[^.!?\s]\s)(?!I\b)[A-Z]|\d")
# Content words, and one for a name, that a question has which stands by itself.
_LEAST_WORDS: Final = 3


def turns_difference(question: str, here: Sequence[Turn], there: Sequence[Turn]) -> str | None:
    """Return why an answer given after the turns `there` may not do for `question` after `here`; None where it may.

    The user must have said the same, in whatever words: one in seven follow-up questions of TREC CAsT 2020 depends on
    earlier turns without a word that shows it. What the assistant said must be equal where the question points back.
    Never raises; in doubt there is a reason.
    """
    if list(here) == list(there):
        return None
    roles = [list(filter(is_instruction, turns)) for turns in (here, there)]
    if roles[0] != roles[1]:
        return "turns: other instructions"
    told = _apart(*([text for role, text in turns if role == "user"] for turns in (here, there)))
    if told is not None:
        return f"turns: {told}"
    answers = [[" ".join(text.split()) for role, text in turns if role == "assistant"] for turns in (here, there)]
    pointer = None if answers[0] == answers[1] else points_back(question)
    return None if pointer is None else f"turns: other answers before, and the question has {pointer!r}"


def is_instruction(turn: Turn) -> bool:
    """Whether a turn is neither the user's nor the assistant's."""
    return turn[0] not in ("user", "assistant")


def points_back(question: str) -> str | None:
    """Return the word, or the lack of words, by which a question depends on what was said before; None for neither."""
    reading = read(question)
    pointer = next((word for word in reading.sequence if word in _POINTERS), None)
    if pointer is not None:
        return pointer
    if _OPENINGS.match(question):
        return question.split()[0]
    words = [word for word in reading.words if not word.light]
    stands = len(words) + bool(_NAME.search(question)) >= _LEAST_WORDS
    return None if reading.is_readable and stands else f"{len(words)} words of its own"


def _apart(here: Sequence[str], there: Sequence[str]) -> str | None:
    """Return what tells two lists of turns apart, compared one by one."""
    for mine, other in zip(here, there, strict=False):
        found = compare(mine, other).differences
        if found:
            return found[0].reason
    if len(here) != len(there):
        return f"{len(here)} before / {len(there)} before"
    return None
