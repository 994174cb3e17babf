"""Whose a thing is, and who does it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

from mneme.engine.guard.difference import Difference
from mneme.engine.guard.inflection import is_past
from mneme.engine.guard.pairing import Label, Placed
from mneme.engine.guard.reading import SOMEONE, Reading, Word
from mneme.engine.guard.thesaurus import parts_of_speech
from mneme.engine.guard.words import word_set

# Questions that a value answers, or an event: not how to do something, nor why.
_VALUED: Final = word_set("what when where who howmuch howmany howlong howoften yesno")
# Of these *the* may speak of what is so for all: what is the notice period. When the contract ends is never so.
_GENERAL: Final = word_set("what howmuch howmany howlong howoften")
# What one can, should or must do is so for all: how often should I water my cactus, a cactus.
_ADVISING: Final = word_set("can should must")
_PERSONS: Final = frozenset(("i", "you", SOMEONE))
# The phone of my wife is my wife's phone, and so with what is on it; not the phone with my wife.
_OWNING: Final = word_set("of for in on at about from")


def owner_difference(first: Reading, second: Reading, a: Sequence[Placed], b: Sequence[Placed]) -> Iterator[Difference]:
    """Yield the thing of which one text asks in general, the other of the asker's own: what is a PUK, my PUK."""
    is_mine = "i" in first.persons
    if is_mine == ("i" in second.persons) or first.asker or second.asker:
        return
    both = first.asks | second.asks
    words, others = (a, dict(b)) if is_mine else (b, dict(a))
    owned = [(word, others[label]) for label, word in words if word.which == "my"]
    is_deed = both == {"open"} and len(owned) < len(words)  # cancel my contract, cancel the contract
    if not owned or is_deed or not both <= _VALUED | {"open"}:
        return
    if not _ADVISING.isdisjoint((*first.modals, *second.modals)):
        return
    marks = {other.which for _, other in owned}
    is_general = bool(both & _GENERAL) and not all(word.head for word, _ in owned)
    if "this" not in marks and ("the" not in marks or is_general):
        mine = " ".join(["my", *(word.raw for word, _ in owned)])
        other = " ".join(other.raw for _, other in owned)
        yield Difference("person", *((mine, other) if is_mine else (other, mine)), "alike")


def actor_difference(first: Reading, second: Reading, a: Sequence[Placed], b: Sequence[Placed]) -> Iterator[Difference]:
    """Yield who does it in one text and is spoken of in the other, where somebody else does it.

    Does my tenant need my permission; do I need my tenant's permission.
    """
    for ours, theirs in ((first.actor, second.actor), (first.bearer, second.bearer)):
        if not (ours and theirs) or (ours in _PERSONS) == (theirs in _PERSONS):
            continue
        words, named = (b, theirs) if ours in _PERSONS else (a, ours)
        if any(word.joined for _, word in a) or "as" in first.sequence or "as" in second.sequence:  # I, as a beginner
            return
        if any(word.raw.lower() == named for _, word in words) and not (_is_passive(first) or _is_passive(second)):
            yield Difference("order", ours, theirs)


def _is_passive(reading: Reading) -> bool:
    """Return whether something is done to who stands there: can it be sent, am I charged."""
    return (
        reading.has_be
        and any(
            is_past(word.raw.split()[0].lower()) and not (after is not None and after.run == word.run)  # no signed form
            for word, after in zip_longest(reading.words, reading.words[1:])
        )
    )


def have_other_owners(a: Sequence[Placed], b: Sequence[Placed]) -> bool:
    """Return whether what is somebody's in one text is somebody else's in the other, or only done with him.

    My wife's phone is not my phone and with my wife; my son's phone and my bill are not my phone and my son's bill.
    """
    return any(
        any(_is_possessive(word) for _, word in one) and _is_other_owner(one, other) for one, other in ((a, b), (b, a))
    )


def _is_other_owner(a: Sequence[Placed], b: Sequence[Placed]) -> bool:
    place = {label: at for at, (label, _) in enumerate(b)}
    # Use my phone's data on my laptop; use my data on my phone and on my laptop.
    shared = {word.head for label, word in a if word.head == b[place[label]][1].head != "of"}
    for at, (label, _) in enumerate(a):
        owned, there = _owned(a, at), place[label]
        other = b[there][1]
        if owned and _is_possessive(other):
            if owned.isdisjoint(_owned(b, there)):
                return True
        elif owned and other.head not in _OWNING - shared and owned.isdisjoint(_behind(b, there)):
            return True
    return False


def _owned(words: Sequence[Placed], at: int) -> set[Label]:
    """Return what stands behind a possessive in its phrase; nothing where the word at a place is none."""
    behind = _behind(words, at) if _is_possessive(words[at][1]) else set()
    is_thing = any(parts_of_speech(stem)[:1] not in ("a", "r") for stem, _ in behind)
    return behind if is_thing else set()  # else it is short for is: my cat's sick


def _behind(words: Sequence[Placed], at: int) -> set[Label]:
    run = words[at][1].run
    return {label for label, word in words[at + 1 :] if word.run == run}


def _is_possessive(word: Word) -> bool:
    return word.raw.endswith(("'s", "s'"))
