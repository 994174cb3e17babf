"""The vectors of one partition: segments that grow, shrink and are searched without a lock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from mneme.indexes.base import Near, Vector
from mneme.indexes.found import Found, joined, reaching
from mneme.indexes.products import products
from mneme.indexes.rotation import MARGIN, SAMPLE, Asked, Rotation
from mneme.indexes.segment import SEGMENT_ROWS, Places, Segment
from mneme.indexes.survival import Survival
from mneme.model import VectorDtype

# Many partitions hold one entry, and a row of float32 takes as much as all else of a partition.
FIRST_ROWS = 2


class Block:
    """Rows in segments; a removed row is overwritten by the last one, so there is nothing to skip or compact.

    Changes are made under the index's lock. A reader takes none: `version` is odd while a row is being
    removed, and a search that saw it change is repeated.
    """

    __slots__ = ("count", "dim", "dtype", "is_prepared", "positions", "rotation", "segments", "survival", "version")

    def __init__(self, dim: int, dtype: VectorDtype) -> None:
        self.dim = dim
        self.dtype: VectorDtype = dtype
        self.count = 0
        self.version = 0
        self.segments: list[Segment] = []
        self.positions: dict[int, int] = {}
        self.rotation: Rotation | None = None
        """What prefixes are made with; some segments may still have those of an earlier one, or none."""
        self.is_prepared = False
        """Whether every segment has prefixes."""
        self.survival = Survival()

    def add(self, ids: Sequence[int], vectors: Vector) -> None:
        """Append rows."""
        done, numbers = 0, np.asarray(ids, np.int64)
        while done < len(ids):
            segment, row = self._room(len(ids) - done)
            taken = slice(done, done + min(segment.capacity - row, len(ids) - done))
            segment.write(row, numbers[taken], vectors[taken])
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
            self.segments.append(Segment(capacity, self.dim, self.dtype, self.rotation))
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

    def sample(self, size: int = SAMPLE) -> Vector:
        """Return up to `size` rows spread over the block, float32."""
        rows = np.linspace(0, self.count - 1, min(size, self.count)).astype(np.int64)
        parts = [
            segment.rows.read(rows[rows // SEGMENT_ROWS == number] % SEGMENT_ROWS)
            for number, segment in enumerate(self.segments)
        ]
        return np.concatenate(parts)

    def rows_of(self, number: int) -> int:
        """Return how many rows of a segment are in use."""
        return min(SEGMENT_ROWS, self.count - number * SEGMENT_ROWS)

    def prepare(self) -> bool:
        """Make some more prefixes with the block's rotation; return whether more are to be made."""
        rotation = self.rotation
        for number, segment in enumerate(self.segments):
            if rotation is not None and (segment.prefixes is None or segment.prefixes.rotation is not rotation):
                segment.prepare(self.rows_of(number), rotation)
                return True
        self.is_prepared = True
        return False

    @property
    def is_read_whole(self) -> bool:
        """Whether searches read rows rather than prefixes, because these are not there yet or rule nothing out."""
        return not self.is_prepared or any(segment.patience for segment in self.segments[:1])

    def search(self, query: Vector, k: int, floor: float, by_prefix: bool) -> list[Near]:
        """Return the `k` best rows of at least `floor`, and where rows are inexact all that may be among them."""
        count, found, low = self.count, Found(), floor - MARGIN
        left: list[tuple[Segment, Places]] = []
        tried = survived = 0
        asked: Asked | None = None
        for number, segment in enumerate(self.segments):
            rows = min(segment.capacity, count - number * SEGMENT_ROWS)
            if rows <= 0:
                break
            prefixes = segment.prefixes if by_prefix else None
            survivors = None
            if prefixes is not None:
                if asked is None or asked.rotation is not prefixes.rotation:
                    asked = Asked(prefixes.rotation, query)
                survivors = segment.survivors(prefixes, rows, asked, low)
            if survivors is not None:
                tried += rows
                survived += len(survivors.rows)
            if survivors is None or survivors.are_many:
                similarities, every = segment.all_cosines(rows, query), slice(0, rows)
                kept = reaching(similarities, segment.errors(every), low)
                found.add(segment.ids[kept], similarities[kept], segment.errors(kept))
            elif len(survivors.rows):
                left.append((segment, survivors.rows))
        if left:
            _compare(left, query, low, found)
        if by_prefix:
            self.survival.note(survived / tried if tried else None)
        return found.first(k)

    def rescore(self, ids: Iterable[int], query: Vector, k: int, floor: float) -> list[Near]:
        """Return the `k` best of at least `floor` among those of `ids` that are here, as `search` does."""
        places = {id: position for id in ids if (position := self.positions.get(id)) is not None}
        if not places:
            return []
        similarities = products(self.read(places.values()), query)
        errors = None if self.dtype == "float32" else self._errors(places.values())
        kept = reaching(similarities, errors, floor - MARGIN)
        found = Found()
        found.add(
            np.fromiter(places, np.int64, len(places))[kept],
            similarities[kept],
            None if errors is None else errors[kept],
        )
        return found.first(k)

    def read(self, positions: Iterable[int]) -> Vector:
        """Return the rows at these positions as float32, shape (n, dim)."""
        segments = self.segments
        rows = [segments[position // SEGMENT_ROWS].rows.row(position % SEGMENT_ROWS) for position in positions]
        return np.concatenate([np.empty(0, np.float32), *rows]).reshape(-1, self.dim)

    def _errors(self, positions: Iterable[int]) -> Vector:
        """Return by how much the cosine to each of these rows can be wrong."""
        segments = self.segments
        errors = [segments[position // SEGMENT_ROWS].rows.errors[position % SEGMENT_ROWS] for position in positions]
        return np.array(errors, np.float32)

    @property
    def nbytes(self) -> int:
        """The memory held, without the id table."""
        return sum(segment.nbytes for segment in self.segments)


def _compare(left: list[tuple[Segment, Places]], query: Vector, low: float, found: Found) -> None:
    """Add those of some rows whose cosine may be `low`."""
    similarities = joined([segment.cosines(rows, query) for segment, rows in left])
    errors = None
    if left[0][0].dtype != "float32":
        errors = joined([segment.rows.errors[rows] for segment, rows in left])
    kept = reaching(similarities, errors, low)
    if len(kept):
        ids = joined([segment.ids[rows] for segment, rows in left])
        found.add(ids[kept], similarities[kept], None if errors is None else errors[kept])
