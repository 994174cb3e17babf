"""A rotation that gathers most of a vector's length in few coordinates, and what that certifies.

With y the leading rotated coordinates of x and r the length of the rest, Cauchy-Schwarz gives
cos(q, x) <= y_q . y_x + r_q * r_x for any orthonormal rotation: a row whose bound is below the floor cannot
reach it. With r as one coordinate more the bound is one product. The data only decide how tight it is, that is, how
fast a scan can be.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from mneme.indexes.base import Vector
from mneme.indexes.products import products

# Numbers of the first prefix, which is read of every row: the length of the rest and 31 coordinates. Measured on
# sentence embeddings of 256 to 768 numbers: half as many rule out too little, twice as many take twice the time.
FIRST = 32
# Of the second one, read of the rows that are left: both rests and 30 more coordinates, two cache lines.
SECOND = 32
WIDTH = FIRST + SECOND
RESTS = (0, FIRST, FIRST + 1)
AXES_AT = np.delete(np.arange(WIDTH), RESTS)
AXES = len(AXES_AT)
SAMPLE = 2_000
SPARE, ROUNDS = 16, 3

# float32 sums of a few thousand products of unit vectors are off by less than this.
MARGIN = 1e-5


@dataclass(frozen=True, slots=True)
class Rotation:
    """The leading directions of a sample, float32, shape (WIDTH, dim): orthonormal rows, but for RESTS of zeros."""

    axes: NDArray[np.float32]

    def prefixes(self, vectors: Vector) -> Vector:
        """Return the first and second prefixes of rows, shape (n, WIDTH).

        [rest, coordinates], [that rest, the rest of all, more coordinates]. A rest is a length and never too small:
        the margin is added before the root, which would magnify a rounding error of a vector that lies almost wholly in
        its prefix.
        """
        found = products(vectors, self.axes.T)
        first, second = found[:, :FIRST], found[:, FIRST:]
        squares = np.einsum("ij,ij->i", vectors, vectors) - np.einsum("ij,ij->i", first, first)
        more = squares - np.einsum("ij,ij->i", second, second)
        found[:, 0] = found[:, FIRST] = _lengths(squares)
        found[:, FIRST + 1] = _lengths(more)
        return found

    def first(self, vector: Vector) -> tuple[Vector, float]:
        """Return the first prefix of one vector, shape (FIRST,), and the square of what it leaves."""
        found = products(self.axes[:FIRST], vector)
        square = float(vector.dot(vector)) - float(found.dot(found))
        found[0] = _length(square)
        return found, square

    def shortened(self, vector: Vector) -> Vector:
        """Return a vector of unit length, shape (WIDTH,): the product of two is what their prefixes bound theirs by."""
        found = products(self.axes, vector)
        found[0] = _length(float(vector.dot(vector)) - float(found.dot(found)))
        return found

    def second(self, vector: Vector, square: float) -> Vector:
        """Return the second prefix, shape (SECOND,), given what the first one leaves."""
        found = products(self.axes[FIRST:], vector)
        found[1] = _length(square - float(found.dot(found)))
        found[0] = _length(square)
        return found


class Asked:
    """A query as it is multiplied with the prefixes of rows, which were made with the same rotation."""

    __slots__ = ("_query", "_second", "_square", "first", "rotation")

    def __init__(self, rotation: Rotation, query: Vector) -> None:
        self.rotation = rotation
        self.first, self._square = rotation.first(query)
        self._query = query
        self._second: Vector | None = None

    @property
    def second(self) -> Vector:
        """What takes the part of the first rest away again: by this product a bound by the first prefix is off."""
        if self._second is None:
            self._second = self.rotation.second(self._query, self._square)
            self._second[0] *= -1
        return self._second


def _length(square: float) -> float:
    return sqrt(max(square, 0.0) + MARGIN)


def _lengths(squares: Vector) -> Vector:
    lengths: Vector = np.sqrt(np.maximum(squares, np.float32(0)) + np.float32(MARGIN))
    return lengths


def fit(sample: Vector) -> Rotation:
    """Return the rotation onto the leading eigenvectors of the second moment of `sample`, shape (n, dim).

    By subspace iteration (Halko, Martinsson and Tropp, 2011), for a full decomposition would take seconds from
    some 1,500 numbers on. Near enough is good enough: any rotation is certified.
    """
    rows = sample.astype(np.float64)
    basis = np.random.default_rng(0).standard_normal((rows.shape[1], AXES + SPARE))
    columns = np.ascontiguousarray(rows.T)
    for _ in range(ROUNDS):
        basis = _orthonormal(_orthonormal(products(columns, products(rows, basis))))
    inside = products(rows, basis)
    _, turns = np.linalg.eigh(inside.T @ inside)
    axes = np.zeros((WIDTH, rows.shape[1]), np.float32)
    leading = basis @ turns[:, ::-1][:, :AXES]
    axes[AXES_AT[: leading.shape[1]]] = leading.T
    return Rotation(axes)


def _orthonormal(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an orthonormal basis of what the columns span, fewer of them where they are dependent.

    Once is right to half the digits, twice to all. np.linalg.qr would be shorter, but its many small threaded
    steps take ten times as long on a busy machine.
    """
    squares, turns = np.linalg.eigh(columns.T @ columns)
    kept = squares > squares[-1] * 1e-9
    return columns @ (turns[:, kept] / np.sqrt(squares[kept]))  # type: ignore[no-any-return]  # NumPy's stubs say Any
