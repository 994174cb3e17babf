"""What a graph is asked to see how much it finds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mneme.indexes.base import Near, Vector
from mneme.indexes.rotation import MARGIN

# Rows that are asked for, and how many neighbours of each.
CHECKED, NEAREST = 256, 8
# About where a rewording lies, and the floor where nobody has asked yet.
ASIDE, USUAL_FLOOR = 0.93, 0.8


def is_lost(near: Near, found: Sequence[Near]) -> bool:
    """Return whether a true neighbour is missing, where none that is as similar took its place."""
    if any(near.id == other.id for other in found):
        return False
    return len(found) < NEAREST or near.similarity > found[NEAREST - 1].similarity + MARGIN


def questions_near(rows: Vector, floor: float) -> Vector:
    """Return a unit vector near each row that may be asked with this floor, off towards another row."""
    cosine = max(ASIDE, (1 + floor) / 2)
    aside = np.roll(rows, 1, axis=0) - rows
    aside -= np.einsum("ij,ij->i", aside, rows)[:, None] * rows
    aside /= np.maximum(np.linalg.norm(aside, axis=1, keepdims=True), np.float32(MARGIN))
    moved = np.float32(cosine) * rows + np.float32((1 - cosine**2) ** 0.5) * aside
    return moved / np.linalg.norm(moved, axis=1, keepdims=True)  # type: ignore[no-any-return]  # NumPy's stubs say Any
