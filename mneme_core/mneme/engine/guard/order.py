"""Whether the same words stand in the same roles."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from mneme.engine.guard.arrangement import COMPOUNDING, arrangements, heads, is_exchanged
from mneme.engine.guard.inflection import stem
from mneme.engine.guard.kinds import is_name, kind_of
from mneme.engine.guard.owners import have_other_owners
from mneme.engine.guard.pairing import Label, Placed
from mneme.engine.guard.reading import SOMEONE, Word
from mneme.engine.guard.thesaurus import is_thing, parts_of_speech
from mneme.engine.guard.words import LANGUAGES, SYMMETRIC, word_set

_SYMMETRIC: Final = frozenset(stem(word) for word in SYMMETRIC)
_RELATING: Final = word_set("to with from between") | {""}
_DIRECTED: Final = {
    **{word: word for word in word_set("from than by before after if without against over under until since")},
    "when": "if",
    **dict.fromkeys(word_set("to into onto toward towards"), "to"),
}
_TURNED: Final = (
    {"from", "to"},
    {"from", "into"},
    {"before", "after"},
    {"over", "under"},
    {"above", "below"},
    {"since", "until"},
)
_PLACE: Final = dict.fromkeys(word_set("in on at inside within upon"), "place")
_CONTRASTS: Final = (
    _DIRECTED | _PLACE,
    {"for": "for", "with": "with"},
    {"for": "for", "to": "to"},
    {"of": "of", "with": "with"},
    {"when": "at", "lasting": "for"},
)
"""Within each of these, another class is another role: drive to London, drive in London."""


def swapped(a: Sequence[Placed], b: Sequence[Placed], *, is_possessive: bool = True) -> tuple[str, str] | None:
    """Return both sides of a role that changed hands, or None where every word kept its own.

    A word keeps its role when its preposition stays; whole phrases may then change places. is_possessive: whether a
    thing may be somebody's in either.
    """
    if _is_symmetric(a) and _is_symmetric(b) and _related(a) == _related(b) is not None:
        return None
    adverbs = _adverbs(a)
    adverbs = adverbs and adverbs & _adverbs(b)
    if adverbs:
        a, b = ([placed for placed in words if placed[0] not in adverbs] for words in (a, b))
    a, b = _without_lone_number(*_without_lone_language(a, b))
    heads_a, heads_b = heads(a), heads(b)
    changed = [(word, heads_b[label], label) for label, word in a if word.head != heads_b[label]]
    compounds = changed and _compounds(a, heads_b) | _compounds(b, heads_a)
    is_kept = not any(
        _contrast(word.head, there) or (_is_means(word.head, there) and not _is_named(word))
        for word, there, label in changed
        if label not in compounds
    )
    is_kept = is_kept and not (
        any(_is_added(word, there, is_object=label in _labels(a[1:2])) for word, there, label in changed)
        and _labels(a) == _labels(b)
    )
    is_kept = is_kept and not (is_possessive and have_other_owners(a, b))
    if is_kept and any(_is_parallel(one, other) for one, other in arrangements(a, b)):
        return None
    return _shown(a), _shown(b)


def traded(a: Sequence[Placed], b: Sequence[Placed]) -> bool:
    """Return whether two things took each other's role, though the sentence was built anew.

    From A to B, to A from B; A beats B, B was what A … : verbs, and phrases as a whole, may stand anywhere.
    """
    heads_a, heads_b = heads(a), heads(b)
    is_turned = any(
        {heads_a[label], heads_b[label]} in _TURNED or (heads_a[label] == "than") != (heads_b[label] == "than")
        for label in heads_a
    )
    is_moved = is_turned or is_exchanged(heads_a, heads_b) or _actors(a, b) != _actors(b, a)
    return is_moved or _negated(a) != _negated(b)


def _actors(words: Sequence[Placed], others: Sequence[Placed]) -> list[Label]:
    """Return the things, beings and verbs at the root of both sentences, in the order of `words`."""
    there = {label for label, word in others if not word.head and _acts(word)}
    return [label for label, word in words if label in there and not word.head and _acts(word)]


def _negated(words: Sequence[Placed]) -> set[Label]:
    """Return what stands right after a negation: make a copy without changing, change without making a copy."""
    return {after[0] for (_, word), after in pairwise(words) if word.stem == "not"}


def _acts(word: Word) -> bool:
    return word.stem == SOMEONE or is_thing(word.stem) or is_name(word) or parts_of_speech(word.stem)[:1] == "v"


def _is_added(word: Word, there: str, *, is_object: bool) -> bool:
    """Return whether a preposition more makes another role: report my manager, report to my manager."""
    heads = {word.head, there}
    return heads == {"", "with"} or (is_object and heads == {"", "to"} and "v" not in parts_of_speech(word.stem))


def _is_parallel(a: Sequence[Placed], b: Sequence[Placed]) -> bool:
    """Return whether no two words changed places that may not."""
    order_a, order_b = [label for label, _ in a], [label for label, _ in b]
    if order_a == order_b:
        return True
    heads_a, heads_b = heads(a), heads(b)
    kept = {label: head for label, head in heads_a.items() if heads_b[label] == head}
    # Phrases of unlike heads may change places; words of one head, and those whose head changed, may not.
    return all(
        [label for label in order_a if kept.get(label, head) == head]
        == [label for label in order_b if kept.get(label, head) == head]
        for head in {*kept.values(), ""}
    )


def _compounds(words: Sequence[Placed], others: dict[Label, str]) -> set[Label]:
    """Return what the other text has as part of the phrase before it: from a list in Python, from a Python list."""
    return {
        label
        for (_, owner), (label, word) in pairwise(words)
        if word.head in COMPOUNDING and owner.run != word.run and owner.head and others[label] == owner.head
    }


def _is_named(word: Word) -> bool:
    return is_name(word) or word.stem in LANGUAGES


def _labels(words: Sequence[Placed]) -> list[Label]:
    return [label for label, _ in words]


def _is_means(a: str, b: str) -> bool:
    """Return whether one is with, the other in: with a cold, in the cold; but with Python is in Python."""
    return "with" in (a, b) and (a in _PLACE or b in _PLACE)


def _contrast(a: str, b: str) -> bool:
    # An agent that no passive explains is done to on the other side: needed by the dog, needs the dog.
    return {a, b} == {"", "by"} or any(
        a in classes and b in classes and classes[a] != classes[b] for classes in _CONTRASTS
    )


def _adverbs(words: Sequence[Placed]) -> set[Label]:
    """Return what may stand anywhere in a sentence: it was originally written, originally it was written."""
    return {label for label, word in words if _is_adverb(word) and kind_of(word.stem, "") == "word"}


def _is_adverb(word: Word) -> bool:
    return parts_of_speech(word.stem)[:1] == "r" or word.raw.lower().endswith("ly")


def _without_lone_language(a: Sequence[Placed], b: Sequence[Placed]) -> tuple[Sequence[Placed], Sequence[Placed]]:
    """Leave out the only language: how to turn a list into a set in Python, a Python list into a set."""
    used = [{label: word.head for label, word in words if word.stem in LANGUAGES} for words in (a, b)]
    if used[0].keys() != used[1].keys() or len(used[0]) != 1:
        return a, b
    is_free = {*used[0].values(), *used[1].values()} in ({"", "in"}, {"in", "with"}, {"in", "for"})
    if not is_free:
        return a, b
    return [placed for placed in a if placed[0] not in used[0]], [placed for placed in b if placed[0] not in used[0]]


def _without_lone_number(a: Sequence[Placed], b: Sequence[Placed]) -> tuple[Sequence[Placed], Sequence[Placed]]:
    """Leave out the only number, where it stands among the same words: HTTP 404 error, HTTP error 404."""
    numbers = [[placed for placed in words if placed[1].stem.isdigit()] for words in (a, b)]
    if not len(numbers[0]) == len(numbers[1]) == 1 or _company(a, numbers[0][0]) != _company(b, numbers[1][0]):
        return a, b
    return [placed for placed in a if placed not in numbers[0]], [placed for placed in b if placed not in numbers[1]]


def _company(words: Sequence[Placed], one: Placed) -> set[Label]:
    return {label for label, word in words if word.run == one[1].run}


def _is_symmetric(words: Sequence[Placed]) -> bool:
    return any(word.stem in _SYMMETRIC for _, word in words)


def _related(words: Sequence[Placed]) -> tuple[list[tuple[Label, ...]], list[tuple[Label, str]]] | None:
    """Return the two things related, each as its words, and the rest; None where there are not two."""
    runs: dict[tuple[int, bool], list[Label]] = {}
    is_after = False
    for label, word in words:
        if word.stem in _SYMMETRIC:
            is_after = True
        elif word.head in _RELATING:
            runs.setdefault((word.run, is_after), []).append(label)
    if len(runs) != 2:
        return None
    rest = sorted((label, word.head) for label, word in words if word.head not in _RELATING)
    return sorted(tuple(run) for run in runs.values()), rest


def _shown(words: Sequence[Placed]) -> str:
    return " ".join(f"{word.head} {word.raw}" if len(word.head) > 1 else word.raw for _, word in words[:8])
