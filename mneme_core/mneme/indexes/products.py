"""Matrix products on the calling thread."""

from __future__ import annotations

import os
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

N = TypeVar("N", bound=np.floating[Any])

# OpenBLAS spreads a product with a vector from 9,216 numbers on, one with a matrix from 262,144 multiplications
# on, over threads that wait for each other: on a machine that has something else to do, a scan then takes five to
# twenty times as long. One thread reads as fast as memory allows.
VECTOR_NUMBERS, MATRIX_MULTIPLICATIONS = 8_192, 262_144
_THREADS = next((os.environ[name] for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS") if name in os.environ), "")
# What NumPy's BLAS was told before it was loaded: then there is nothing to keep it from.
HAS_ONE_THREAD = _THREADS.strip() == "1"


def products(rows: NDArray[N], other: NDArray[N]) -> NDArray[N]:
    """Return `rows @ other`, computed in groups of rows small enough for one thread.

    rows: contiguous, shape (n, dim). other: shape (dim,) or (dim, m).
    """
    if HAS_ONE_THREAD:
        at_once: NDArray[Any] = rows.dot(other)  # `rows @ other`, in less time where they are few
        return at_once
    count, dim = rows.shape
    step = max(1, VECTOR_NUMBERS // dim if other.ndim == 1 else MATRIX_MULTIPLICATIONS // other.size)
    whole = count - count % step
    found = np.empty((count, *other.shape[1:]), rows.dtype)
    if whole:
        groups = found[:whole].reshape(-1, step, *other.shape[1:])
        np.matmul(rows[:whole].reshape(-1, step, dim), other, out=groups)
    np.matmul(rows[whole:], other, out=found[whole:])
    return found
