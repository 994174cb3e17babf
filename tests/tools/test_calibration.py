"""Choosing a threshold from pairs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mneme import MemoryStore, SemanticCache
from mneme.errors import EmbedderDimensionError, InvalidArgumentError, QuantizationError
from mneme.evaluation.calibration import CalibrationResult, PrecisionRecall
from mneme.testing import AsyncWordEmbedder, WordEmbedder
from mneme.tools.calibrate import find_threshold, precision_recall_curve


class AngleEmbedder:
    """Embeds a number as the unit vector at that angle, in degrees."""

    dim = 2
    fingerprint = "test:angle:v1"

    def __init__(self) -> None:
        self.calls: list[str] = []

    def embed(self, text: str) -> np.ndarray:
        self.calls.append(text)
        return np.array([math.cos(math.radians(float(text))), math.sin(math.radians(float(text)))], np.float32)


class BatchAngleEmbedder(AngleEmbedder):
    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def embed_many(self, texts: list[str]) -> np.ndarray:
        self.batches.append(len(texts))
        return np.stack([self.embed(text) for text in texts])


def pairs_at(*cosines: float) -> list[tuple[str, str]]:
    return [("0", str(math.degrees(math.acos(cosine)))) for cosine in cosines]


def test_the_best_threshold_separates_the_two_lists() -> None:
    result = find_threshold(pairs_at(0.9, 0.8), pairs_at(0.6, 0.4), AngleEmbedder(), grid=[0.5, 0.7, 0.85])

    assert result == CalibrationResult(
        threshold=0.7,
        precision=1.0,
        recall=1.0,
        f1=1.0,
        pr_curve=(
            PrecisionRecall(0.5, 2 / 3, 1.0),
            PrecisionRecall(0.7, 1.0, 1.0),
            PrecisionRecall(0.85, 1.0, 0.5),
        ),
    )


def test_a_similarity_equal_to_the_threshold_is_served() -> None:
    result = find_threshold(pairs_at(0.8), pairs_at(0.3), AngleEmbedder(), grid=[0.8])

    assert result.recall == 1.0


def test_of_equally_good_thresholds_the_highest_is_chosen() -> None:
    result = find_threshold(pairs_at(0.9), pairs_at(0.4), AngleEmbedder())

    assert result.threshold == 0.9


@pytest.mark.parametrize(("metric", "threshold"), [("recall", 0.6), ("precision", 0.85), ("f1", 0.6)])
def test_the_target_metric_decides(metric: str, threshold: float) -> None:
    paraphrases, distractors = pairs_at(0.9, 0.7, 0.65), pairs_at(0.8, 0.1)

    result = find_threshold(paraphrases, distractors, AngleEmbedder(), target_metric=metric, grid=[0.5, 0.6, 0.85])

    assert result.threshold == threshold


def test_a_threshold_that_serves_nothing_is_never_the_most_precise() -> None:
    result = find_threshold(pairs_at(0.7), pairs_at(0.8), AngleEmbedder(), target_metric="precision", grid=[0.6, 0.9])

    assert (result.threshold, result.precision) == (0.6, 0.5)


def test_the_minima_rule_out_better_thresholds() -> None:
    paraphrases, distractors = pairs_at(0.95, 0.7, 0.65), pairs_at(0.8)

    precise = find_threshold(paraphrases, distractors, AngleEmbedder(), min_precision=1.0, grid=[0.6, 0.9])
    complete = find_threshold(
        paraphrases, distractors, AngleEmbedder(), target_metric="precision", min_recall=0.9, grid=[0.6, 0.9]
    )

    assert (precise.threshold, complete.threshold) == (0.9, 0.6)


def test_the_default_grid_runs_from_50_to_99_hundredths() -> None:
    curve = precision_recall_curve(pairs_at(0.9), pairs_at(0.4), AngleEmbedder())

    assert [point.threshold for point in curve] == [float(f"0.{percent}") for percent in range(50, 100)]


def test_each_distinct_text_is_embedded_once() -> None:
    embedder = WordEmbedder()

    find_threshold([("Pay now", "pay  NOW"), ("pay now", "pay")], [("pay now", "fly")], embedder, grid=[0.1])

    assert embedder.calls == ["pay now", "pay", "fly"]


def test_the_texts_are_embedded_as_the_cache_would_embed_them() -> None:
    verbatim, own = WordEmbedder(), WordEmbedder()

    precision_recall_curve([("Pay", "pay")], [("A", "B")], verbatim, normalize=False)
    precision_recall_curve([("Pay", "pay")], [("A", "B")], own, normalize=str.upper)

    assert (verbatim.calls, own.calls) == (["Pay", "pay", "A", "B"], ["PAY", "A", "B"])


def test_a_batch_embedder_is_given_batches() -> None:
    embedder = BatchAngleEmbedder()
    paraphrases = [("0", str(angle)) for angle in range(1, 100)]

    curve = precision_recall_curve(paraphrases, [("0", "179")], embedder, grid=[0.5])

    assert (embedder.batches, curve) == ([64, 37], [PrecisionRecall(0.5, 1.0, 60 / 99)])


@pytest.mark.parametrize(("paraphrases", "distractors"), [([], [("a", "b")]), ([("a", "b")], [])])
def test_an_empty_list_is_refused(paraphrases: list, distractors: list) -> None:
    with pytest.raises(ValueError, match="neither list may be empty"):
        find_threshold(paraphrases, distractors, WordEmbedder())


def test_demands_that_nothing_meets_are_an_error_with_the_numbers() -> None:
    with pytest.raises(ValueError, match=r"precision at least 0\.9 and recall at least 0\.5"):
        find_threshold(pairs_at(0.6), pairs_at(0.8), AngleEmbedder(), min_precision=0.9, min_recall=0.5)


@pytest.mark.parametrize(
    "options",
    [
        {"target_metric": "accuracy"},
        {"min_precision": 1.5},
        {"min_recall": math.nan},
        {"grid": []},
        {"grid": [0.5, math.nan]},
        {"grid": [5]},
    ],
)
def test_a_bad_option_is_refused(options: dict) -> None:
    with pytest.raises(InvalidArgumentError):
        find_threshold(pairs_at(0.9), pairs_at(0.4), AngleEmbedder(), **options)


def test_an_unknown_vector_type_is_refused() -> None:
    with pytest.raises(QuantizationError, match="float8"):
        find_threshold(pairs_at(0.9), pairs_at(0.4), AngleEmbedder(), vector_dtype="float8")


class BadEmbedder(WordEmbedder):
    def __init__(self, vector: object) -> None:
        super().__init__(dim=2)
        self.vector = vector

    def embed(self, text: str) -> object:
        return self.vector


@pytest.mark.parametrize("vector", [[math.nan, 1.0], [math.inf, 1.0], [0.0, 0.0], ["a", "b"]])
def test_a_vector_without_a_direction_is_an_error_that_names_the_text(vector: object) -> None:
    with pytest.raises(InvalidArgumentError, match="'how do i pay'"):
        find_threshold([("How do I pay", "b")], [("c", "d")], BadEmbedder(vector))


def test_a_vector_of_another_length_is_an_error_that_names_the_text() -> None:
    with pytest.raises(EmbedderDimensionError, match="'how do i pay'"):
        find_threshold([("How do I pay", "b")], [("c", "d")], BadEmbedder([1.0, 2.0, 3.0]))


def test_a_batch_of_the_wrong_length_is_an_error() -> None:
    class Short(BatchAngleEmbedder):
        def embed_many(self, texts: list[str]) -> np.ndarray:
            return super().embed_many(texts)[1:]

    with pytest.raises(EmbedderDimensionError, match="1 vectors for 2 texts"):
        find_threshold([("0", "1")], [("1", "0")], Short())


def test_an_async_embedder_is_refused_with_the_way_out() -> None:
    with pytest.raises(InvalidArgumentError, match="to_sync_embedder"):
        find_threshold([("a", "b")], [("c", "d")], AsyncWordEmbedder())


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_calibration_counts_what_the_cache_serves(dtype: str) -> None:
    """However vectors are held, the cache compares them as float32: so does calibration, but for a last digit."""
    pair = ("How do I pay my bill", "how can i pay the bill")
    with SemanticCache(
        store=MemoryStore(), embedder=WordEmbedder(), similarity_threshold=0.1, min_confidence=0.0, vector_dtype=dtype
    ) as cache:
        cache.put(pair[0], "By card.")
        hit = cache.get(pair[1])
    assert hit is not None

    curve = precision_recall_curve(
        [pair], [("a", "b")], WordEmbedder(), grid=[hit.similarity - 2e-6, hit.similarity + 2e-6], vector_dtype=dtype
    )

    assert [point.recall for point in curve] == [1.0, 0.0]
