"""What Mneme asks of a vector index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mneme.model import VectorDtype

Vector: TypeAlias = NDArray[np.float32]


Ids: TypeAlias = NDArray[np.int64]


class Near(NamedTuple):
    """An entry's id and its cosine to the query."""

    id: int
    similarity: float


@runtime_checkable
class Index(Protocol):
    """Finds the ids nearest to a vector inside one partition. Its methods may be called from any thread.

    An id belongs to one version of one entry: a replaced entry is removed under its old id and added under
    its new one, so a search that runs meanwhile can never pair a new answer with an old vector.
    """

    @property
    def name(self) -> str:
        """The word `health()` shows: "numpy", "hnsw", or a plugin's own."""
        ...

    @property
    def dtype(self) -> VectorDtype:
        """The type in which vectors are held."""
        ...

    def add_many(self, partition: bytes, ids: Sequence[int], vectors: Vector) -> None:
        """Add unit vectors, float32, shape (len(ids), dim), under ids that are not yet in the partition."""
        ...

    def remove(self, partition: bytes, id: int) -> bool:
        """Remove an id; return whether it was there."""
        ...

    def drop(self, partition: bytes) -> None:
        """Remove a whole partition, if it is there."""
        ...

    def search(self, partition: bytes, query: Vector, k: int, floor: float) -> list[Near]:
        """Return the `k` ids of the partition most similar to `query`, at least `floor`, best first.

        query: float32, shape (dim,), unit length. Similarities are of the vectors as they are held; where that is
        not float32, more than `k` may come back: every id that can belong to the true first `k`.
        """
        ...

    def count(self, partition: bytes) -> int:
        """Return how many vectors the partition holds."""
        ...

    def search_seconds(self, partition: bytes) -> float:
        """Estimate the time of a search; the async cache leaves the event loop for a long one."""
        ...

    @property
    def memory_bytes(self) -> int:
        """What the index holds in memory."""
        ...

    @property
    def tombstones(self) -> int:
        """Rows that are removed but still take room."""
        ...

    def compact(self) -> int:
        """Give back unused room; return the number of tombstones reclaimed."""
        ...


def close_index(index: Index) -> None:
    """Tell an index that is no longer used, where it does something in the background."""
    close = getattr(index, "close", None)
    if close is not None:
        close()
