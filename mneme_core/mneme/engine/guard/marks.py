"""Whether two texts speak of the same time and the same persons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mneme.engine.guard.difference import Difference, Force
from mneme.engine.guard.inflection import is_past
from mneme.engine.guard.pairing import Placed
from mneme.engine.guard.reading import Reading, Word
from mneme.engine.guard.syntax import is_participle
from mneme.engine.guard.words import CLAUSAL, REFUSING, word_set

# What is asked of things to come as of things that are. Not whether, what or who.
_PLANNED = word_set("when where how howmany howmuch howlong howoften howto whatif whatdo open")

_MEASURED = word_set("howlong howmuch")


def asks_what_to_do(first: Reading, second: Reading) -> bool:
    """Return whether both ask for advice: what to do if it is lost, it was lost, what to do."""
    return first.asks == second.asks == {"whatdo"}


def tense_difference(first: Reading, second: Reading) -> Iterator[Difference]:
    """Compare the tenses that auxiliaries tell; a text without one leaves past and present open."""
    a, b = _times(first), _times(second)
    if asks_what_to_do(first, second):
        return
    decisive = {"past", "future", "once", "ongoing"} if a and b else {"future", "once"}
    if a & decisive != b & decisive:
        # How long will it take is how long does it take; not so will it rain and does it, who will be and who is.
        is_plan = first.asks | second.asks <= _PLANNED and a ^ b <= {"future", "present"}
        is_plan = is_plan and not (_will_be(first) or _will_be(second))
        if is_plan and first.asks == second.asks <= _MEASURED:
            return
        is_plain = a & decisive ^ b & decisive <= {"past", "ongoing"}
        yield Difference("tense", listed(a), listed(b), "never" if is_plan else "alike" if is_plain else "always")


def _times(reading: Reading) -> set[str]:
    """Return the tenses of a text: the present where neither an auxiliary nor the form of a verb tells another."""
    is_open = "why" in reading.asks or (not reading.modals and any(map(is_past, reading.sequence)))
    if reading.tenses or is_open or any(_refuses(word) for word in reading.words):
        return reading.tenses
    return {"present"}


def _will_be(reading: Reading) -> bool:
    """Return whether it is asked what is to be: what will the price be, not when will it be sent."""
    return "future" in reading.tenses and "be" in reading.sequence and not any(map(is_participle, reading.words))


def _refuses(word: Word) -> bool:
    """Return whether it is what does not want to: it won't open, it did not."""
    return word.raw.lower() in REFUSING


def person_difference(first: Reading, second: Reading) -> Iterator[Difference]:
    """Yield the difference where someone else is meant."""
    turned = _are_turned(first, second) or _are_turned(second, first)
    if turned == "always":
        yield Difference("person", _told(first), _told(second))
    elif _persons_differ(first, second):
        a, b = listed(first.cases or first.persons), listed(second.cases or second.persons)
        # Do you ship, can I get it shipped; but not: did you get my mail, did I get yours.
        is_us = {*first.persons, *second.persons} <= {"i", "you"} and set(first.persons) != set(second.persons)
        yield Difference("person", a, b, "alike" if is_us else "always")
    elif len(first.cases) == len(second.cases) > 1 and sorted(first.cases) != sorted(second.cases):
        # A friend who lied to me, a friend I lied to.
        yield Difference("person", listed(first.cases), listed(second.cases), "alike")
    elif turned is not None:
        yield Difference("person", _told(first), _told(second), turned)


def _are_turned(first: Reading, second: Reading) -> Force | None:
    """Return how much it forbids that I do in one text what is done to me, or to what is mine, in the other.

    Who does it is I where nobody is named: is there a way to block a caller.
    """
    if first.asker not in ("i", "") or second.asker == "i" or "i as subject" in second.cases:
        return None
    if first.asker == "i" and second.asker == "someone" and not _asks_in_general(second):
        return "always"
    if second.asker == "someone" and first.asker and "i" in second.persons:  # how can someone open my door
        return "always"
    is_to_me = "i as object" in second.cases and "i as object" not in first.cases
    return ("always" if second.asker else "alike") if is_to_me else None


def _asks_in_general(reading: Reading) -> bool:
    """Return whether somebody is anybody: how can one, where can people, how long should a person; not can people."""
    is_way = not reading.asks.isdisjoint(("howto", "wayto", "whatdo"))
    return is_way or ("yesno" not in reading.asks and not {"can", "should"}.isdisjoint(reading.modals))


def _told(reading: Reading) -> str:
    return listed({*reading.cases, *([f"{reading.asker} as subject"] if reading.asker else ())})


def direction_difference(
    first: Reading, second: Reading, a: Sequence[Placed], b: Sequence[Placed]
) -> Iterator[Difference]:
    """Yield the difference where somebody does here what is done to him there, or gets what he sends there."""
    if first.toward and second.toward and first.toward.isdisjoint(second.toward):
        yield Difference("person", listed(first.toward), listed(second.toward))
    if not (first.undergone or second.undergone):
        return
    others = dict(b)
    for label, word in a:
        other = others[label]
        is_done, is_done_there = word.stem in first.undergone, other.stem in second.undergone
        active = other if is_done else word
        if is_done != is_done_there and not is_past(active.raw.lower()) and _subjects(first) == _subjects(second):
            yield Difference("order", word.raw, other.raw)


def _subjects(reading: Reading) -> set[str]:
    return {case for case in reading.cases if case.endswith("subject")}


def _persons_differ(first: Reading, second: Reading) -> bool:
    """Return whether someone else is meant: both speak of persons, and not of the same ones in the same part."""
    a, b = first.persons, second.persons
    is_generic = len(a) == len(b) == 1 and {*a, *b} == {"i", "you"} and {"can", "should", "must"} & {*first.modals}
    if not (a and b) or is_generic:  # can you, can I: can one
        return False
    if first.cases and second.cases and {*first.cases}.isdisjoint(second.cases):
        return True
    return list(dict.fromkeys(a)) != list(dict.fromkeys(b))


def state_difference(a: Sequence[Placed], b: Sequence[Placed], are_states: bool) -> Iterator[Difference]:
    """Yield the verbs that go on here and are done there: is closing, is closed, is close."""
    others = dict(b)
    for label, word in a:
        other = others[label]
        if word.raw != other.raw and word.stem == other.stem and not word.light:
            forms = {_form(word), _form(other)}
            if word.head in CLAUSAL and other.head in CLAUSAL:  # after placing it: after I placed it
                continue
            if "ing" in forms and (word.opens or other.opens):  # reading a file: how to read it
                continue
            if forms == {"ing", "ed"} or (are_states and len(forms) == 2 and not (word.head or other.head)):
                yield Difference("tense", word.raw, other.raw, "alike" if forms == {"ing", ""} else "always")


def _form(word: Word) -> str:
    if word.raw.lower().endswith("ing"):
        return "ing"
    return "ed" if is_participle(word._replace(head="")) else ""


def listed(words: Iterable[str]) -> str:
    """Return words as a reason shows them."""
    return " ".join(sorted(words))
