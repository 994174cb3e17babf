"""What the rows of a segment are compared by first: two prefixes of each, made with one rotation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mneme.indexes.base import Vector
from mneme.indexes.pages import zeros
from mneme.indexes.products import products
from mneme.indexes.rotation import FIRST, SECOND, Asked, Rotation

# Columns that are multiplied at once: with FIRST numbers each they are as many as OpenBLAS leaves to one thread,
# and lie in memory one after another. A column of each row takes half the time of a row of each.
TILE = 256


class Prefixes:
    """The prefixes of up to `capacity` rows.

    Every search reads the first ones, shape (tiles, FIRST, TILE); the second ones, shape (capacity, SECOND), only
    those of rows that the first ones cannot rule out.
    """

    __slots__ = ("first", "rotation", "second")

    def __init__(self, rotation: Rotation, capacity: int) -> None:
        self.rotation = rotation
        self.first = zeros(-(-capacity // TILE), FIRST, TILE)
        self.second = zeros(capacity, SECOND)

    def write(self, start: int, vectors: Vector) -> None:
        """Write the prefixes of vectors, shape (n, dim), from row `start` on."""
        if len(vectors) == 1:  # in a quarter of the time
            self.first[start // TILE, :, start % TILE], square = self.rotation.first(vectors[0])
            self.second[start] = self.rotation.second(vectors[0], square)
            return
        made = self.rotation.prefixes(vectors)
        self.second[start : start + len(made)] = made[:, FIRST:]
        done = 0
        while done < len(made):
            tile, column = divmod(start + done, TILE)
            part = made[done : done + TILE - column, :FIRST]
            self.first[tile, :, column : column + len(part)] = part.T
            done += len(part)

    def copy_row(self, other: Prefixes, row: int, target: int) -> None:
        """Copy those of a row of `other`, which has the same rotation."""
        self.second[target] = other.second[row]
        self.first[target // TILE, :, target % TILE] = other.first[row // TILE, :, row % TILE]

    def resized(self, capacity: int) -> Prefixes:
        """Return the same for another number of rows."""
        other, tiles = Prefixes(self.rotation, capacity), -(-capacity // TILE)
        other.first[: len(self.first)] = self.first[:tiles]
        other.second[: len(self.second)] = self.second[:capacity]
        return other

    def bounds(self, count: int, asked: Asked) -> Vector:
        """Return what the cosines of the first `count` rows to the query cannot exceed, by their first prefixes."""
        if count == self.first.shape[0] * TILE:
            return np.matmul(asked.first, self.first).ravel()  # type: ignore[no-any-return]  # NumPy's stubs say Any
        tiles = self.first[: -(-count // TILE)]
        return np.matmul(asked.first, tiles).ravel()[:count]  # type: ignore[no-any-return]  # NumPy's stubs say Any

    def closer(self, rows: NDArray[np.int64], bounds: Vector, asked: Asked) -> Vector:
        """Return closer bounds of some rows, given those by their first prefixes."""
        closer = products(self.second.take(rows, axis=0), asked.second)
        closer += bounds
        return closer

    @property
    def nbytes(self) -> int:
        """The memory held."""
        return self.first.nbytes + self.second.nbytes
