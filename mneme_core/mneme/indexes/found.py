"""The rows that a search found, and the best of them."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mneme.indexes.base import Ids, Near, Vector
from mneme.indexes.rotation import MARGIN
from mneme.model import VectorDtype

N = TypeVar("N", bound=np.generic)


class Found:
    """Rows that were found, of which the best are wanted."""

    __slots__ = ("_dtype", "_errors", "_ids", "_similarities")

    def __init__(self, dtype: VectorDtype) -> None:
        self._dtype = dtype
        self._ids: list[Ids] = []
        self._similarities: list[Vector] = []
        self._errors: list[Vector] = []

    def add(self, ids: Ids, similarities: Vector, errors: Vector) -> None:
        """Add rows; errors: by how much each similarity can be wrong."""
        self._ids.append(ids)
        self._similarities.append(similarities)
        self._errors.append(errors)

    def first(self, k: int) -> list[Near]:
        """Return the `k` best, best first, and where similarities are inexact all that may be among them."""
        if not self._ids:
            return []
        ids, similarities = joined(self._ids), joined(self._similarities)
        if self._dtype != "float32" and len(ids) > k:
            errors = joined(self._errors)
            reached = np.partition(similarities - errors, len(ids) - k)[len(ids) - k]
            order = np.argsort(-similarities, kind="stable")
            order = order[(similarities + errors)[order] >= reached - MARGIN]
        else:
            order = best(similarities, k)
        return list(map(Near._make, zip(ids[order].tolist(), similarities[order].tolist(), strict=True)))


def joined(parts: list[NDArray[N]]) -> NDArray[N]:
    """Return arrays as one."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def best(similarities: Vector, k: int) -> Ids:
    """Return the positions of the `k` largest, largest first; equal ones in their order."""
    if len(similarities) > k:
        cut = np.partition(similarities, len(similarities) - k)[len(similarities) - k]
        few = np.flatnonzero(similarities >= cut)
        return few[np.argsort(-similarities[few], kind="stable")[:k]]
    return np.argsort(-similarities, kind="stable")
