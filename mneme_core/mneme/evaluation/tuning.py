"""Chooses how careful a policy is from labelled pairs, and says how sure that choice is."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal, TypeAlias

import numpy as np

from mneme.engine.guard import compare
from mneme.engine.guarded import Guarded
from mneme.engine.judge import Threshold
from mneme.engine.likeness import calibration_for
from mneme.engine.vectors import SIMILARITY_DECIMALS
from mneme.errors import InvalidArgumentError
from mneme.evaluation.calibration import NoThresholdError
from mneme.evaluation.contenders import Vectors
from mneme.evaluation.figures import Rate, rate
from mneme.runtime.pairs import LabelledPair, Pair

PolicyKind: TypeAlias = Literal["guarded", "threshold"]
Score: TypeAlias = Callable[[str, str], float]

FOLDS = 5
RECHOSEN = 200


@dataclass(frozen=True, slots=True)
class Scored:
    """A labelled pair with what the policy compares with its limit."""

    score: float
    same: bool
    cluster: str


@dataclass(frozen=True, slots=True)
class Point:
    """What a limit does to the pairs."""

    limit: float
    precision: float
    """Of the pairs served, the part that may share an answer; 1 where none is served."""
    hit_rate: float
    """Of the pairs that may share an answer, the part served."""


@dataclass(frozen=True, slots=True)
class AsItIs:
    """What the same kind of policy does to the pairs with its default limit."""

    limit: float
    precision: Rate
    hit_rate: Rate
    wrong: tuple[LabelledPair, ...]
    """What it serves and must not, the most confident first."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """The limit chosen, and how it holds."""

    policy: Guarded | Threshold
    limit: float
    limit_low: float
    limit_high: float
    """The limits chosen from 95 % of resamples lie between the two."""
    precision: Rate
    hit_rate: Rate
    trapped: Rate
    """Of the pairs that must not share an answer, the part served."""
    unseen_precision: Rate
    """Of pairs on which the limit was not chosen: chosen on four fifths of the clusters, measured on the last."""
    unseen_hit_rate: Rate
    curve: tuple[Point, ...]
    as_it_is: AsItIs


def tune(
    pairs: Sequence[LabelledPair], vectors: Vectors, kind: PolicyKind, *, min_precision: float = 0.98, seed: int = 0
) -> Tuned:
    """Return the policy that serves most of the pairs that are the same with a precision of at least `min_precision`.

    vectors: must know the texts. Clusters stay together in folds and resamples.
    Raises NoThresholdError where there are no pairs of one label, or no limit is precise enough.
    """
    if not (isinstance(min_precision, int | float) and 0.0 < min_precision <= 1.0):
        raise InvalidArgumentError(f"min_precision is {min_precision!r}; it lies above 0 and is at most 1.")
    same = sum(pair.same for pair in pairs)
    if not 0 < same < len(pairs):
        raise NoThresholdError(
            f"{same} of {len(pairs)} pairs are the same; a limit lies between pairs that are and pairs that are not."
        )
    score = scorer(vectors, kind)
    scored = [Scored(score(pair.a, pair.b), pair.same, pair.origin) for pair in pairs]
    limit = _choose(scored, min_precision)
    if limit is None:
        raise NoThresholdError(
            f"no limit serves any of the {same} pairs that are the same with a precision of {min_precision:g}. Ask for "
            "less, compare with another policy, or serve equal questions alone."
        )
    low, high = _rechosen(scored, min_precision, seed)
    folds = _unseen(scored, min_precision)
    return Tuned(
        _policy(kind, limit, vectors.fingerprint),
        limit,
        low,
        high,
        _precision(scored, limit, seed),
        _served(scored, limit, True, seed),
        _served(scored, limit, False, seed),
        rate(((one.cluster, one.same) for one, at in folds if one.score >= at), seed),
        rate(((one.cluster, one.score >= at) for one, at in folds if one.same), seed),
        tuple(_curve(scored)),
        _as_it_is(kind, pairs, scored, seed),
    )


def scorer(vectors: Vectors, kind: PolicyKind) -> Score:
    """Return what a policy of this kind compares with its limit: P(same answer), or the cosine."""
    weigh = weigher(vectors.fingerprint, kind)

    def score(a: str, b: str) -> float:
        first, second = vectors.of(a), vectors.of(b)
        cosine = -1.0 if first is None or second is None else round(float(first @ second), SIMILARITY_DECIMALS)
        return weigh(cosine, a, b)

    return score


def weigher(fingerprint: str, kind: PolicyKind, guarded: Guarded | None = None) -> Callable[[float, str, str], float]:
    """Return what makes the score of a pair from its cosine and its texts, for an embedder with this fingerprint.

    guarded: in the place of the one that such a cache has by default.
    """
    guarded = guarded or Guarded(calibration=calibration_for(fingerprint))

    def likeness(cosine: float, a: str, b: str) -> float:
        return guarded.calibration.likeness(cosine, compare(b, a)) if cosine >= guarded.threshold else 0.0

    return likeness if kind == "guarded" else lambda cosine, a, b: cosine  # noqa: ARG005


def _as_it_is(kind: PolicyKind, pairs: Sequence[LabelledPair], scored: Sequence[Scored], seed: int) -> AsItIs:
    limit = 1.0 - Guarded().max_error if kind == "guarded" else Threshold().threshold
    wrong = [(one.score, pair) for one, pair in zip(scored, pairs, strict=True) if one.score >= limit and not one.same]
    return AsItIs(
        limit,
        _precision(scored, limit, seed),
        _served(scored, limit, True, seed),
        tuple(pair for _, pair in sorted(wrong, key=lambda each: -each[0])),
    )


def limits(scored: Sequence[Scored]) -> list[float]:
    """Return the limits at which something changes, ascending; nothing is served at a score of 0 or less."""
    return sorted({math.floor(one.score * 1e6) / 1e6 for one in scored if one.score > 1e-6})


def _choose(scored: Sequence[Scored], min_precision: float) -> float | None:
    """Return the limit that serves most of what is the same, the highest of equals; None where none is precise."""
    best: tuple[int, float] | None = None
    right = wrong = 0
    ordered = sorted(scored, key=lambda one: -one.score)
    at = 0
    for limit in reversed(limits(scored)):
        while at < len(ordered) and ordered[at].score >= limit:
            right, wrong = right + ordered[at].same, wrong + (not ordered[at].same)
            at += 1
        if right and right / (right + wrong) >= min_precision and (best is None or right > best[0]):
            best = right, limit
    return None if best is None else best[1]


def _rechosen(scored: Sequence[Scored], min_precision: float, seed: int) -> tuple[float, float]:
    clusters = list(_clusters(scored).values())
    chance = np.random.default_rng(seed)
    chosen = []
    for _ in range(RECHOSEN):
        sample = [one for number in chance.integers(0, len(clusters), len(clusters)) for one in clusters[number]]
        limit = _choose(sample, min_precision)
        chosen.append(1.0 if limit is None else limit)
    low, high = np.percentile(chosen, (2.5, 97.5))
    return float(low), float(high)


def _unseen(scored: Sequence[Scored], min_precision: float) -> list[tuple[Scored, float]]:
    """Return each pair with the limit chosen on the folds that it is not in."""
    folds: list[list[Scored]] = [[] for _ in range(FOLDS)]
    for cluster, members in _clusters(scored).items():
        folds[sha256(cluster.encode("utf-8", "surrogatepass")).digest()[0] % FOLDS] += members
    measured = []
    for fold in folds:
        limit = _choose([one for other in folds if other is not fold for one in other], min_precision)
        measured += [(one, 2.0 if limit is None else limit) for one in fold]
    return measured


def _clusters(scored: Sequence[Scored]) -> dict[str, list[Scored]]:
    clusters: dict[str, list[Scored]] = defaultdict(list)
    for one in scored:
        clusters[one.cluster].append(one)
    return clusters


def _precision(scored: Sequence[Scored], limit: float, seed: int) -> Rate:
    return rate(((one.cluster, one.same) for one in scored if one.score >= limit), seed)


def _served(scored: Sequence[Scored], limit: float, same: bool, seed: int) -> Rate:
    return rate(((one.cluster, one.score >= limit) for one in scored if one.same is same), seed)


def _curve(scored: Sequence[Scored]) -> list[Point]:
    same = np.array(sorted(one.score for one in scored if one.same))
    other = np.array(sorted(one.score for one in scored if not one.same))
    points = []
    for limit in limits(scored):
        right, wrong = int((same >= limit).sum()), int((other >= limit).sum())
        points.append(Point(limit, right / (right + wrong) if right + wrong else 1.0, right / len(same)))
    return points


def _policy(kind: PolicyKind, limit: float, fingerprint: str) -> Guarded | Threshold:
    if kind == "threshold":
        return Threshold(limit, min_confidence=0.0)
    # Not 1 - limit as it is: a rounding error there must not refuse what lies on the limit.
    max_error = min(1.0, 1.0 - limit + 1e-9)
    return replace(Guarded(calibration=calibration_for(fingerprint)), max_error=max_error)


def texts_of(pairs: Sequence[LabelledPair] | Sequence[Pair]) -> list[str]:
    """Return every text of some pairs."""
    return [text for pair in pairs for text in ((pair.a, pair.b) if isinstance(pair, LabelledPair) else pair)]
