"""How unit vectors are held: float32, float16, or int8 with one scale a row."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from mneme.errors import QuantizationError
from mneme.indexes.base import Vector
from mneme.indexes.products import products
from mneme.model import VectorDtype

BYTES_PER_NUMBER: dict[VectorDtype, int] = {"float32": 4, "float16": 2, "int8": 1}


def check_dtype(dtype: Any) -> VectorDtype:
    """Return `dtype`, or raise QuantizationError when vectors cannot be held in it."""
    if dtype not in BYTES_PER_NUMBER:
        raise QuantizationError(f"vector_dtype is {dtype!r}; it is one of {', '.join(BYTES_PER_NUMBER)}.")
    return dtype  # type: ignore[no-any-return]  # just checked


class Rows(Protocol):
    """A fixed number of rows of vectors; `rows` below are a slice or row numbers."""

    errors: Vector
    """By how much the cosine to each row can be wrong."""

    def write(self, at: int, vectors: Vector) -> None:
        """Write float32 vectors, shape (n, dim), from row `at` on."""
        ...

    def copy_row(self, other: Any, row: int, target: int) -> None:
        """Copy a row of rows of the same kind (or of these) onto row `target`."""
        ...

    def copy_from(self, other: Any, count: int) -> None:
        """Copy the first `count` rows of rows of the same kind."""
        ...

    def read(self, rows: Any) -> Vector:
        """Return rows as float32 vectors."""
        ...

    def row(self, number: int) -> Vector:
        """Return one row, shape (dim,): in a quarter of the time that `read` takes."""
        ...

    def cosines(self, rows: Any, query: Vector) -> Vector:
        """Return the cosines of rows, as held, to a unit vector."""
        ...

    @property
    def nbytes(self) -> int:
        """The memory held."""
        ...


class Float32Rows:
    """The vectors themselves."""

    def __init__(self, capacity: int, dim: int) -> None:
        self.values: Vector = np.empty((capacity, dim), np.float32)
        self.errors: Vector = np.broadcast_to(np.float32(0), capacity)

    def write(self, at: int, vectors: Vector) -> None:
        self.values[at : at + len(vectors)] = vectors

    def copy_row(self, other: Float32Rows, row: int, target: int) -> None:
        self.values[target] = other.values[row]

    def copy_from(self, other: Float32Rows, count: int) -> None:
        self.values[:count] = other.values[:count]

    def read(self, rows: Any) -> Vector:
        # As rows[numbers], in half the time.
        held: Vector = self.values[rows] if isinstance(rows, slice) else self.values.take(rows, axis=0)
        return held

    def row(self, number: int) -> Vector:
        held: Vector = self.values[number]
        return held

    def cosines(self, rows: Any, query: Vector) -> Vector:
        return products(self.read(rows), query)

    @property
    def nbytes(self) -> int:
        return self.values.nbytes


class QuantizedRows:
    """float16, or int8 times one scale a row; each row knows its rounding error.

    The error is the length of (vector - row as held): by Cauchy-Schwarz no cosine is off by more.
    """

    def __init__(self, capacity: int, dim: int, dtype: VectorDtype) -> None:
        self.values = np.empty((capacity, dim), np.float16 if dtype == "float16" else np.int8)
        self.scales: Vector = np.ones(capacity, np.float32)
        self.errors: Vector = np.zeros(capacity, np.float32)

    def write(self, at: int, vectors: Vector) -> None:
        rows = slice(at, at + len(vectors))
        if self.values.dtype == np.int8:
            scales = np.abs(vectors).max(axis=1) / np.float32(127)
            self.scales[rows] = scales
            self.values[rows] = np.rint(vectors / scales[:, None])
        else:
            self.values[rows] = vectors
        self.errors[rows] = np.linalg.norm(vectors - self.read(rows), axis=1)

    def copy_row(self, other: QuantizedRows, row: int, target: int) -> None:
        self.values[target] = other.values[row]
        self.scales[target] = other.scales[row]
        self.errors[target] = other.errors[row]

    def copy_from(self, other: QuantizedRows, count: int) -> None:
        self.values[:count] = other.values[:count]
        self.scales[:count] = other.scales[:count]
        self.errors[:count] = other.errors[:count]

    def read(self, rows: Any) -> Vector:
        held: Vector = self.values[rows].astype(np.float32)
        held *= self.scales[rows][:, None]
        return held

    def row(self, number: int) -> Vector:
        held: Vector = self.values[number].astype(np.float32)
        held *= self.scales[number]
        return held

    def cosines(self, rows: Any, query: Vector) -> Vector:
        held: Vector = self.values[rows].astype(np.float32)
        found = products(held, query)
        found *= self.scales[rows]
        return found

    @property
    def nbytes(self) -> int:
        return self.values.nbytes + self.scales.nbytes + self.errors.nbytes


def make_rows(capacity: int, dim: int, dtype: VectorDtype) -> Rows:
    """Return empty rows for vectors held as `dtype`."""
    return Float32Rows(capacity, dim) if dtype == "float32" else QuantizedRows(capacity, dim, dtype)
