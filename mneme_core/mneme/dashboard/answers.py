"""What the two questions of a pair were answered with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mneme.dashboard.live import Live
from mneme.dashboard.pairs import Pair
from mneme.dashboard.pool import Pool
from mneme.tools.looking import Entry
from mneme.tools.readable import readable


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question was answered with."""

    text: str | None
    """As a person reads it; None where it is not known."""
    key: str | None
    """Of the entry that holds it; None where it is not in the cache."""


def answers_of(pairs: Sequence[Pair], live: Live, pool: Pool) -> list[tuple[Answer, Answer]]:
    """Return both answers of each pair. Raises what reading the cache raises."""
    keys = [(pair.keys[0] or pool.key_of(pair.a), pair.keys[1] or pool.key_of(pair.b)) for pair in pairs]
    entries = live.these(key for both in keys for key in both if key is not None)
    return [
        (_answer(pair.answers[0], entries.get(a or "")), _answer(pair.answers[1], entries.get(b or "")))
        for pair, (a, b) in zip(pairs, keys, strict=True)
    ]


def _answer(told: str | None, entry: Entry | None) -> Answer:
    # What was compared then, whatever the entry holds by now.
    text = readable(told) if told is not None else entry.answer if entry is not None else None
    return Answer(text, None if entry is None else entry.key)
