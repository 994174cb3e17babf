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

# 64 float32 are four cache lines; measured on sentence embeddings of 256 to 768 numbers, wider prefixes cost
# more bandwidth than the survivors they save.
WIDTH = 64
AXES = WIDTH - 1
SAMPLE = 2_000
SPARE, ROUNDS = 16, 3

# float32 sums of a few thousand products of unit vectors are off by less than this.
MARGIN = 1e-5


@dataclass(frozen=True, slots=True)
class Rotation:
    """The leading directions of a sample, float32, shape (dim, AXES), orthonormal columns."""

    axes: NDArray[np.float32]

    def prefixes(self, vectors: Vector) -> Vector:
        """Return the prefixes of rows, shape (n, WIDTH): leading coordinates, and last the length of the rest.

        The length is never too small: the margin is added before the root, which would magnify a rounding error
        of a vector that lies almost wholly in its prefix.
        """
        found = np.empty((len(vectors), WIDTH), np.float32)
        heads = products(vectors, self.axes)
        squares = np.einsum("ij,ij->i", vectors, vectors) - np.einsum("ij,ij->i", heads, heads)
        found[:, :AXES] = heads
        found[:, AXES] = np.sqrt(np.maximum(squares, np.float32(0)) + np.float32(MARGIN))
        return found

    def prefix(self, vector: Vector) -> Vector:
        """Return the prefix of one vector, shape (WIDTH,), in a third of the time."""
        found = np.empty(WIDTH, np.float32)
        head = products(vector[None, :], self.axes)[0]
        found[:AXES] = head
        found[AXES] = sqrt(max(float(vector @ vector) - float(head @ head), 0.0) + MARGIN)
        return found


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
    axes = np.zeros((rows.shape[1], AXES), np.float32)
    leading = basis @ turns[:, ::-1][:, :AXES]
    axes[:, : leading.shape[1]] = leading
    return Rotation(axes)


def _orthonormal(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an orthonormal basis of what the columns span, fewer of them where they are dependent.

    Once is right to half the digits, twice to all. np.linalg.qr would be shorter, but its many small threaded
    steps take ten times as long on a busy machine.
    """
    squares, turns = np.linalg.eigh(columns.T @ columns)
    kept = squares > squares[-1] * 1e-9
    return columns @ (turns[:, kept] / np.sqrt(squares[kept]))  # type: ignore[no-any-return]  # NumPy's stubs say Any
