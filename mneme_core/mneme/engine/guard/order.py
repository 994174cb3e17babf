"""Whether the same words stand in the same roles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from mneme.engine.guard.inflection import stem
from mneme.engine.guard.kinds import kind_of
from mneme.engine.guard.reading import Word
from mneme.engine.guard.thesaurus import parts_of_speech
from mneme.engine.guard.words import SYMMETRIC, word_set

Label: TypeAlias = tuple[str, int]
Placed: TypeAlias = tuple[Label, Word]
"""A word and the label it shares with its partner in the other text."""

_SYMMETRIC: Final = frozenset(stem(word) for word in SYMMETRIC)
_RELATING: Final = word_set("to with from between") | {""}
_DIRECTED: Final = {
    **{word: word for word in word_set("from than by before after if without against over under until since")},
    "when": "if",
    **dict.fromkeys(word_set("to into onto toward towards"), "to"),
}
_PLACE: Final = dict.fromkeys(word_set("in on at inside within upon"), "place")
_CONTRASTS: Final = (_DIRECTED | _PLACE, {"for": "for", "with": "with"})
"""Within each of these, another class is another role: drive to London, drive in London."""
_NOMINAL: Final = ("tion", "sion", "ment", "al", "ance", "ence", "tions", "sions", "ments", "als")
# A joke about cats is a cat joke.
_COMPOUNDING: Final = word_set("of for about in on with at")


def swapped(a: Sequence[Placed], b: Sequence[Placed]) -> tuple[str, str] | None:
    """Return both sides of a role that changed hands, or None where every word kept its own.

    A word keeps its role when its preposition stays; whole phrases may then change places.
    """
    if _is_symmetric(a) and _is_symmetric(b) and _related(a) == _related(b) is not None:
        return None
    adverbs = _adverbs(a) & _adverbs(b)
    a, b = ([placed for placed in words if placed[0] not in adverbs] for words in (a, b))
    a, b = _without_lone_number(a, b)
    heads_a, heads_b = _heads(a), _heads(b)
    if not any(_contrast(heads_a[label], heads_b[label]) for label in heads_a):
        arrangements = [_as_written, _joined_sorted]
        if _right_sides(a) == _right_sides(b):
            arrangements.append(_trimmed_sorted)
        if any(_is_parallel(arrange(a), arrange(b)) for arrange in arrangements):
            return None
        if _is_parallel(_verb_first(a, b), _verb_first(b, a)):
            return None
        changes = {(heads_a[label], heads_b[label]) for label in heads_a if heads_a[label] != heads_b[label]}
        is_one_way = not any((after, before) in changes for before, after in changes)
        if is_one_way and any(
            _is_parallel(
                _compounded(a, heads_b, before_run=before_run), _compounded(b, heads_a, before_run=before_run)
            )
            for before_run in (False, True)
        ):
            return None
    return _shown(a), _shown(b)


def _heads(words: Sequence[Placed]) -> dict[Label, str]:
    return {label: word.head for label, word in words}


def _is_parallel(a: Sequence[Placed], b: Sequence[Placed]) -> bool:
    """Return whether no two words changed places that may not."""
    order_a, order_b = [label for label, _ in a], [label for label, _ in b]
    if order_a == order_b:
        return True
    heads_a, heads_b = _heads(a), _heads(b)
    kept = {label: head for label, head in heads_a.items() if heads_b[label] == head}
    # Phrases of unlike heads may change places; words of one head, and those whose head changed, may not.
    return all(
        [label for label in order_a if kept.get(label, head) == head]
        == [label for label in order_b if kept.get(label, head) == head]
        for head in {*kept.values(), ""}
    )


def _contrast(a: str, b: str) -> bool:
    # An agent that no passive explains is done to on the other side: needed by the dog, needs the dog.
    return {a, b} == {"", "by"} or any(
        a in classes and b in classes and classes[a] != classes[b] for classes in _CONTRASTS
    )


def _as_written(words: Sequence[Placed]) -> Sequence[Placed]:
    return words


def _joined_sorted(words: Sequence[Placed]) -> Sequence[Placed]:
    """Sort the two sides of every `and`, `or`, `versus`: A and B is B and A."""
    return _sorted_sides(words, is_trimmed=False)


def _trimmed_sorted(words: Sequence[Placed]) -> Sequence[Placed]:
    """The same where a side has words that belong to both: compare A and B, do A and B mix."""
    return _sorted_sides(words, is_trimmed=True)


def _adverbs(words: Sequence[Placed]) -> set[Label]:
    """Return what may stand anywhere in a sentence: it was originally written, originally it was written."""
    return {
        label for label, word in words if parts_of_speech(word.stem)[:1] == "r" and kind_of(word.stem, "") == "word"
    }


def _without_lone_number(a: Sequence[Placed], b: Sequence[Placed]) -> tuple[Sequence[Placed], Sequence[Placed]]:
    """Leave out the only number, where it stands among the same words: HTTP 404 error, HTTP error 404."""
    numbers = [[placed for placed in words if placed[1].stem.isdigit()] for words in (a, b)]
    if not len(numbers[0]) == len(numbers[1]) == 1 or _company(a, numbers[0][0]) != _company(b, numbers[1][0]):
        return a, b
    return [placed for placed in a if placed not in numbers[0]], [placed for placed in b if placed not in numbers[1]]


def _company(words: Sequence[Placed], one: Placed) -> set[Label]:
    return {label for label, word in words if word.run == one[1].run}


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


def _compounded(words: Sequence[Placed], others: dict[Label, str], *, before_run: bool) -> Sequence[Placed]:
    """Put what the other wording has as part of a compound before the word, or words, it belongs to.

    The capital of France is France's capital; the son of the king of France, France's king's son.
    """
    arranged: list[Placed] = []
    owner = last_run = -1
    insert = 0
    for label, word in words:
        head, there = word.head, others[label]
        if arranged and head != there and head in _COMPOUNDING and (head == "of" or not there):
            if word.run != last_run and (head != "of" or insert == 0 or last_run < 0):
                insert = owner
            elif word.run != last_run:
                insert = owner_of_last
            if word.run != last_run:
                owner_of_last = insert
            arranged.insert(insert, (label, word._replace(head=there)))
            insert += 1
            last_run = word.run
        else:
            starts = not arranged or not before_run or arranged[-1][1].run != word.run
            owner = len(arranged) if starts else owner
            arranged.append((label, word))
            insert, last_run = 0, -1
    return arranged


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
