"""The index of a cache whose store searches."""

# ruff: noqa: ARG002  # it has the methods of an index, and no use for what they are given

from __future__ import annotations

from collections.abc import Sequence

from mneme.indexes.base import Near, Vector
from mneme.model import VectorDtype


class NoIndex:
    """Holds nothing and finds nothing."""

    name = "server"
    dtype: VectorDtype = "float32"
    memory_bytes = 0
    tombstones = 0

    def add_many(self, partition: bytes, ids: Sequence[int], vectors: Vector) -> None:
        """Do nothing."""

    def remove(self, partition: bytes, id: int) -> bool:
        """Find nothing to remove."""
        return False

    def drop(self, partition: bytes) -> None:
        """Do nothing."""

    def search(self, partition: bytes, query: Vector, k: int, floor: float) -> list[Near]:
        """Find nothing."""
        return []

    def count(self, partition: bytes) -> int:
        """Return 0."""
        return 0

    def search_seconds(self, partition: bytes) -> float:
        """Return 0."""
        return 0.0

    def compact(self) -> int:
        """Return 0."""
        return 0
