"""The vectors of one partition: segments that grow, shrink and are searched without a lock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mneme.indexes.base import Ids, Near, Vector
from mneme.indexes.rotation import MARGIN, SAMPLE, Rotation
from mneme.indexes.segment import SEGMENT_ROWS, Segment
from mneme.model import VectorDtype

FIRST_ROWS = 8

N = TypeVar("N", bound=np.generic)


class Block:
    """Rows in segments; a removed row is overwritten by the last one, so there is nothing to skip or compact.

    Changes are made under the index's lock. A reader takes none: `version` is odd while a row is being
    removed, and a search that saw it change is repeated.
    """

    __slots__ = ("count", "dim", "dtype", "positions", "segments", "version")

    def __init__(self, dim: int, dtype: VectorDtype) -> None:
        self.dim = dim
        self.dtype: VectorDtype = dtype
        self.count = 0
        self.version = 0
        self.segments: list[Segment] = []
        self.positions: dict[int, int] = {}

    def add(self, ids: Sequence[int], vectors: Vector, rotation: Rotation | None) -> None:
        """Append rows."""
        done, numbers = 0, np.asarray(ids, np.int64)
        while done < len(ids):
            segment, row = self._room(len(ids) - done)
            taken = slice(done, done + min(segment.capacity - row, len(ids) - done))
            segment.write(row, numbers[taken], vectors[taken], rotation)
            for offset, number in enumerate(ids[taken]):
                self.positions[number] = self.count + offset
            done = taken.stop
            self.count += taken.stop - taken.start

    def _room(self, wanted: int) -> tuple[Segment, int]:
        """Return the segment with free rows, and the first of them."""
        number, row = divmod(self.count, SEGMENT_ROWS)
        if number == len(self.segments):
            # Only a partition's first segment starts small: most partitions hold a few entries.
            capacity = SEGMENT_ROWS if number else min(SEGMENT_ROWS, max(FIRST_ROWS, wanted))
            self.segments.append(Segment(capacity, self.dim, self.dtype))
        segment = self.segments[number]
        if row == segment.capacity:
            segment = segment.resized(min(SEGMENT_ROWS, max(2 * row, row + wanted)), row)
            self.segments[number] = segment
        return segment, row

    def remove(self, number: int) -> bool:
        """Overwrite the row of an id with the last row; return whether the id was there."""
        position = self.positions.pop(number, None)
        if position is None:
            return False
        last, last_row = divmod(self.count - 1, SEGMENT_ROWS)
        self.version += 1
        if position != self.count - 1:
            source = self.segments[last]
            target, row = divmod(position, SEGMENT_ROWS)
            self.segments[target].move(source, last_row, row)
            self.positions[int(source.ids[last_row])] = position
        self.count -= 1
        if last_row == 0:
            self.segments = self.segments[:last]
        self.version += 1
        return True

    def shrink(self) -> None:
        """Give back the unused rows of a partition that fits in one segment."""
        if len(self.segments) == 1 and self.segments[0].capacity > max(FIRST_ROWS, 2 * self.count):
            self.segments = [self.segments[0].resized(max(FIRST_ROWS, self.count), self.count)]

    def sample(self) -> Vector:
        """Return up to SAMPLE rows spread over the block, float32."""
        rows = np.linspace(0, self.count - 1, min(SAMPLE, self.count)).astype(np.int64)
        parts = [
            segment.rows.read(rows[rows // SEGMENT_ROWS == number] % SEGMENT_ROWS)
            for number, segment in enumerate(self.segments)
        ]
        return np.concatenate(parts)

    def add_prefixes(self, rotation: Rotation) -> None:
        """Compute the prefixes of segments that have none yet."""
        for number, segment in enumerate(self.segments):
            if segment.heads is None:
                segment.add_prefixes(min(SEGMENT_ROWS, self.count - number * SEGMENT_ROWS), rotation)

    def search(self, query: Vector, k: int, floor: float, rotation: Rotation | None) -> list[Near]:
        """Return the `k` best rows of at least `floor`, and where rows are inexact all that may be among them."""
        head = None if rotation is None else rotation.prefix(query)
        count, found, wrong = self.count, [], []
        for number, segment in enumerate(self.segments):
            rows = min(segment.capacity, count - number * SEGMENT_ROWS)
            if rows <= 0:
                break
            kept, similarities = segment.scan(rows, query, head, floor)
            found.append((segment.ids[kept], similarities))
            if self.dtype != "float32":
                wrong.append(segment.rows.errors[kept])
        if not found:
            return []
        ids: Ids = joined([part[0] for part in found])
        similarities = joined([part[1] for part in found])
        if self.dtype != "float32" and len(ids) > k:
            errors = joined(wrong)
            reached = np.partition(similarities - errors, len(ids) - k)[len(ids) - k]
            order = np.argsort(-similarities, kind="stable")
            order = order[(similarities + errors)[order] >= reached - MARGIN]
        else:
            order = best(similarities, k)
        return list(map(Near._make, zip(ids[order].tolist(), similarities[order].tolist(), strict=True)))

    @property
    def nbytes(self) -> int:
        """The memory held, without the id table."""
        return sum(segment.nbytes for segment in self.segments)


def joined(parts: list[NDArray[N]]) -> NDArray[N]:
    """Return arrays as one."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def best(similarities: Vector, k: int) -> Ids:
    """Return the positions of the `k` largest, largest first; equal ones in their order."""
    if len(similarities) > k:
        cut = np.partition(similarities, len(similarities) - k)[len(similarities) - k]
        few = np.flatnonzero(similarities >= cut)
        return few[np.argsort(-similarities[few], kind="stable")[:k]]
    return np.argsort(-similarities, kind="stable")
