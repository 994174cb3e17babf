"""The rows that a search found, and the best of them."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mneme.indexes.base import Ids, Near, Vector
from mneme.indexes.rotation import MARGIN

N = TypeVar("N", bound=np.generic)

# Up to so many a list is sorted sooner than an array.
FEW = 64


class Found:
    """Rows that were found, of which the best are wanted."""

    __slots__ = ("_errors", "_ids", "_similarities")

    def __init__(self) -> None:
        self._ids: list[Ids] = []
        self._similarities: list[Vector] = []
        self._errors: list[Vector] = []

    def add(self, ids: Ids, similarities: Vector, errors: Vector | None) -> None:
        """Add rows; errors: by how much each similarity can be wrong; None, always, where they are exact."""
        self._ids.append(ids)
        self._similarities.append(similarities)
        if errors is not None:
            self._errors.append(errors)

    def first(self, k: int) -> list[Near]:
        """Return the `k` best, best first, and where similarities are inexact all that may be among them."""
        if not self._ids:
            return []
        ids, similarities = joined(self._ids), joined(self._similarities)
        if self._errors and len(ids) > k:
            errors = joined(self._errors)
            reached = np.partition(similarities - errors, len(ids) - k)[len(ids) - k]
            order = np.argsort(-similarities, kind="stable")
            order = order[(similarities + errors)[order] >= reached - MARGIN]
        elif len(ids) <= FEW:
            pairs = map(Near._make, zip(ids.tolist(), similarities.tolist(), strict=True))
            return sorted(pairs, key=_distance)[:k]
        else:
            order = best(similarities, k)
        return list(map(Near._make, zip(ids[order].tolist(), similarities[order].tolist(), strict=True)))


def _distance(near: Near) -> float:
    return -near.similarity


def joined(parts: list[NDArray[N]]) -> NDArray[N]:
    """Return arrays as one."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def reaching(similarities: Vector, errors: Vector | None, low: float) -> NDArray[np.int64]:
    """Return the positions of those that may be `low` or more."""
    return ((similarities if errors is None else similarities + errors) >= low).nonzero()[0]


def best(similarities: Vector, k: int) -> Ids:
    """Return the positions of the `k` largest, largest first; equal ones in their order."""
    if len(similarities) > k:
        cut = np.partition(similarities, len(similarities) - k)[len(similarities) - k]
        few = np.flatnonzero(similarities >= cut)
        return few[np.argsort(-similarities[few], kind="stable")[:k]]
    return np.argsort(-similarities, kind="stable")
