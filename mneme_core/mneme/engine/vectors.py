"""Vectors as Mneme holds them: float32, unit length, finite."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mneme.errors import EmbedderDimensionError, InvalidArgumentError

# Decimals of a similarity: what float32 vectors of unit length can tell apart.
SIMILARITY_DECIMALS: Final = 6
# NumPy's kinds that would turn into floats without a word: text, complex numbers, dates and times.
NOT_NUMBERS: Final = "SUcMm"
# Between these, squares of float32 can be summed up as float32.
LEAST_SQUARE: Final = 1e-12
MOST_SQUARE: Final = 1e12


def unit(vector: Any, dim: int) -> NDArray[np.float32]:
    """Return `vector` as a float32 copy of unit length, shape (dim,).

    vector: any array or list of `dim` numbers.
    Raises EmbedderDimensionError for another shape; InvalidArgumentError for what is not numbers, for NaN and
    infinity, and for a vector without a direction (length zero).
    """
    if type(vector) is np.ndarray and vector.dtype == np.float32 and vector.shape == (dim,):
        short = float(vector.dot(vector))
        if LEAST_SQUARE < short < MOST_SQUARE:  # False for NaN
            return np.divide(vector, math.sqrt(short), dtype=np.float32)
    try:
        given = np.asarray(vector)
        if given.dtype.kind in NOT_NUMBERS:
            raise TypeError(f"they are of type {given.dtype}")
        values = given.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(
            f"an embedding must be {dim} real numbers, got {type(vector).__name__}: {error}"
        ) from error
    if values.shape != (dim,):
        raise EmbedderDimensionError(
            f"the cache holds vectors of {dim} numbers, this one has shape {values.shape}. "
            "Was the embedding model changed? Open a new cache, or run `reembed`."
        )
    largest = float(np.abs(values).max())
    if not math.isfinite(largest):
        raise InvalidArgumentError("an embedding holds NaN or an infinite number; it has no direction to compare.")
    if largest == 0.0:
        raise InvalidArgumentError("an embedding of length zero has no direction to compare.")
    values /= largest  # squares of very large or small numbers would leave the range of float64
    return (values / math.sqrt(values.dot(values))).astype(np.float32)


def cosine(vector: NDArray[np.float32], raw: bytes) -> list[float]:
    """Return the cosines of a unit vector, shape (dim,), to unit vectors given as one run of float32 bytes.

    Computed in float64, to six decimals, at most 1.
    """
    rows = np.frombuffer(raw, np.float32).reshape(-1, len(vector)).astype(np.float64)
    return [min(round(float(value), SIMILARITY_DECIMALS), 1.0) for value in rows @ vector.astype(np.float64)]
