"""Word tables made of Princeton WordNet by benchmarks/build_thesaurus.py, read on first use. See data/README.md."""

from __future__ import annotations

import pkgutil
from functools import cache, lru_cache
from typing import Final, NamedTuple

_NONE: Final[frozenset[str]] = frozenset()


def are_partners(a: str, b: str) -> bool:
    """Return whether two stems share a common sense, or one is derived from the other."""
    return b in _pairs("partners.txt").get(a, _NONE)


def are_opposites(a: str, b: str) -> bool:
    """Return whether two stems are antonyms."""
    return b in _pairs("opposites.txt").get(a, _NONE)


@lru_cache(maxsize=16_384)
def parts_of_speech(word: str) -> str:
    """Return `n`, `v`, `a`, `r` for what a stem is in text, the commonest first; empty for an unknown word."""
    entry = _words().get(word)
    return entry.parts if entry is not None else ""


def is_thing(word: str) -> bool:
    """Return whether a stem mostly names a being, a thing, a stuff or a place."""
    entry = _words().get(word)
    return entry is not None and entry.is_thing


def is_word(word: str) -> bool:
    """Return whether a stem is one of an English word."""
    return word in _words()


class _Entry(NamedTuple):
    parts: str
    is_thing: bool


@cache
def _pairs(name: str) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for line in _lines(name):
        word, *others = line.split()
        found.setdefault(word, set()).update(others)
        for other in others:
            found.setdefault(other, set()).add(word)
    return {word: frozenset(others) for word, others in found.items()}


@cache
def _words() -> dict[str, _Entry]:
    rows = (line.split(" ") for line in _lines("words.txt"))
    return {word: _Entry(parts, thing == "1") for word, parts, thing in rows}


def _lines(name: str) -> list[str]:
    data = pkgutil.get_data("mneme.engine.guard", f"data/{name}")
    return data.decode("ascii").splitlines() if data else []
