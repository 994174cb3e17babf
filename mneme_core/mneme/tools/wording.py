"""Numbers and texts as people read them."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Literal, TypeAlias

Side: TypeAlias = Literal["both", "asked", "stored"]


def ago(seconds: float) -> str:
    """Return a span of time for people: "3 h"."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def numbered(number: int, one: str, many: str) -> str:
    """Return a number of things for people: "1 entry", "1,200 entries"."""
    return f"{number:,} {one if number == 1 else many}"


def money(cost: float | None, currency: str | None) -> str:
    """Return an amount for people."""
    return "" if cost is None else f"{cost:,.{2 if cost >= 1 else 4}f} {currency or ''}".strip()


def duration(seconds: float | None) -> str:
    """Return a latency for people: "4.1 µs", "2.3 ms"."""
    if seconds is None:
        return "–"
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def percent(share: float | None) -> str:
    """Return a share for people."""
    return "–" if share is None else f"{share:.1%}"


def differences(asked: str, stored: str) -> list[tuple[Side, str]]:
    """Return two questions as runs of words: those of both, as stored, and those of one alone.

    Letter case and the mark that ends a word make no difference.
    """
    ours, theirs = asked.split(), stored.split()
    runs: list[tuple[Side, str]] = []
    matched = SequenceMatcher(None, [_bare(each) for each in ours], [_bare(each) for each in theirs])
    for tag, a, b, c, d in matched.get_opcodes():
        if tag != "equal" and b > a:
            runs.append(("asked", " ".join(ours[a:b])))
        if d > c:
            runs.append(("both" if tag == "equal" else "stored", " ".join(theirs[c:d])))
    return runs


def _bare(word: str) -> str:
    return word.casefold().rstrip("?!.,;:") or word
