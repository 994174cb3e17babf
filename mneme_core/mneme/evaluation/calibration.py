"""Which similarity threshold serves a set of question pairs best."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from mneme.embedders.base import Embedder
from mneme.engine.judge import check_similarity
from mneme.engine.keys import Normalizer, normalizer
from mneme.engine.vectors import SIMILARITY_DECIMALS
from mneme.errors import InvalidArgumentError
from mneme.evaluation.vectors import embed_all
from mneme.indexes.quantize import check_dtype
from mneme.model import VectorDtype
from mneme.runtime.pairs import Pairs

TargetMetric: TypeAlias = Literal["f1", "precision", "recall"]
Similarities: TypeAlias = NDArray[np.float64]

DEFAULT_GRID = tuple(percent / 100 for percent in range(50, 100))


class NoThresholdError(InvalidArgumentError):
    """No threshold of the grid meets the demands, or there are no pairs to find one with."""


class PrecisionRecall(NamedTuple):
    """One point of the curve."""

    threshold: float
    precision: float
    """Of the pairs at or above the threshold, the part that are paraphrases; 0 where there are none."""
    recall: float
    """Of the paraphrases, the part at or above the threshold."""


@dataclass(frozen=True, slots=True)
class CalibrationResult:
    """The threshold chosen, what it does to the pairs, and what the others would do."""

    threshold: float
    precision: float
    recall: float
    f1: float
    pr_curve: tuple[PrecisionRecall, ...]
    """One point for each threshold of the grid, ascending."""


def find_threshold(
    paraphrase_pairs: Pairs,
    distractor_pairs: Pairs,
    embedder: Embedder,
    *,
    target_metric: TargetMetric = "f1",
    min_precision: float | None = None,
    min_recall: float | None = None,
    grid: Iterable[float] | None = None,
    vector_dtype: VectorDtype = "float32",
    normalize: bool | Normalizer = True,
) -> CalibrationResult:
    """Return the threshold of the grid that is best by `target_metric` among those that reach both minima.

    paraphrase_pairs: questions that may share an answer; distractor_pairs: questions that must not.
    grid: cosines; by default 0.50 to 0.99 in steps of 0.01.
    vector_dtype: checked, and without influence: whatever type vectors are held in, a cache compares them
    exactly before it serves.
    normalize: as the cache that will use the threshold; its embedder sees the same texts.
    Of equally good thresholds the more precise wins, then the higher: serving less is the smaller mistake.
    Raises NoThresholdError, a ValueError, for an empty list and where no threshold that serves a paraphrase
    reaches the minima.
    """
    if target_metric not in get_args(TargetMetric):
        raise InvalidArgumentError(f"target_metric is {target_metric!r}; it is one of {get_args(TargetMetric)}.")
    least_precision = _fraction(min_precision, "min_precision")
    least_recall = _fraction(min_recall, "min_recall")
    counts = _sweep(paraphrase_pairs, distractor_pairs, embedder, grid, vector_dtype, normalize)
    admissible = [
        count for count in counts if count.right and count.precision >= least_precision and count.recall >= least_recall
    ]
    if not admissible:
        raise NoThresholdError(
            f"none of the {len(counts)} thresholds from {counts[0].threshold:g} to {counts[-1].threshold:g} "
            f"serves a paraphrase with precision at least {least_precision:g} and recall at least "
            f"{least_recall:g}. Lower the minima, widen the grid, or use a better embedder."
        )
    best = max(admissible, key=lambda count: (getattr(count, target_metric), count.precision, count.threshold))
    curve = tuple(PrecisionRecall(count.threshold, count.precision, count.recall) for count in counts)
    return CalibrationResult(best.threshold, best.precision, best.recall, best.f1, curve)


def precision_recall_curve(
    paraphrase_pairs: Pairs,
    distractor_pairs: Pairs,
    embedder: Embedder,
    *,
    grid: Iterable[float] | None = None,
    vector_dtype: VectorDtype = "float32",
    normalize: bool | Normalizer = True,
) -> list[PrecisionRecall]:
    """Return precision and recall at each threshold of the grid, ascending; see find_threshold."""
    counts = _sweep(paraphrase_pairs, distractor_pairs, embedder, grid, vector_dtype, normalize)
    return [PrecisionRecall(count.threshold, count.precision, count.recall) for count in counts]


@dataclass(frozen=True, slots=True)
class _Count:
    """What a threshold serves. The quotients are of whole numbers, so equal thresholds compare equal."""

    threshold: float
    right: int
    wrong: int
    paraphrases: int

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.paraphrases

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.right + self.wrong + self.paraphrases)


def _sweep(
    paraphrases: Pairs,
    distractors: Pairs,
    embedder: Embedder,
    grid: Iterable[float] | None,
    vector_dtype: VectorDtype,
    normalize: bool | Normalizer,
) -> list[_Count]:
    thresholds = check_grid(DEFAULT_GRID if grid is None else grid)
    paraphrases, distractors = list(paraphrases), list(distractors)
    if not (paraphrases and distractors):
        raise NoThresholdError(
            f"{len(paraphrases)} paraphrase pairs and {len(distractors)} distractor pairs were given; "
            "a threshold is found between the two, so neither list may be empty."
        )
    similarities = _similarities([*paraphrases, *distractors], embedder, vector_dtype, normalize)
    right, wrong = similarities[: len(paraphrases)], similarities[len(paraphrases) :]
    return [
        _Count(threshold, int((right >= threshold).sum()), int((wrong >= threshold).sum()), len(paraphrases))
        for threshold in thresholds
    ]


def _similarities(
    pairs: Pairs, embedder: Embedder, vector_dtype: VectorDtype, normalize: bool | Normalizer
) -> Similarities:
    """Return the cosine of each pair; each distinct text is embedded once."""
    check_dtype(vector_dtype)
    canonical = normalizer(normalize)[0]
    rows: dict[str, int] = {}

    def row(text: str) -> int:
        return rows.setdefault(canonical(text), len(rows))

    sides = np.array([(row(a), row(b)) for a, b in pairs])
    vectors = embed_all(list(rows), embedder).astype(np.float64)
    cosines: Similarities = (vectors[sides[:, 0]] * vectors[sides[:, 1]]).sum(axis=1)
    return np.minimum(np.round(cosines, SIMILARITY_DECIMALS), 1.0)


def check_grid(grid: Iterable[float]) -> list[float]:
    """Return the thresholds ascending, each once; raise InvalidArgumentError unless they are cosines."""
    thresholds = list(grid)
    if not thresholds:
        raise InvalidArgumentError("the grid is empty; it is a list of thresholds to try.")
    for threshold in thresholds:
        check_similarity(threshold, "a threshold of the grid")
    return sorted({float(threshold) for threshold in thresholds})


def _fraction(value: float | None, name: str) -> float:
    if value is None:
        return 0.0
    if not (isinstance(value, int | float) and 0.0 <= value <= 1.0):
        raise InvalidArgumentError(f"{name} is {value!r}; it lies in [0, 1].")
    return value
