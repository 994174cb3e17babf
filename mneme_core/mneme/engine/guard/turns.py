"""Whether what was said before makes one question two."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, TypeAlias

from mneme.engine.guard.kinds import is_name, kind_of
from mneme.engine.guard.reader import read
from mneme.engine.guard.reading import Reading, Word
from mneme.engine.guard.tasks import compare
from mneme.engine.guard.tokens import holds_code
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
# Questions that one name can make complete. Not how to do it, what to do, or yes and no: they leave open for what.
_FACTUAL: Final = word_set("who what when where why howmany howmuch howlong")
_GOVERNING: Final = frozenset(("", "of"))


def turns_difference(question: str, here: Sequence[Turn], there: Sequence[Turn]) -> str | None:
    """Return why an answer given after the turns `there` may not do for `question` after `here`; None where it may.

    The user must have said the same, in whatever words: one in seven follow-up questions of TREC CAsT 2020 depends on
    earlier turns without a word that shows it. What the assistant said must be equal, letter by letter, unless the
    question names its subject. Turns of other roles must be equal and stand in the same places; code must be equal.
    Never raises; in doubt there is a reason.
    """
    if list(here) == list(there):
        return None
    if shape_of(here) != shape_of(there):
        return "turns: other instructions, or in other places"
    told = _apart(*([text for role, text in turns if role == "user"] for turns in (here, there)))
    if told is not None:
        return f"turns: {told}"
    answers = [[text for role, text in turns if role == "assistant"] for turns in (here, there)]
    pointer = None if answers[0] == answers[1] else points_back(question)
    return None if pointer is None else f"turns: other answers before, and the question has {pointer!r}"


def shape_of(turns: Sequence[Turn]) -> list[list[str]]:
    """Return the roles of turns in order, with the text of those that are neither the user's nor the assistant's."""
    return [[role, text if is_instruction((role, text)) else ""] for role, text in turns]


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
    return None if _names_subject(question, reading) else "no subject of its own"


def _names_subject(question: str, reading: Reading) -> bool:
    """Return whether a question is complete by a name in it: what is the capital of France, who founded NASA.

    It speaks of nothing but a name and one word about it. "The maximum dose for adults in Spain" has a name, and still
    leaves open of what.
    """
    if not reading.is_readable or reading.persons or not reading.asks <= _FACTUAL:
        return False
    names = [word for word in reading.words if _is_named(word)]
    if not names or len(reading.words) - len(names) > 1 or any(word.head not in _GOVERNING for word in reading.words):
        return False
    written = [*question.split(), "", ""]
    articles = (at for at, word in enumerate(written) if word.lower() == "the")
    return all(_is_proper(written[at + 1]) or written[at + 2].lower() == "of" for at in articles)


def _is_named(word: Word) -> bool:
    is_capital = word.raw[:1].isupper() and not word.opens
    return is_name(word) or (is_capital and kind_of(word.stem, word.raw) not in ("language", "time", "format"))


def _is_proper(word: str) -> bool:
    """Return whether `the` may stand before it though it is a name: the Eiffel Tower, not the PDF."""
    return word[:1].isupper() and not word.isupper()


def _apart(here: Sequence[str], there: Sequence[str]) -> str | None:
    """Return what tells two lists of as many turns apart, compared one by one."""
    for mine, other in zip(here, there, strict=True):
        if mine != other and (holds_code(mine) or holds_code(other)):
            return f"code: {mine[:40]} / {other[:40]}"
        found = compare(mine, other).differences
        if found:
            return found[0].reason
    return None
