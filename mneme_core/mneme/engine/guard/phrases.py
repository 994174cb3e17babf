"""Several words replaced by what they mean: the tables of `frames` and `multiwords` as a tree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import product

from mneme.engine.guard.frames import FRAMES, SETS
from mneme.engine.guard.inflection import forms
from mneme.engine.guard.multiwords import MULTIWORDS


class Node:
    """A place in the tree of wordings."""

    __slots__ = ("anchored", "meaning", "next")

    def __init__(self) -> None:
        self.next: dict[str, Node] = {}
        self.meaning: tuple[str, ...] | None = None
        self.anchored: tuple[str, ...] | None = None
        """The meaning at the beginning of a sentence alone."""


def phrase_at(root: Node, words: Sequence[str], at: int, *, is_first: bool) -> tuple[int, tuple[str, ...]] | None:
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
    for line in (*FRAMES.strip().splitlines(), *MULTIWORDS.strip().splitlines()):
        meaning, _, patterns = line.partition("=")
        for name, words in SETS.items():
            patterns = patterns.replace(f"<{name}>", words)
        for pattern in re.split(r"\|(?![^{]*\})", patterns):
            for wording in _wordings(pattern):
                _grow(root, wording, tuple(meaning.split()))
    return root


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


def _grow(root: Node, words: list[str], meaning: tuple[str, ...]) -> None:
    node, anchored = root, words[-1:] == ["^"]
    for word in words[:-1] if anchored else words:
        node = node.next.setdefault(word, Node())
    if anchored:
        node.anchored = node.anchored or meaning
    elif node.meaning is None:  # the first line wins
        node.meaning = meaning
