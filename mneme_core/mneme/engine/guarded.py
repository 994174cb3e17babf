"""A policy that compares the texts as well as the vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from mneme.engine.guard import Comparison, compare
from mneme.engine.judge import Threshold, check_similarity
from mneme.engine.likeness import MINILM, Calibration
from mneme.engine.saying import sentence
from mneme.errors import InvalidArgumentError
from mneme.model import ConfidenceFn, Neighbour, Verdict

_SAYS: Final = {"always": "forbids", "alike": "forbids unless built anew", "never": "weighs"}
AMBIGUOUS: Final = "two different answers are about as near"


@dataclass(frozen=True, slots=True)
class Guarded:
    """Accepts a neighbour whose question differs from the query in nothing that changes the answer.

    The similarity must reach `threshold`; the guard must find nothing that forbids: question, negation, numbers,
    names, roles, tense, modality and words swapped for others; and P(same answer), a calibrated score over the
    similarity and what is worded otherwise, must be at least `1 - max_error`. A neighbour is refused as well where
    another with another response, of a question that the guard holds apart from its own, is no more than `margin`
    further or nearer and passes too.
    English; in other languages it accepts what differs in nothing but letter case, punctuation and space.
    """

    # For the bundled embedder; measured by benchmarks/guard_eval.py. Another embedder needs its own.
    threshold: float = 0.70
    min_confidence: float = 0.7
    margin: float = 0.03
    confidence_fn: ConfidenceFn | None = None
    max_error: float = 0.02
    calibration: Calibration = MINILM

    def __post_init__(self) -> None:
        self._threshold()  # checks the shared arguments
        check_similarity(self.margin, "margin")
        if self.margin < 0:
            raise InvalidArgumentError(f"margin is {self.margin!r}; it is a difference of cosines, at least 0.")
        if isinstance(self.max_error, bool) or not 0.0 < self.max_error <= 1.0:
            raise InvalidArgumentError(f"max_error is {self.max_error!r}; it is a probability, above 0, at most 1.")

    @property
    def floor(self) -> float:
        """The threshold."""
        return self.threshold

    def at(self, threshold: float) -> Guarded:
        """Return the same policy with another threshold."""
        return replace(self, threshold=threshold)

    def judge(self, query: str, neighbour: Neighbour, neighbours: Sequence[Neighbour]) -> Verdict:
        """Compare the similarity, then the texts, then the other neighbours."""
        verdict = self._threshold().judge(query, neighbour, neighbours)
        if not verdict.accepted:
            return verdict
        compared = compare(query, neighbour.query)
        likeness = self.calibration.likeness(neighbour.similarity, compared)
        if likeness < 1.0 - self.max_error:
            return Verdict(False, likeness, self._refusal(compared, likeness))
        if any(self._competes(query, neighbour, other) for other in neighbours):
            return Verdict(False, likeness, AMBIGUOUS)
        return Verdict(True, likeness, f"P(same answer) = {likeness:.3f}, nothing forbids")

    def features(self, query: str, neighbour: Neighbour) -> dict[str, Any]:
        """Return what is weighed: the score, and what the guard counted and found."""
        compared = compare(query, neighbour.query)
        weightiest = compared.veto or compared.doubt
        found = [f"{difference.reason} ({_SAYS[difference.force]})" for difference in compared.differences]
        return {
            "P(same answer)": self.calibration.likeness(neighbour.similarity, compared),
            "common words": compared.surface.overlap,
            "words alone": sum(compared.alone),
            "light words alone": compared.soft,
            "differences": "; ".join(found) or "none",
            **({} if weightiest is None else {"in words": sentence(weightiest)}),
        }

    def _refusal(self, compared: Comparison, likeness: float) -> str:
        found = compared.veto or (compared.doubt if likeness == 0.0 else None)
        return found.reason if found is not None else f"P(same answer) = {likeness:.3f} is below {1 - self.max_error:g}"

    def _threshold(self) -> Threshold:
        return Threshold(self.threshold, self.min_confidence, self.confidence_fn)

    def _competes(self, query: str, neighbour: Neighbour, other: Neighbour) -> bool:
        """Return whether another question with another answer is about as near and as like the query."""
        return (
            abs(other.similarity - neighbour.similarity) <= self.margin
            and other.response != neighbour.response
            and compare(other.query, neighbour.query).forbids
            and self.calibration.likeness(other.similarity, compare(query, other.query)) >= 1.0 - self.max_error
        )
