"""What the two questions of a pair were answered with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mneme.dashboard.live import Live
from mneme.dashboard.pairs import Pair
from mneme.tools.looking import Entry
from mneme.tools.readable import readable


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question was answered with."""

    text: str | None
    """As a person reads it; None where it is not known."""
    key: str | None
    """Of the entry that holds it; None where it is not in the cache."""


def answers_of(pairs: Sequence[Pair], live: Live) -> list[tuple[Answer, Answer]]:
    """Return both answers of each pair. Raises what reading the cache raises."""
    entries = live.these(key for pair in pairs for key in pair.keys if key is not None)
    return [(_answer(pair, 0, entries), _answer(pair, 1, entries)) for pair in pairs]


def _answer(pair: Pair, side: int, entries: Mapping[str, Entry]) -> Answer:
    told, entry = pair.answers[side], entries.get(pair.keys[side] or "")
    # What was compared then, whatever the entry holds by now.
    text = readable(told) if told is not None else entry.answer if entry is not None else None
    return Answer(text, None if entry is None else entry.key)
