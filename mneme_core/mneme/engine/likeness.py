"""How likely two texts ask for the same answer, from their cosine and what the guard counted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from mneme.engine.guard import Comparison

# A sentence is built anew where so little of the shorter text stands in the other in the same order; both measured by
# benchmarks/fit_judge.py: hand-written traps change a word or two and leave the rest as it was.
_MOST_OVERLAP: Final = 0.6
_LEAST_CHANGED: Final = 3


@dataclass(frozen=True, slots=True)
class Curve:
    """Coefficients of a logistic curve: P(same answer) = 1 / (1 + exp(-sum of coefficient x feature))."""

    bias: float
    cosine: float
    overlap: float = 0.0
    soft: float = 0.0
    """For each word of little weight that stands alone."""
    fewer: float = 0.0
    """For each content word without a partner, in the text that has fewer of them."""
    more: float = 0.0
    """The same in the text that has more."""
    question: float = 0.0
    """Where the questions are put in unlike forms."""

    def at(self, cosine: float, compared: Comparison) -> float:
        """Return the probability, in (0, 1)."""
        fewer, more = sorted(compared.alone)
        logit = (
            self.bias
            + self.cosine * cosine
            + self.overlap * compared.surface.overlap
            + self.soft * compared.soft
            + self.fewer * fewer
            + self.more * more
            + self.question * any(found.kind == "question" for found in compared.differences)
        )
        return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, logit))))


@dataclass(frozen=True, slots=True)
class Calibration:
    """Two curves of one embedder: for texts whose words pair, and for texts of which one is built anew."""

    paired: Curve
    reworded: Curve

    def likeness(self, cosine: float, compared: Comparison) -> float:
        """Return P(same answer), in [0, 1]; 0 where the guard forbids."""
        if compared.veto is not None:
            return 0.0
        if compared.doubt is None:
            return self.paired.at(cosine, compared)
        overlap, changed = compared.surface
        if overlap > _MOST_OVERLAP or changed < _LEAST_CHANGED:
            return 0.0
        return self.reworded.at(cosine, compared)


MINILM: Final = Calibration(
    paired=Curve(-7.5, 15.5, soft=-0.3, fewer=-0.6, more=-0.6),
    reworded=Curve(-15.4, 24.0, overlap=-3.4, fewer=-0.6, more=-1.2, question=-0.3),
)
