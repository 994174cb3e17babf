"""A fixed run of rows of one partition, with what is needed to search them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mneme.indexes.base import Ids, Vector
from mneme.indexes.products import products
from mneme.indexes.quantize import make_rows
from mneme.indexes.rotation import MARGIN, WIDTH, Rotation
from mneme.model import VectorDtype

# Rows of a full segment: its prefixes are 2 MiB, so a bound is computed while it is still in the cache.
SEGMENT_ROWS = 8_192
# The share of survivors from which on a prefix is read in vain. float32 rows are gathered one by one at twenty times
# the cost of reading all; rows held smaller must each be converted, whichever are read.
IN_VAIN: dict[VectorDtype, float] = {"float32": 0.05, "float16": 0.8, "int8": 0.8}
# Rows turned to float32 at a time where they are held smaller.
CHUNK_ROWS = 1_024
# For how many searches a segment whose prefixes rule nothing out is read whole before they are tried again.
LONGEST_REST = 63


class Prefixes(NamedTuple):
    """The prefixes of a segment's rows, shape (capacity, WIDTH), and the rotation they were made with."""

    rotation: Rotation
    heads: Vector


class Scanned(NamedTuple):
    """What a scan found: rows, their cosines as held, and how many rows their prefixes could not rule out."""

    rows: NDArray[np.int64]
    similarities: Vector
    survivors: int | None
    """None where prefixes were not tried."""


class Segment:
    """Up to `capacity` rows; growing makes a new one, so a reader's arrays never change size under it."""

    __slots__ = ("capacity", "changes", "dim", "dtype", "ids", "patience", "prefixes", "rest", "rows")

    def __init__(self, capacity: int, dim: int, dtype: VectorDtype) -> None:
        self.capacity = capacity
        self.dim = dim
        self.dtype: VectorDtype = dtype
        self.ids: Ids = np.empty(capacity, np.int64)
        self.rows = make_rows(capacity, dim, dtype)
        self.prefixes: Prefixes | None = None
        self.changes = 0
        self.rest = self.patience = 0

    def resized(self, capacity: int, count: int) -> Segment:
        """Return a segment of another capacity with the first `count` rows of this one."""
        other = Segment(capacity, self.dim, self.dtype)
        other.ids[:count] = self.ids[:count]
        other.rows.copy_from(self.rows, count)
        if self.prefixes is not None:
            heads = np.empty((capacity, WIDTH), np.float32)
            heads[:count] = self.prefixes.heads[:count]
            other.prefixes = Prefixes(self.prefixes.rotation, heads)
        return other

    def write(self, at: int, ids: Ids, vectors: Vector) -> None:
        """Write rows from `at` on; their prefixes too where this segment has them."""
        end = at + len(ids)
        self.rows.write(at, vectors)
        self._write_prefixes(at, end)
        self.ids[at:end] = ids
        self.changes += 1

    def move(self, source: Segment, row: int, target: int) -> None:
        """Copy a row of `source` onto row `target` of this segment."""
        self.rows.copy_row(source.rows, row, target)
        mine, theirs = self.prefixes, source.prefixes
        if mine is not None and theirs is not None and mine.rotation is theirs.rotation:
            mine.heads[target] = theirs.heads[row]
        else:
            self._write_prefixes(target, target + 1)
        self.ids[target] = source.ids[row]
        self.changes += 1

    def _write_prefixes(self, start: int, end: int) -> None:
        if self.prefixes is not None:
            self.prefixes.heads[start:end] = self.prefixes.rotation.prefixes(self.rows.read(slice(start, end)))

    def prefixed(self, count: int, rotation: Rotation) -> Prefixes:
        """Return the prefixes of the first `count` rows, of the rows as they are held."""
        heads = np.empty((self.capacity, WIDTH), np.float32)
        for start in range(0, count, CHUNK_ROWS):
            rows = slice(start, min(start + CHUNK_ROWS, count))
            heads[rows] = rotation.prefixes(self.rows.read(rows))
        return Prefixes(rotation, heads)

    def scan(self, count: int, query: Vector, floor: float, heads: Vector | None, head: Vector | None) -> Scanned:
        """Return which of the first `count` rows may reach `floor`.

        heads, head: the prefixes of the rows and of the query; None reads every row.
        """
        survivors = (
            None if heads is None or head is None or self._rests() else self._survivors(count, heads, head, floor)
        )
        if survivors is not None:
            in_vain = len(survivors) > IN_VAIN[self.dtype] * count
            self.patience = min(2 * self.patience + 1, LONGEST_REST) if in_vain else 0
            self.rest = self.patience
            if not in_vain:
                similarities = self._cosines(survivors, query)
                kept = self._reaching(similarities, self.rows.errors[survivors], floor)
                return Scanned(survivors[kept], similarities[kept], len(survivors))
        similarities = self._all_cosines(count, query)
        kept = self._reaching(similarities, self.rows.errors[:count], floor)
        return Scanned(kept, similarities[kept], None if survivors is None else len(survivors))

    def _rests(self) -> bool:
        """Return whether the prefixes are not worth trying in this search."""
        if self.rest <= 0:
            return False
        self.rest -= 1
        return True

    def _survivors(self, count: int, heads: Vector, head: Vector, floor: float) -> NDArray[np.int64]:
        """Return the rows whose bound reaches `floor`."""
        return self._reaching(products(heads[:count], head), self.rows.errors[:count], floor)

    def _reaching(self, similarities: Vector, errors: Vector, floor: float) -> NDArray[np.int64]:
        reach = similarities if self.dtype == "float32" else similarities + errors
        return (reach >= floor - MARGIN).nonzero()[0]

    def _cosines(self, rows: NDArray[np.int64], query: Vector) -> Vector:
        if len(rows) <= CHUNK_ROWS:
            return self.rows.cosines(rows, query)
        parts = [rows[start : start + CHUNK_ROWS] for start in range(0, len(rows), CHUNK_ROWS)]
        return np.concatenate([self.rows.cosines(part, query) for part in parts])

    def _all_cosines(self, count: int, query: Vector) -> Vector:
        if self.dtype == "float32" or count <= CHUNK_ROWS:
            return self.rows.cosines(slice(0, count), query)
        ends = range(0, count, CHUNK_ROWS)
        parts = [slice(start, min(start + CHUNK_ROWS, count)) for start in ends]
        return np.concatenate([self.rows.cosines(part, query) for part in parts])

    @property
    def nbytes(self) -> int:
        """The memory held."""
        prefixes = 0 if self.prefixes is None else self.capacity * WIDTH * 4
        return self.ids.nbytes + self.rows.nbytes + prefixes
