"""What the words say that have no partner in the other text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from mneme.engine.guard.contrasts import are_contrary
from mneme.engine.guard.difference import Difference, Force, Kind
from mneme.engine.guard.inflection import stem
from mneme.engine.guard.kinds import is_name, is_superlative, kind_of
from mneme.engine.guard.pairing import Pairing
from mneme.engine.guard.reading import SOMEONE, Word
from mneme.engine.guard.thesaurus import is_thing, parts_of_speech
from mneme.engine.guard.words import CLASSIFYING, MODIFYING, NARROWING, REVERSING, word_set

_CLASSIFYING: Final = frozenset(stem(word) for word in CLASSIFYING)
_NARROWING: Final = frozenset(stem(word) for word in NARROWING)
# More words added are another question.
_MOST_ADDED: Final = 3
_MOST_ALONE: Final = 8
_MOST_PUT_OTHERWISE: Final = 6
_UNSAID: Final = frozenset(
    ("unit", "time", "comparison", "quantifier", "polarity", "modality", "question", "person", "format")
)
# What `is it … to` asks for.
_PREDICATED: Final = frozenset(stem(word) for word in ("safe", "possible", "ok", "okay", "able", "fine", "permissible"))
# To get a refund is not to refund; to get access is to access.
_RECEIVING: Final = frozenset(stem(word) for word in ("get", "receive", "obtain", "have", "request", "offer", "give"))
_MODIFYING: Final = frozenset(stem(word) for word in MODIFYING)
_REVERSING: Final = frozenset(stem(word) for word in REVERSING)
_SCARCELY_COMPARING: Final = word_set("best better early earlier late later over under above below first last")


def leftovers(
    pairing: Pairing, a: list[Word], b: list[Word], *, is_closed: bool, is_alike: bool, is_howto: bool
) -> Iterator[Difference]:
    """Yield what unpaired words make of two texts `a` and `b`, side by side, those of one kind together.

    is_closed: whether one asks for yes or no, so that even a light adjective counts. is_alike: whether both ask in one
    way. is_howto: whether both ask how to do something, or if one can, so that the first word is what is done.
    """
    left, right = pairing.left, pairing.right
    if max(len(left), len(right)) > _MOST_ALONE:
        yield _difference("word", left, right, "always")
        return
    sides: dict[Kind, tuple[list[Word], list[Word]]] = {}
    for side, words in enumerate((left, right)):
        for word in words:
            if not word.light or (is_closed and _is_weighty(word)):
                sides.setdefault(kind_of(word.stem, word.raw, opens=word.opens), ([], []))[side].append(word)
    ours, theirs = sides.pop("word", ([], []))
    pins = _pins(left, right, a, b)
    is_lone = is_alike and not (any(not word.light for word in left) and any(not word.light for word in right))
    for kind, (some, others) in sides.items():
        yield _difference(kind, some, others, "always" if pins or is_lone else _force_of(kind, some, others))
    yield from _modified(left, right)
    yield from _received(pairing, a, b, is_howto=is_howto)
    opposite = next(((one, other) for one in left for other in right if are_contrary(one.stem, other.stem)), None)
    if opposite is not None:
        yield Difference("polarity", opposite[0].raw, opposite[1].raw)
        return
    if not (ours or theirs):
        ours, theirs = _swapped_verbs(left, right, a[:1] + b[:1] if is_howto else ())
    if ours or theirs:
        parts = {parts_of_speech(word.stem)[:1] for word in (*ours, *theirs)}
        is_adjective = (is_closed and "a" in parts) or ("r" in parts and not (ours and theirs))
        is_more = is_lone and (is_howto or any("v" not in parts_of_speech(word.stem) for word in (*ours, *theirs)))
        forbids = is_adjective or _forbids(ours, theirs, left, right, a, b)
        is_only = len(ours) == len(theirs)
        is_narrower = is_more or (is_howto and _does_the_same(pairing, a, b))
        is_narrower = is_narrower and (forbids or bool(ours and theirs))
        swapped = (is_howto and _does_otherwise(ours, theirs, a, b)) or any(
            _is_swap(one, other, is_only=is_only)
            for one, other in pairing.replaced
            if SOMEONE not in (one.stem, other.stem)
        )
        yield _difference(
            "word",
            ours,
            theirs,
            "always" if swapped or pins or is_adjective or is_narrower else "alike" if forbids else "never",
        )


def _modified(left: Sequence[Word], right: Sequence[Word]) -> Iterator[Difference]:
    """Yield the light adjectives and adverbs that stand for each other: is it *safe* to, is it *possible* to."""
    ours, theirs = ([word for word in words if word.light and word.stem in _MODIFYING] for words in (left, right))
    if ours and theirs:
        yield _difference("word", ours, theirs, "always")


def _received(pairing: Pairing, a: Sequence[Word], b: Sequence[Word], *, is_howto: bool) -> Iterator[Difference]:
    """Yield the verb by which one text gets what the other does: get a refund for it, refund it."""
    for ours, text, placed, other in ((pairing.left, a, pairing.a, b), (pairing.right, b, pairing.b, a)):
        there = dict(pairing.b if other is b else pairing.a)
        for word in ours:
            at = text.index(word) + 1
            label = next((label for label, each in placed if at < len(text) and each is text[at]), None)
            if word.stem not in _RECEIVING or label is None or _is_act(word, text[at]):
                continue
            if _is_done(there[label], other, is_howto=is_howto):
                yield Difference("word", word.raw if other is b else "", "" if other is b else word.raw)


def _is_act(verb: Word, noun: Word) -> bool:
    """Return whether to have it done is to do it: get access, request the cancellation of it."""
    is_named = noun.raw.lower().endswith(("tion", "val"))
    return noun.stem == "access" or (verb.stem == "request" and is_named)


def _is_done(word: Word, text: Sequence[Word], *, is_howto: bool) -> bool:
    """Return whether a sentence begins with this word as its verb."""
    is_first = word is text[0] and (is_howto or "v" in parts_of_speech(word.stem))
    return is_first and (len(text) == 1 or text[1].run != word.run or bool(text[1].head))


def _is_before(word: Word, text: Sequence[Word]) -> bool:
    """Return whether another word stands right behind this one, which is no whole phrase: is it safe to."""
    after = text.index(word) + 1
    return " " not in word.raw and after < len(text) and text[after].run == word.run


def _force_of(kind: Kind, ours: Sequence[Word], theirs: Sequence[Word]) -> Force:
    """Return `alike` for what a sentence built anew may leave unsaid, or say by another word."""
    if any(is_superlative(word.stem) or word.stem in _REVERSING for word in (*ours, *theirs)):
        return "always"
    if kind == "comparison" and not all(word.stem in _SCARCELY_COMPARING for word in (*ours, *theirs)):
        return "always"
    return "alike" if kind in _UNSAID and not (ours and theirs) else "always"


def _swapped_verbs(
    left: Sequence[Word], right: Sequence[Word], firsts: Sequence[Word]
) -> tuple[list[Word], list[Word]]:
    """Return the verbs of little weight that stand in each other's place: use a card, get a card.

    firsts: words that are verbs by their place: how do I process it.
    """
    ours, theirs = (
        [word for word in words if parts_of_speech(word.stem)[:1] == "v" or word in firsts] for words in (left, right)
    )
    return (ours, theirs) if ours and theirs else ([], [])


def _difference(kind: Kind, ours: Sequence[Word], theirs: Sequence[Word], force: Force) -> Difference:
    a, b = (" ".join(word.raw for word in words[:8]) for words in (ours, theirs))
    return Difference(kind, a, b, force)


def _forbids(
    ours: Sequence[Word],
    theirs: Sequence[Word],
    left: Sequence[Word],
    right: Sequence[Word],
    a: Sequence[Word],
    b: Sequence[Word],
) -> bool:
    """Return whether the words left over are surely another question: one swapped for another, or one that narrows."""
    if ours and theirs:
        few, many = sorted((len(ours), len(theirs)))
        return few < 2 or many > _MOST_PUT_OTHERWISE or any(is_thing(word.stem) for word in (*ours, *theirs))
    added, others, text = (ours, right, a) if ours else (theirs, left, b)
    return len(added) > _MOST_ADDED or any(
        _narrows(word, text) or any(_alike(word, other) for other in others) for word in added
    )


def classifies(word: Word, text: Sequence[Word]) -> bool:
    """Return whether a noun says no more than what the name before it stands for: my Acme account."""
    before = text.index(word) - 1
    if word.stem not in _CLASSIFYING or before < 0 or text[before].run != word.run:
        return False
    return is_name(text[before])


def _is_weighty(word: Word) -> bool:
    """Return whether a light word is an adjective that a yes or no may hang on: a *real* doctor."""
    return "a" in parts_of_speech(word.stem) and word.stem not in _PREDICATED


def _pins(left: Sequence[Word], right: Sequence[Word], a: Sequence[Word], b: Sequence[Word]) -> bool:
    """Return whether one text says more, and by it which of several things is meant, however both are put.

    A word before one that both have (a *nested* list), or a phrase of its own (vaccines *for babies*).
    """
    ours, theirs = ([word for word in words if not word.light] for words in (left, right))
    if ours and theirs:
        return False
    alone, text = (ours, a) if ours else (theirs, b)
    return any(_is_pinning(word, alone, text) for word in alone)


def _is_pinning(word: Word, alone: Sequence[Word], text: Sequence[Word]) -> bool:
    phrase = [other for other in text if other.run == word.run]
    if word.head and all(other in alone for other in phrase):
        return True
    is_base = parts_of_speech(word.stem)[:1] == "v" and not word.raw.lower().endswith(("ed", "ing"))
    at = phrase.index(word)
    behind = phrase[at + 1 :]
    if is_thing(word.stem) and at and phrase[at - 1] not in alone:  # potato *salad*
        return True
    return not is_base and any(other not in alone and parts_of_speech(other.stem)[:1] in ("n", "") for other in behind)


def _does_the_same(pairing: Pairing, a: Sequence[Word], b: Sequence[Word]) -> bool:
    return (
        bool(pairing.a) and pairing.a[0][1] is a[0] and pairing.b[0][1] is b[0] and pairing.a[0][0] == pairing.b[0][0]
    )


def _does_otherwise(ours: Sequence[Word], theirs: Sequence[Word], a: Sequence[Word], b: Sequence[Word]) -> bool:
    """Return whether something else is done: how to join a meeting, to host one; to delete it, to insist on that.

    Two deeds that both texts put in several words may be one: make it run faster, speed it up.
    """
    if a[0].light or b[0].light:  # what making, getting does stands behind it
        return False
    does = _does(ours, a), _does(theirs, b)
    return does[0] != does[1] or (does[0] and len(ours) == len(theirs) == 1)


def _does(alone: Sequence[Word], text: Sequence[Word]) -> bool:
    """Return whether what is done in a text is among the words alone in it: the way to *host* a meeting."""
    return any(word is text[0] for word in alone) and "v" in parts_of_speech(text[0].stem)


def _is_swap(one: Word, other: Word, *, is_only: bool) -> bool:
    """Return whether of two words in one place each may be what the other is; is_only: as many words differ
    on either side."""
    if one.light or other.light or not is_only:
        return _alike(one, other) and not (one.light and other.light)
    ours, theirs = parts_of_speech(one.stem), parts_of_speech(other.stem)
    return not (ours and theirs) or not set(ours).isdisjoint(theirs)


def _alike(word: Word, other: Word) -> bool:
    """Return whether two words are mostly of one part of speech."""
    return parts_of_speech(word.stem)[:1] == parts_of_speech(other.stem)[:1]


def _narrows(word: Word, text: Sequence[Word]) -> bool:
    """Return whether a word says which of several things is meant: a *business* account."""
    if word.stem in _NARROWING or parts_of_speech(word.stem)[:1] in ("n", ""):
        return True
    is_form = word.raw.lower().endswith(("ed", "ing"))
    if parts_of_speech(word.stem)[:1] in ("a", "r") or (parts_of_speech(word.stem)[:1] == "v" and not is_form):
        return True  # what is done, or how
    return _is_before(word, text)
