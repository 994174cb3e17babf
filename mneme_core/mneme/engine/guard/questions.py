"""Whether two texts ask in the same way: question word, frame, modality."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mneme.engine.guard.difference import Difference, Force
from mneme.engine.guard.inflection import stem
from mneme.engine.guard.marks import listed
from mneme.engine.guard.reading import Reading
from mneme.engine.guard.words import word_set

# What a thing asked for by name is asked for by: what is the date of it, when is it.
_NAMED_BY: Final = {
    question: frozenset(stem(word) for word in nouns.split())
    for question, nouns in {
        "who": "person name author people man woman team company artist inventor founder director writer owner",
        "when": "time date day year month deadline hour period season century",
        "where": "place location city country address site website link region area store shop page",
        "howmany": "number count quantity amount total limit maximum minimum hour minute day week month year",
        "howmuch": "amount quantity cost price fee rate total charge sum limit maximum minimum fare dose dosage",
        "howlong": "time duration period length minute hour day week month year validity term",
        "howoften": "frequency interval",
        "howto": "command formula code tip trick step syntax",
        "why": "reason cause purpose motive explanation",
    }.items()
}
# One wording of the other, with or without a verb to tell.
_LOOSE: Final = (
    {"open", "howto"},
    {"open", "what"},
    {"whatdo", "howto"},
    {"open", "howmuch"},
    {"open", "whatdo"},
    {"open", "where"},
    {"open", "who"},
)
_CLOSED: Final = word_set("yesno")
# Questions whose word alone says what is asked for.
_PLAIN: Final = word_set("who when where why howmany howmuch howlong howoften yesno how")
_AKIN: Final = (
    {"how", "howto"},
    {"howlong", "howmany"},
    {"howlong", "when"},
    {"howmuch", "howmany"},
    {"howoften", "howmany"},
    {"howlong", "howmuch"},
)


# Deeds of which nobody asks whether they should be done, so that `should` or `must` says nothing.
_ADVISED: Final = {
    question: frozenset(stem(word) for word in verbs.split())
    for question, verbs in {
        "who": "contact call ask email write",
        "where": "send",
        "howlong": "boil cook bake fry roast grill steam simmer soak marinate freeze defrost thaw chill knead charge",
        "howoften": "water feed prune fertilize clean wash descale replace rotate",
    }.items()
}
_ADVISERS: Final = frozenset(("i", "you"))


def question_difference(first: Reading, second: Reading) -> Iterator[Difference]:
    """Yield what two texts ask differently."""
    if _asks_way(first, second) or _asks_way(second, first):
        return
    if first.asks != second.asks and not naming(first, second):
        yield Difference("question", listed(first.asks), listed(second.asks), _force_of(first, second))
    yield from _modality(first, second)


def _force_of(first: Reading, second: Reading) -> Force:
    both = first.asks | second.asks
    if both in _LOOSE or _complains(first, second) or _complains(second, first):
        return "never"
    if "why" in both or ("yesno" in both and "open" not in both):
        return "always"
    a, b = first.asks & _PLAIN, second.asks & _PLAIN
    return "always" if a and b and a != b and both not in _AKIN else "alike"


def _complains(first: Reading, second: Reading) -> bool:
    """Return whether the first states of oneself what the second asks the reason of: my card does not work, why."""
    return first.asks == {"open"} and second.asks == {"why"} and "i" in first.persons


def naming(first: Reading, second: Reading) -> frozenset[str]:
    """Return the stems by which one text names what the other asks by its question word: the date of it, when."""
    for one, other in ((first, second), (second, first)):
        if one.asks == {"what"}:
            asked = other.asks - {"howto"} if {"do", "does"} & {*one.sequence} else other.asks  # what the command does
            nouns = frozenset().union(*(_NAMED_BY.get(question, ()) for question in asked))
            if any(word.stem in nouns for word in one.words):
                return nouns
    return frozenset()


def _asks_way(first: Reading, second: Reading) -> bool:
    """Return whether `is there a way to` meets `how do I` or `can I`: it asks both."""
    return "wayto" in first.asks and (
        second.asks <= {"wayto", "howto"} or (second.asks == {"yesno"} and second.modals == ["can"])
    )


def _modality(first: Reading, second: Reading) -> Iterator[Difference]:
    left, right = rest(_modals(first), _modals(second))
    is_advice = {*left, *right} <= {"should", "must"} and _is_advice(first) and _is_advice(second)
    if (left or right) and not is_advice:
        is_open = not (left and right) and _CLOSED.isdisjoint(first.asks | second.asks)
        is_stern = bool(left and right) and {*left, *right} != {"should", "must"}
        is_open = is_open and {*left, *right} == {"can"}
        is_closed = not _CLOSED.isdisjoint(first.asks | second.asks)
        force: Force = "never" if is_open else "always" if is_stern or is_closed else "alike"
        yield Difference("modality", listed(left), listed(right), force)


def _is_advice(reading: Reading) -> bool:
    """Return whether it is asked how I do what one is advised to do: how often do I water it."""
    verbs = next((_ADVISED[asked] for asked in reading.asks if asked in _ADVISED), frozenset())
    return (
        reading.actor in _ADVISERS and len(reading.asks) == 1 and bool(reading.words) and reading.words[0].stem in verbs
    )


def _modals(reading: Reading) -> list[str]:
    """Return the modals that matter: where I can find is where I find."""
    silent = {"would", "can"} if reading.asks == {"where"} else {"would"}
    return [modal for modal in reading.modals if modal not in silent]


def rest(a: list[str], b: list[str]) -> tuple[list[str], list[str]]:
    """Return what either has and the other has not, equal ones together."""
    ours: list[str] = []
    theirs = list(b)
    for word in a:
        if word in theirs:
            theirs.remove(word)
        else:
            ours.append(word)
    return sorted(ours, key=a.index), sorted(theirs, key=b.index)
