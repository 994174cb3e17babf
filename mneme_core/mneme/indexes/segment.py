"""A fixed run of rows of one partition, with what is needed to search them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mneme.indexes.base import Ids, Vector
from mneme.indexes.products import products
from mneme.indexes.quantize import make_rows
from mneme.indexes.rotation import MARGIN, WIDTH, Rotation
from mneme.model import VectorDtype

# Rows of a full segment: its prefixes are 2 MiB, so a bound is computed while it is still in the cache.
SEGMENT_ROWS = 8_192
# A share of survivors above which gathering them costs more than reading every row.
PLAIN_ABOVE = 0.05
# Rows turned to float32 at a time where they are held smaller.
CHUNK_ROWS = 1_024


class Segment:
    """Up to `capacity` rows; growing makes a new one, so a reader's arrays never change size under it."""

    __slots__ = ("capacity", "dim", "dtype", "heads", "ids", "rows")

    def __init__(self, capacity: int, dim: int, dtype: VectorDtype) -> None:
        self.capacity = capacity
        self.dim = dim
        self.dtype: VectorDtype = dtype
        self.ids: Ids = np.empty(capacity, np.int64)
        self.rows = make_rows(capacity, dim, dtype)
        self.heads: Vector | None = None

    def resized(self, capacity: int, count: int) -> Segment:
        """Return a segment of another capacity with the first `count` rows of this one."""
        other = Segment(capacity, self.dim, self.dtype)
        other.ids[:count] = self.ids[:count]
        other.rows.copy_from(self.rows, count)
        if self.heads is not None:
            heads = np.empty((capacity, WIDTH), np.float32)
            heads[:count] = self.heads[:count]
            other.heads = heads
        return other

    def write(self, at: int, ids: Ids, vectors: Vector, rotation: Rotation | None) -> None:
        """Write rows from `at` on; their prefixes too where this segment has them."""
        end = at + len(ids)
        self.rows.write(at, vectors)
        if rotation is not None and self.heads is not None:
            self.heads[at:end] = rotation.prefixes(self.rows.read(slice(at, end)))
        self.ids[at:end] = ids

    def move(self, source: Segment, row: int, target: int) -> None:
        """Copy a row of `source` onto row `target` of this segment."""
        self.rows.copy_row(source.rows, row, target)
        if self.heads is not None:
            assert source.heads is not None
            self.heads[target] = source.heads[row]
        self.ids[target] = source.ids[row]

    def add_prefixes(self, count: int, rotation: Rotation) -> None:
        """Compute the prefixes of the first `count` rows, from the rows as they are held."""
        heads = np.empty((self.capacity, WIDTH), np.float32)
        for start in range(0, count, CHUNK_ROWS):
            rows = slice(start, min(start + CHUNK_ROWS, count))
            heads[rows] = rotation.prefixes(self.rows.read(rows))
        self.heads = heads

    def scan(self, count: int, query: Vector, head: Vector | None, floor: float) -> tuple[NDArray[np.int64], Vector]:
        """Return the rows that may reach `floor`, and their cosines as held.

        head: the query's prefix; None scans every row.
        """
        rows = self._survivors(count, head, floor)
        if self.dtype == "float32" and len(rows) > PLAIN_ABOVE * count:
            rows = np.arange(count)
            similarities = self.rows.cosines(slice(0, count), query)
        elif len(rows) <= CHUNK_ROWS:
            similarities = self.rows.cosines(rows, query)
        else:
            parts = [rows[start : start + CHUNK_ROWS] for start in range(0, len(rows), CHUNK_ROWS)]
            similarities = np.concatenate([self.rows.cosines(part, query) for part in parts])
        reach = similarities if self.dtype == "float32" else similarities + self.rows.errors[rows]
        kept = (reach >= floor - MARGIN).nonzero()[0]
        return rows[kept], similarities[kept]

    def _survivors(self, count: int, head: Vector | None, floor: float) -> NDArray[np.int64]:
        """Return the rows whose bound reaches `floor`, or all rows where there are no prefixes."""
        if head is None or self.heads is None:
            return np.arange(count)
        bounds = products(self.heads[:count], head)
        if self.dtype != "float32":
            bounds += self.rows.errors[:count]
        return (bounds >= floor - MARGIN).nonzero()[0]

    @property
    def nbytes(self) -> int:
        """The memory held."""
        prefixes = 0 if self.heads is None else self.capacity * WIDTH * 4
        return self.ids.nbytes + self.rows.nbytes + prefixes
