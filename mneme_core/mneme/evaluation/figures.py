"""What a run amounts to: rates with bootstrap intervals, clusters resampled whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Asked:
    """One question put to a cache, and what came of it."""

    kind: str
    cluster: str
    """Questions of one origin, resampled as one."""
    answerable: bool
    """Whether a right answer was in the cache."""
    served: bool
    right: bool
    """Whether what was served was right; False where nothing was."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A part of a whole: `part` / `whole`, with the interval that holds it in 95 % of resamples.

    All three are None where the whole is empty.
    """

    part: int
    whole: int
    value: float | None
    low: float | None
    high: float | None

    def __str__(self) -> str:
        """The rate, and on a second line its interval in percent."""
        if self.value is None or self.low is None or self.high is None:
            return "none"
        low, high = (f"{bound * 100:.{1 if bound < 0.0995 else 0}f}" for bound in (self.low, self.high))
        return f"{self.value:.1%}\n[{low}, {high}]"


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one contender over one set."""

    hits: Rate
    """Of all questions, those that got an answer."""
    wrong: Rate
    """Of all questions, those that got a wrong answer: the error a user sees."""
    precision: Rate
    """Of the answers served, the right ones."""
    recall: Rate
    """Of the questions whose right answer was there, those that got it."""
    trapped: Rate
    """Of the questions whose right answer was not there, those that got another."""


def figures(asked: Sequence[Asked], *, seed: int = 0) -> Figures:
    """Return the figures of a run."""
    return Figures(
        rate(((one.cluster, one.served) for one in asked), seed),
        rate(((one.cluster, one.served and not one.right) for one in asked), seed),
        rate(((one.cluster, one.right) for one in asked if one.served), seed),
        rate(((one.cluster, one.right) for one in asked if one.answerable), seed),
        rate(((one.cluster, one.served) for one in asked if not one.answerable), seed),
    )


def by_kind(asked: Iterable[Asked]) -> Mapping[str, Sequence[Asked]]:
    """Return the questions of each kind, kinds in the order of the alphabet."""
    kinds: dict[str, list[Asked]] = defaultdict(list)
    for one in asked:
        kinds[one.kind or "(no kind)"].append(one)
    return dict(sorted(kinds.items()))


def rate(outcomes: Iterable[tuple[str, bool]], seed: int = 0) -> Rate:
    """Return the part of (cluster, outcome) pairs whose outcome is true.

    The interval is the bootstrap's percentile interval over clusters. Where no outcome differs from the others every
    resample is alike; then the bound beyond is that of the rule of three, 1 - 0.05 ** (1 / clusters).
    """
    parts: dict[str, int] = defaultdict(int)
    wholes: dict[str, int] = defaultdict(int)
    for cluster, outcome in outcomes:
        parts[cluster] += outcome
        wholes[cluster] += 1
    whole = sum(wholes.values())
    if not whole:
        return Rate(0, 0, None, None, None)
    part = sum(parts.values())
    low, high = _interval(np.array([parts[cluster] for cluster in wholes]), np.array([*wholes.values()]), seed)
    beyond = float(1.0 - 0.05 ** (1.0 / len(wholes)))
    if part == 0:
        high = beyond
    elif part == whole:
        low = 1.0 - beyond
    return Rate(part, whole, part / whole, low, high)


def _interval(parts: np.ndarray, wholes: np.ndarray, seed: int) -> tuple[float, float]:
    chance = np.random.default_rng(seed)
    drawn_parts, drawn_wholes = np.zeros(RESAMPLES), np.zeros(RESAMPLES)
    for resample in range(RESAMPLES):  # one at a time: all at once is a table of clusters x resamples
        drawn = chance.integers(0, len(parts), len(parts))
        drawn_parts[resample], drawn_wholes[resample] = parts[drawn].sum(), wholes[drawn].sum()
    low, high = np.percentile(drawn_parts / drawn_wholes, (2.5, 97.5))
    return float(low), float(high)
