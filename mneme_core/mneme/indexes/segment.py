"""A fixed run of rows of one partition, with what is needed to search them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mneme.indexes.base import Ids, Vector
from mneme.indexes.found import reaching
from mneme.indexes.prefixes import Prefixes
from mneme.indexes.quantize import make_rows
from mneme.indexes.rotation import Asked, Rotation
from mneme.model import VectorDtype

# Rows of a full segment. Each segment costs a search some 5 microseconds beside what it reads; the first one, which
# grows by doubling, holds whoever adds to it up for 2 ms at worst.
SEGMENT_ROWS = 16_384
# The share of survivors from which on prefixes are read in vain. float32 rows are gathered one by one at twenty times
# the cost of reading all; rows held smaller must each be converted, whichever are read.
IN_VAIN: dict[VectorDtype, float] = {"float32": 0.05, "float16": 0.8, "int8": 0.8}
# Numbers of rows that are sooner compared in full than by their second prefixes.
FEW_NUMBERS = 9_216
# Rows turned to float32 at a time where they are held smaller.
CHUNK_ROWS = 1_024
# Rows whose prefixes are made at a time: others may want to change the segment.
STEP_ROWS = 512
# For how many searches a segment whose prefixes rule nothing out is read whole before they are tried again.
LONGEST_REST = 63

Places = NDArray[np.int64]


class Survivors(NamedTuple):
    """Rows that their prefixes cannot rule out, and whether they are so many that all may as well be read."""

    rows: Places
    are_many: bool


class Segment:
    """Up to `capacity` rows; growing makes a new one, so a reader's arrays never change size under it."""

    __slots__ = ("_coming", "_done", "capacity", "dim", "dtype", "ids", "patience", "prefixes", "rest", "rows")

    def __init__(self, capacity: int, dim: int, dtype: VectorDtype, rotation: Rotation | None = None) -> None:
        self.capacity = capacity
        self.dim = dim
        self.dtype: VectorDtype = dtype
        self.ids: Ids = np.empty(capacity, np.int64)
        self.rows = make_rows(capacity, dim, dtype)
        self.prefixes = None if rotation is None else Prefixes(rotation, capacity)
        self.rest = self.patience = 0
        self._coming: Prefixes | None = None
        self._done = 0

    def resized(self, capacity: int, count: int) -> Segment:
        """Return a segment of another capacity with the first `count` rows of this one."""
        other = Segment(capacity, self.dim, self.dtype)
        other.ids[:count] = self.ids[:count]
        other.rows.copy_from(self.rows, count)
        if self.prefixes is not None:
            other.prefixes = self.prefixes.resized(capacity)
        return other

    def write(self, at: int, ids: Ids, vectors: Vector) -> None:
        """Write rows from `at` on; their prefixes too where this segment has them."""
        end = at + len(ids)
        self.rows.write(at, vectors)
        self._write_prefixes(at, end)
        self.ids[at:end] = ids

    def move(self, source: Segment, row: int, target: int) -> None:
        """Copy a row of `source` onto row `target` of this segment."""
        self.rows.copy_row(source.rows, row, target)
        mine, theirs = self.prefixes, source.prefixes
        if self._coming is None and mine is not None and theirs is not None and mine.rotation is theirs.rotation:
            mine.copy_row(theirs, row, target)
        else:
            self._write_prefixes(target, target + 1)
        self.ids[target] = source.ids[row]

    def _write_prefixes(self, start: int, end: int) -> None:
        for prefixes in (self.prefixes, self._coming):
            if prefixes is not None:
                prefixes.write(start, self.rows.read(slice(start, end)))

    def prepare(self, count: int, rotation: Rotation) -> None:
        """Make some more of the prefixes of `count` rows, of the rows as they are held; with the last they are used."""
        coming = self._coming
        if coming is None or coming.rotation is not rotation:
            coming, self._done = Prefixes(rotation, self.capacity), 0
            self._coming = coming
        start, self._done = self._done, min(self._done + STEP_ROWS, count)
        if start < self._done:
            coming.write(start, self.rows.read(slice(start, self._done)))
        if self._done >= count:
            self.prefixes, self._coming, self.rest = coming, None, 0

    def survivors(self, prefixes: Prefixes, count: int, asked: Asked, low: float) -> Survivors | None:
        """Return which of the first `count` rows may reach `low`, by their prefixes; None where these have a rest."""
        if self.rest > 0:
            self.rest -= 1
            return None
        bounds = prefixes.bounds(count, asked)
        rows = reaching(bounds, self.errors(slice(0, count)), low)
        if len(rows) * self.dim <= FEW_NUMBERS:
            self.patience = 0
            return Survivors(rows, False)
        rows = rows[reaching(prefixes.closer(rows, bounds[rows], asked), self.errors(rows), low)]
        are_many = len(rows) > IN_VAIN[self.dtype] * count
        self.rest = self.patience = min(2 * self.patience + 1, LONGEST_REST) if are_many else 0
        return Survivors(rows, are_many)

    def errors(self, rows: Places | slice) -> Vector | None:
        """Return by how much the cosines of some rows can be wrong; None where they are exact."""
        return None if self.dtype == "float32" else self.rows.errors[rows]

    def cosines(self, rows: Places, query: Vector) -> Vector:
        """Return the cosines of some rows, as held."""
        if len(rows) <= CHUNK_ROWS:
            return self.rows.cosines(rows, query)
        parts = [rows[start : start + CHUNK_ROWS] for start in range(0, len(rows), CHUNK_ROWS)]
        return np.concatenate([self.rows.cosines(part, query) for part in parts])

    def all_cosines(self, count: int, query: Vector) -> Vector:
        """Return the cosines of the first `count` rows, as held."""
        if self.dtype == "float32" or count <= CHUNK_ROWS:
            return self.rows.cosines(slice(0, count), query)
        ends = range(0, count, CHUNK_ROWS)
        parts = [slice(start, min(start + CHUNK_ROWS, count)) for start in ends]
        return np.concatenate([self.rows.cosines(part, query) for part in parts])

    @property
    def nbytes(self) -> int:
        """The memory held."""
        return (
            self.ids.nbytes
            + self.rows.nbytes
            + sum(0 if prefixes is None else prefixes.nbytes for prefixes in (self.prefixes, self._coming))
        )
