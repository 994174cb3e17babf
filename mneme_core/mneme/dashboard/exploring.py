"""What a limit would serve."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mneme.evaluation.shadow import wilson
from mneme.tools.looking import Counted

# Below half a neighbour is no neighbour.
LOWEST = 0.5


@dataclass(frozen=True, slots=True)
class Served:
    """What a limit does to pairs."""

    pairs: int
    served: int
    right: int
    """Of the labelled pairs that are served, those that are the same."""
    wrong: int
    same: int
    """Of the labelled pairs."""
    different: int

    @property
    def precision(self) -> float | None:
        """Of the labelled pairs that are served, the part that is right; None where none is."""
        judged = self.right + self.wrong
        return self.right / judged if judged else None

    @property
    def precision_interval(self) -> tuple[float, float]:
        """The 95 % interval."""
        return wilson(self.right, self.right + self.wrong)

    @property
    def hit_rate(self) -> float | None:
        """Of the labelled pairs that are the same, the part that is served; None where there are none."""
        return self.right / self.same if self.same else None


def is_served(score: float, limit: float) -> bool:
    """Return whether a pair is served. A score of 0 is that of what a policy refuses whatever its limit."""
    return score >= limit and score > 0


def served(scored: Iterable[tuple[float, bool | None]], limit: float) -> Served:
    """Return what a limit does to pairs, each a score and its label."""
    pairs = taken = 0
    counts = {(same, is_served): 0 for same in (True, False) for is_served in (True, False)}
    for score, same in scored:
        reaches = is_served(score, limit)
        pairs, taken = pairs + 1, taken + reaches
        if same is not None:
            counts[same, reaches] += 1
    right, wrong = counts[True, True], counts[False, True]
    return Served(pairs, taken, right, wrong, right + counts[True, False], wrong + counts[False, False])


def reaching(counted: Counted, limit: float) -> tuple[float, int, int]:
    """Return `limit` cut to a hundredth, how many neighbours of lookups lie there or nearer, and how many are known."""
    both = [sum(numbers) for numbers in zip(*counted.similarity.values(), strict=True)]
    first = max(0, int(round(limit * 100, 4)))
    return first / 100, sum(both[first:]), sum(both)


def hundredths(buckets: Sequence[int]) -> list[int]:
    """Return a histogram of cosines from LOWEST up; what is 1.0 counts into the last."""
    whole = [*buckets[:-2], buckets[-2] + buckets[-1]]
    return whole[round(LOWEST * 100) :]


def bucketed(scores: Iterable[float]) -> list[int]:
    """Return scores as such a histogram, what is lower left out."""
    buckets = [0] * 101
    for score in scores:
        if score >= LOWEST:
            buckets[min(int(round(score, 6) * 100 + 1e-6), 100)] += 1
    return hundredths(buckets)
