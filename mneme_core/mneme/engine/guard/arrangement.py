"""Other orders of the same words, in which they say the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from mneme.engine.guard.pairing import Label, Placed
from mneme.engine.guard.words import word_set

Both: TypeAlias = tuple[Sequence[Placed], Sequence[Placed]]
"""Two texts, each in some order."""

_NOMINAL: Final = ("tion", "sion", "ment", "al", "ance", "ence", "tions", "sions", "ments", "als")
# A joke about cats is a cat joke.
COMPOUNDING: Final = word_set("of for about in on with at")


def arrangements(a: Sequence[Placed], b: Sequence[Placed]) -> Iterator[Both]:
    """Yield both texts as written and in other orders that say the same, likely ones first, each once."""
    tried: list[Both] = []
    for both in _arrangements(a, b):
        if both not in tried:
            tried.append(both)
            yield both


def _arrangements(a: Sequence[Placed], b: Sequence[Placed]) -> Iterator[Both]:
    yield a, b
    if any(word.joined for _, word in (*a, *b)):
        yield _joined_sorted(a), _joined_sorted(b)
        if _right_sides(a) == _right_sides(b):
            yield _trimmed_sorted(a), _trimmed_sorted(b)
    yield _verb_first(a, b), _verb_first(b, a)
    heads_a, heads_b = heads(a), heads(b)
    if not is_exchanged(heads_a, heads_b):
        for before_run in (False, True):
            yield _compounded(a, heads_b, before_run=before_run), _compounded(b, heads_a, before_run=before_run)


def heads(words: Sequence[Placed]) -> dict[Label, str]:
    """Return the preposition that governs each word."""
    return {label: word.head for label, word in words}


def is_exchanged(a: dict[Label, str], b: dict[Label, str]) -> bool:
    """Return whether two words took each other's preposition."""
    changes = {(_toward(a[label]), _toward(b[label])) for label in a if a[label] != b[label]}
    return any((after, before) in changes for before, after in changes)


def _toward(head: str) -> str:
    return "to" if head in ("into", "onto", "toward", "towards") else head


def _joined_sorted(words: Sequence[Placed]) -> Sequence[Placed]:
    """Sort the two sides of every `and`, `or`, `versus`: A and B is B and A."""
    return _sorted_sides(words, is_trimmed=False)


def _trimmed_sorted(words: Sequence[Placed]) -> Sequence[Placed]:
    """The same where a side has words that belong to both: compare A and B, do A and B mix."""
    return _sorted_sides(words, is_trimmed=True)


def _verb_first(words: Sequence[Placed], others: Sequence[Placed]) -> Sequence[Placed]:
    """Put a noun made of a verb before its object, as the verb is: Docker installation, install Docker."""
    there = dict(others)
    arranged = list(words)
    for at, (label, word) in enumerate(words):
        raw = word.raw.lower()
        if raw != there[label].raw.lower() and raw.endswith(_NOMINAL):
            start = _run_start(words, at + 1)
            arranged.insert(start, arranged.pop(at))
    return arranged


def _right_sides(words: Sequence[Placed]) -> list[int]:
    """Return how many words stand after each `and`: where that differs, something else was joined."""
    return sorted(_run_end(words, at) - at for at, (_, word) in enumerate(words) if word.joined)


def _sorted_sides(words: Sequence[Placed], *, is_trimmed: bool) -> Sequence[Placed]:
    arranged = list(words)
    for middle in range(1, len(arranged)):
        if not arranged[middle][1].joined:
            continue
        end = _run_end(arranged, middle)
        start = _run_start(arranged, middle)
        if is_trimmed:
            size = min(middle - start, end - middle)
            start, end = middle - size, middle + size
        left, right = arranged[start:middle], arranged[middle:end]
        if [number for number, _ in right] < [number for number, _ in left]:
            arranged[start:end] = right + left
    head = dict(words)
    return [(number, head[number]) for number, _ in arranged]


def _compounded(words: Sequence[Placed], others: dict[Label, str], *, before_run: bool) -> Sequence[Placed]:
    """Put what the other wording has as part of a compound before the word, or words, it belongs to.

    The capital of France is France's capital; the son of the king of France, France's king's son.
    """
    arranged: list[Placed] = []
    owner = insert = phrase = 0  # where the owner stands, the next word goes, the phrase inserted last begins
    last_run = -1
    for label, word in words:
        head, there = word.head, others[label]
        owners_head = arranged[owner][1].head if arranged else ""
        is_part = head != there and head in COMPOUNDING and (head == "of" or there in ("", owners_head))
        # A chat with my wife is no wife chat.
        if arranged and is_part and not (head == "with" and word.which):
            if word.run != last_run:
                # Of the king, of France: the second belongs to the first.
                insert = phrase = phrase if head == "of" and last_run >= 0 else owner
            arranged.insert(insert, (label, word._replace(head=there)))
            insert += 1
            last_run = word.run
        else:
            starts = not arranged or not before_run or arranged[-1][1].run != word.run
            owner = len(arranged) if starts else owner
            arranged.append((label, word))
            last_run = -1
    return arranged


def _run_end(words: Sequence[Placed], at: int) -> int:
    run = words[at][1].run
    end = at
    while end < len(words) and words[end][1].run == run:
        end += 1
    return end


def _run_start(words: Sequence[Placed], middle: int) -> int:
    run = words[middle - 1][1].run
    start = middle - 1
    while start > 0 and words[start - 1][1].run == run:
        start -= 1
    return start
