"""The default index: exact, NumPy only, one block of rows a partition.

Small partitions are scanned whole. From PLAIN_BELOW rows on, a scan reads a 64-number prefix of each row and
only those rows whose certified bound reaches the floor are compared in full: the answer is the full scan's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from mneme.indexes.background import Background
from mneme.indexes.base import Near, Vector
from mneme.indexes.block import Block
from mneme.indexes.quantize import check_dtype
from mneme.indexes.rotation import WIDTH, Rotation, fit
from mneme.model import VectorDtype

# Rows below which a whole scan is as fast as the prefix scan; rows held smaller than float32 must be converted
# to be scanned, so there the prefixes pay much earlier.
PLAIN_BELOW = {"float32": 2_048, "float16": 512, "int8": 512}
# Measured on one core of a server of 2021: nanoseconds to read a row of 384 float32, and a prefix.
ROW_NANOSECONDS, PREFIX_NANOSECONDS = 120, 25
RETRIES = 3

T = TypeVar("T")


class ExactIndex:
    """Exact nearest neighbours by certified scan; see `mneme.indexes.base.Index`."""

    def __init__(self, dim: int, dtype: VectorDtype = "float32") -> None:
        self.dim = dim
        self.dtype: VectorDtype = check_dtype(dtype)
        self._blocks: dict[bytes, Block] = {}
        self._rotation: Rotation | None = None
        self._lock = threading.Lock()
        self._background = Background()

    @property
    def name(self) -> str:
        """What `health()` says."""
        return "numpy"

    def add_many(self, partition: bytes, ids: Sequence[int], vectors: Vector) -> None:
        """Add unit vectors, float32, shape (len(ids), dim)."""
        with self._lock:
            block = self._blocks.get(partition)
            if block is None:
                block = self._blocks[partition] = Block(self.dim, self.dtype)
            block.add(ids, vectors)

    def remove(self, partition: bytes, id: int) -> bool:
        """Remove an id in O(dim); return whether it was there."""
        with self._lock:
            block = self._blocks.get(partition)
            if block is None or not block.remove(id):
                return False
            if block.count == 0:
                del self._blocks[partition]
            return True

    def drop(self, partition: bytes) -> None:
        """Remove a whole partition."""
        with self._lock:
            self._blocks.pop(partition, None)

    def search(self, partition: bytes, query: Vector, k: int, floor: float) -> list[Near]:
        """Return the `k` ids most similar to `query`, at least `floor`; equal ones in no fixed order."""
        block = self._blocks.get(partition)
        if block is None:
            return []
        by_prefix = self._prepare(block)
        found = self._undisturbed(block, lambda: block.search(query, k, floor, by_prefix))
        if by_prefix and block.survival.is_bad:
            self._background.submit(("rotation", partition), lambda: self._refit(block))
        return found

    def _undisturbed(self, block: Block, read: Callable[[], T]) -> T:
        """Return what is read of a block while no row is being moved."""
        for _ in range(RETRIES):
            version = block.version
            try:
                found = read()
            except (LookupError, ValueError):  # rows taken away under the scan
                continue
            if version % 2 == 0 and block.version == version:
                return found
        with self._lock:
            return read()

    def _is_plain(self, block: Block) -> bool:
        """Return whether a block is too small for prefixes."""
        return block.count < PLAIN_BELOW[self.dtype] or self.dim <= WIDTH

    def _prepare(self, block: Block) -> bool:
        """Return whether `block` is to be scanned by prefixes, after computing what is missing."""
        if self._is_plain(block):
            return False
        if not block.has_prefixes:
            with self._lock:
                if block.rotation is None:
                    if self._rotation is None:
                        self._rotation = fit(block.sample())
                    block.rotation = self._rotation
                block.add_prefixes(block.rotation)
        return True

    def _refit(self, block: Block) -> Iterator[None]:
        """Give a block a rotation of its own, segment by segment; searches go on, and their answers are the same."""
        with self._lock:
            if not block.count:
                return
            sample = block.sample()
        rotation = fit(sample)
        yield
        with self._lock:
            block.rotation = rotation
        for number in range(len(block.segments)):
            self._turn(block, number, rotation)
            yield
        block.survival.start_again()

    def _turn(self, block: Block, number: int, rotation: Rotation) -> None:
        """Make the prefixes of a segment anew, if it is still there."""
        for _ in range(RETRIES):
            segments = block.segments
            if number >= len(segments):
                return
            segment, changes, rows = segments[number], segments[number].changes, block.rows_of(number)
            prefixes = segment.prefixed(min(rows, segment.capacity), rotation)
            with self._lock:
                if block.segments[number : number + 1] == [segment] and segment.changes == changes:
                    segment.prefixes, segment.rest = prefixes, 0
                    return
        with self._lock:
            if number < len(block.segments):
                segment = block.segments[number]
                segment.prefixes = segment.prefixed(block.rows_of(number), rotation)

    def count(self, partition: bytes) -> int:
        """Return how many vectors the partition holds."""
        block = self._blocks.get(partition)
        return 0 if block is None else block.count

    def search_seconds(self, partition: bytes) -> float:
        """Estimate the time of a search, with the preparation it may still need."""
        block = self._blocks.get(partition)
        if block is None:
            return 0.0
        if self._is_plain(block):
            return block.count * ROW_NANOSECONDS * 1e-9 * self.dim / 384
        if not block.has_prefixes:
            return 0.1
        return block.count * PREFIX_NANOSECONDS * 1e-9

    @property
    def memory_bytes(self) -> int:
        """What rows, prefixes and id tables hold; about 100 bytes an id for the table."""
        with self._lock:
            return sum(block.nbytes + 100 * len(block.positions) for block in self._blocks.values())

    @property
    def tombstones(self) -> int:
        """Rows are removed at once, so there are never any."""
        return 0

    def compact(self) -> int:
        """Give back unused rows; returns 0, for there are no tombstones."""
        with self._lock:
            for block in self._blocks.values():
                block.shrink()
        return 0

    def after_fork(self) -> None:
        """Replace the lock, which another thread may have held, and the thread."""
        self._lock = threading.Lock()
        self._background = Background()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is being prepared in the background; return whether that is so."""
        return self._background.wait(timeout)

    def close(self) -> None:
        """Stop what is being prepared in the background. Searches and changes work on."""
        self._background.stop()


def full_scan(vectors: Vector, query: Vector, k: int, floor: float) -> list[tuple[int, float]]:
    """Return row and cosine of the `k` best rows by comparing every one: what the index is tested against."""
    similarities = vectors @ query
    order = np.argsort(-similarities, kind="stable")[:k]
    return [(int(row), float(similarities[row])) for row in order if similarities[row] >= floor]
