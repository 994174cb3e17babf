"""The default index: exact, NumPy only, one block of rows a partition.

Small partitions are scanned whole. From PLAIN_BELOW rows on, a scan reads a prefix of each row, and only those rows
whose certified bound reaches the floor are compared in full: the answer is the full scan's. Prefixes are made in the
background, and kept from then on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from time import sleep
from typing import TypeVar

import numpy as np

from mneme.indexes.background import Background
from mneme.indexes.base import Near, Vector
from mneme.indexes.block import Block
from mneme.indexes.quantize import check_dtype
from mneme.indexes.rotation import WIDTH, Rotation, fit
from mneme.model import VectorDtype
from mneme.stores import forks

# Rows below which a whole scan is as fast as the prefix scan; rows held smaller than float32 must be converted
# to be scanned, so there the prefixes pay much earlier.
PLAIN_BELOW = {"float32": 2_048, "float16": 512, "int8": 512}
# Nanoseconds to compare a row of 384 float32, and a prefix, on one core of a server of 2021.
ROW_NANOSECONDS, PREFIX_NANOSECONDS = 120, 9
# Between the steps of what is made in the background: a lock is not passed on to whoever has waited for it longest.
PAUSE_SECONDS = 0.0002
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
        # Its own, for a graph that is being built can keep the other busy for minutes.
        self._preparing = Background()
        forks.watch(self, forks.MEMORY)

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
        by_prefix = not self._is_plain(block)
        if by_prefix and not block.is_prepared:
            self._preparing.submit(partition, lambda: self._prepared(block))
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

    def _prepared(self, block: Block) -> Iterator[None]:
        """Make the prefixes of a block that has none; searches go on, and compare in full what has none yet."""
        if block.count and not block.is_prepared:
            if self._rotation is None:
                self._rotation = fit(self._sample(block))
            yield from self._turned(block, self._rotation)

    def _refit(self, block: Block) -> Iterator[None]:
        """Give a block a rotation of its own; searches go on, and their answers are the same."""
        if block.count:
            yield from self._turned(block, fit(self._sample(block)))
            block.survival.start_again()

    def _sample(self, block: Block) -> Vector:
        with self._lock:
            return block.sample()

    def _turned(self, block: Block, rotation: Rotation) -> Iterator[None]:
        """Make the prefixes of a block with a rotation in steps, between which others change it."""
        with self._lock:
            block.rotation = rotation
        is_done = False
        while not is_done:
            yield
            with self._lock:
                is_done = not block.prepare()
            sleep(PAUSE_SECONDS)

    def count(self, partition: bytes) -> int:
        """Return how many vectors the partition holds."""
        block = self._blocks.get(partition)
        return 0 if block is None else block.count

    def search_seconds(self, partition: bytes) -> float:
        """Estimate the time of a search."""
        block = self._blocks.get(partition)
        if block is None:
            return 0.0
        if block.is_read_whole or self._is_plain(block):
            return block.count * ROW_NANOSECONDS * 1e-9 * self.dim / 384
        return block.count * PREFIX_NANOSECONDS * 1e-9

    @property
    def memory_bytes(self) -> int:
        """What rows, prefixes and id tables hold; about 100 bytes an id for the table."""
        return sum(block.nbytes + 100 * len(block.positions) for block in self._all())

    def _all(self) -> list[Block]:
        with self._lock:
            return list(self._blocks.values())

    @property
    def tombstones(self) -> int:
        """Rows are removed at once, so there are never any."""
        return 0

    def compact(self) -> int:
        """Give back unused rows; returns 0, for there are no tombstones."""
        for block in self._all():
            with self._lock:
                block.shrink()
        return 0

    def before_fork(self) -> None:
        """Let the row be written or moved that another thread is at: a child could not end it."""
        self._lock.acquire()

    def after_fork_on_both_sides(self) -> None:
        """Let everyone in."""
        self._lock.release()

    def after_fork(self) -> None:
        """Do without the parent's threads."""
        self._background, self._preparing = Background(), Background()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is being prepared in the background; return whether that is so."""
        return self._preparing.wait(timeout) and self._background.wait(timeout)

    def close(self) -> None:
        """Stop what is being prepared in the background. Searches and changes work on."""
        self._preparing.stop()
        self._background.stop()


def full_scan(vectors: Vector, query: Vector, k: int, floor: float) -> list[tuple[int, float]]:
    """Return row and cosine of the `k` best rows by comparing every one: what the index is tested against."""
    similarities = vectors @ query
    order = np.argsort(-similarities, kind="stable")[:k]
    return [(int(row), float(similarities[row])) for row in order if similarities[row] >= floor]
