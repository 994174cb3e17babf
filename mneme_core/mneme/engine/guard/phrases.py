"""Several words replaced by what they mean: the tables of `frames` and `multiwords` as a tree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import NamedTuple

from mneme.engine.guard.frames import FRAMES, SETS
from mneme.engine.guard.inflection import forms
from mneme.engine.guard.multiwords import MULTIWORDS
from mneme.engine.guard.words import GENERIC, tenses_of


class Meaning(NamedTuple):
    """What a wording says."""

    words: tuple[str, ...]
    tenses: frozenset[str] = frozenset()
    """What its auxiliaries say of the time, where they ask and are not mere politeness."""
    asker: str = ""
    """`i`, `you` or `someone`, who is to do what is asked."""


class Node:
    """A place in the tree of wordings."""

    __slots__ = ("anchored", "meaning", "next")

    def __init__(self) -> None:
        self.next: dict[str, Node] = {}
        self.meaning: Meaning | None = None
        self.anchored: Meaning | None = None
        """The meaning at the beginning of a sentence alone."""


def phrase_at(root: Node, words: Sequence[str], at: int, *, is_first: bool) -> tuple[int, Meaning] | None:
    """Return how many words from `at` on are a phrase, the longest there is, and its meaning.

    root: `phrases()`. words: with an empty one behind the last.
    """
    found, place = None, at
    node = root.next.get(words[at])
    while node is not None:
        place += 1
        meaning = node.anchored if is_first and node.anchored is not None else node.meaning
        if meaning is not None:
            found = place - at, meaning
        node = node.next.get(words[place])
    return found


@cache
def phrases() -> Node:
    """Return the root of the tree; built on first use."""
    root = Node()
    frames = FRAMES.strip().splitlines()
    for number, line in enumerate((*frames, *MULTIWORDS.strip().splitlines())):
        meaning, _, patterns = line.partition("=")
        for name, words in SETS.items():
            patterns = patterns.replace(f"<{name}>", words)
        for pattern in re.split(r"\|(?![^{]*\})", patterns):
            for wording in _wordings(pattern):
                _grow(root, wording, tuple(meaning.split()), asks=number < len(frames))
    return root


def _meaning(wording: list[str], words: tuple[str, ...]) -> Meaning:
    """Return what a wording says: was it possible to speaks of the past, I was wondering if does not."""
    is_polite = words in ((), ("yesno",)) or wording[0] == "i" or not {*wording}.isdisjoint(("better", "credited"))
    told = () if is_polite and wording[0] != "there" else (tenses_of(word) for word in wording)
    tenses = frozenset("present" if tense == "perfect" else tense for tense in frozenset().union(*told))  # have to
    if words[:1] == ("why",):  # what is the reason it was late
        tenses -= {"present"}
    said = set() if words in ((), ("yesno",)) else {*wording}
    asker = "i" if said & {"i", "we"} else "someone" if said & GENERIC else "you" if "you" in said else ""
    return Meaning(words, tenses, asker)


def _wordings(pattern: str) -> list[list[str]]:
    parts = re.split(r"\{([^}]*)\}", pattern)
    choices = [_expanded(part.split("|") if number % 2 else [part]) for number, part in enumerate(parts)]
    return [" ".join(chosen).split() for chosen in product(*choices)]


def _expanded(choices: Sequence[str]) -> list[str]:
    """Write out `verb*` as every form of the verb."""
    found: list[str] = []
    for choice in choices:
        words = [forms(word[:-1]) if word.endswith("*") else (word,) for word in choice.split()]
        found += [" ".join(chosen) for chosen in product(*words)]
    return found


def _grow(root: Node, words: list[str], says: tuple[str, ...], *, asks: bool) -> None:
    node, anchored = root, words[-1:] == ["^"]
    for word in words[:-1] if anchored else words:
        node = node.next.setdefault(word, Node())
    meaning = _meaning(words, says)
    if not asks:  # World War I
        meaning = meaning._replace(asker="")
    if anchored:
        node.anchored = node.anchored or meaning
    elif node.meaning is None:  # the first line wins
        node.meaning = meaning
