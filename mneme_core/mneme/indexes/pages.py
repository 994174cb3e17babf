"""Arrays on large pages, where the system has them: what each search reads whole is read faster from those."""

from __future__ import annotations

import math

import numpy as np

from mneme.indexes.base import Vector

# A processor looks up where each page is, and 4 KB of a segment's prefixes are soon read.
LARGE_PAGE = 2 * 1_048_576


def zeros(*shape: int) -> Vector:
    """Return zeros, float32, which begin with a large page if they fill one.

    NumPy asks Linux for large pages from 4 MB on, but the system can only give those that lie wholly inside.
    """
    size = 4 * math.prod(shape)
    if size < LARGE_PAGE:
        return np.zeros(shape, np.float32)
    room = np.zeros(size + LARGE_PAGE, np.uint8)  # what is left over is never touched
    start = -room.__array_interface__["data"][0] % LARGE_PAGE
    return room[start : start + size].view(np.float32).reshape(shape)
