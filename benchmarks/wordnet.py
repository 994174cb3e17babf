"""The Princeton WordNet files, read: senses with their words, links and counts.

Format: the manual pages wndb(5WN) and cntlist(5WN). Debian's package `wordnet-base` installs the files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeAlias

SenseId: TypeAlias = tuple[str, str]
_PARTS = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}
_PART_OF_KEY = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}


class Link(NamedTuple):
    """A pointer of one sense to another; the word numbers are 0 where it is of the whole sense."""

    kind: str
    target: SenseId
    from_word: int
    to_word: int


@dataclass(frozen=True, slots=True)
class Sense:
    id: SenseId
    field: int
    """The number of the lexicographer's file: 4 acts, 18 persons, …"""
    words: tuple[str, ...]
    links: tuple[Link, ...]


@dataclass(slots=True)
class WordNet:
    senses: dict[SenseId, Sense] = field(default_factory=dict)
    order: dict[tuple[str, str], list[SenseId]] = field(default_factory=dict)
    """(word, part of speech) -> its senses, the commonest first."""
    counts: dict[tuple[str, str, int], int] = field(default_factory=dict)
    """(word, part of speech, sense number) -> how often tagged in text."""

    def weights(self, word: str, part: str) -> dict[SenseId, float]:
        """Return how common each sense of a word is; unseen ones by their rank."""
        return {
            sense: self.counts.get((word, part, number), 0) + 1 / number
            for number, sense in enumerate(self.order.get((word, part), ()), start=1)
        }

    def shares(self, word: str) -> dict[SenseId, float]:
        """Return which part of a word's use each of its senses is, over all parts of speech."""
        weights = {sense: weight for part in "nvar" for sense, weight in self.weights(word, part).items()}
        total = sum(weights.values())
        return {sense: weight / total for sense, weight in weights.items()}


def read_wordnet(folder: Path) -> WordNet:
    """Read data.*, index.* and cntlist.rev of a folder."""
    net = WordNet()
    for name, part in _PARTS.items():
        for line in _lines(folder / f"data.{name}"):
            sense = _sense(part, line)
            net.senses[sense.id] = sense
        for line in _lines(folder / f"index.{name}"):
            fields = line.split()
            net.order[fields[0], part] = [(part, offset) for offset in fields[-int(fields[2]) :]]
    for line in (folder / "cntlist.rev").read_text(encoding="ascii").splitlines():
        key, number, count = line.split()
        word, rest = key.split("%")
        net.counts[word, _PART_OF_KEY[rest[0]], int(number)] = int(count)
    return net


def _lines(path: Path) -> Iterator[str]:
    lines = path.read_text(encoding="latin-1").splitlines()
    return (line.split(" | ")[0] for line in lines if not line.startswith("  "))


def _sense(part: str, line: str) -> Sense:
    fields = line.split()
    size = int(fields[3], 16)
    words = tuple(fields[4 + 2 * at].lower().split("(")[0] for at in range(size))
    start = 5 + 2 * size
    links = []
    for at in range(start, start + 4 * int(fields[start - 1]), 4):
        kind, offset, target, numbers = fields[at : at + 4]
        links.append(Link(kind, ("a" if target == "s" else target, offset), int(numbers[:2], 16), int(numbers[2:], 16)))
    return Sense((part, fields[0]), int(fields[1]), words, tuple(links))
