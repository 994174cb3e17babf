"""Of which vectors a graph was made: a mark of each, by which it is seen later whether an id has another one now."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from mneme.indexes.base import Ids, Vector
from mneme.indexes.block import Block

# Marks of one vector differ by how float32 rounds; those of two vectors by a thousand times as much.
SAME_MARK = 1e-5
# Saved graphs that are less than this as their partition is now are not worth mending.
WORTH_MENDING = 0.5


class Marked(NamedTuple):
    """Ids, and the mark of the vector of each."""

    ids: Ids
    marks: Vector


class Drift(NamedTuple):
    """What became of a partition since its graph was saved."""

    new: list[int]
    """Ids that the graph does not have, or with another vector."""
    gone: list[int]
    """Ids to be taken out of it, those with another vector among them."""


Undisturbed = Callable[[Block, Callable[[], Marked]], Marked]
"""Returns what is read of a block while no row is being moved."""


def marked(block: Block, undisturbed: Undisturbed) -> Marked:
    """Return the ids of a block with their marks; what moves from segment to segment meanwhile may be left out."""
    towards = direction(block.dim)
    parts = [undisturbed(block, partial(_of_segment, block, number, towards)) for number in range(len(block.segments))]
    ids = np.concatenate([np.empty(0, np.int64), *(part.ids for part in parts)])
    marks = np.concatenate([np.empty(0, np.float32), *(part.marks for part in parts)])
    ids, first = np.unique(ids, return_index=True)
    return Marked(ids, marks[first])


def _of_segment(block: Block, number: int, towards: Vector) -> Marked:
    if number >= len(block.segments):
        return Marked(np.empty(0, np.int64), np.empty(0, np.float32))
    segment = block.segments[number]
    rows = slice(0, max(0, min(segment.capacity, block.rows_of(number))))
    return Marked(segment.ids[rows].copy(), segment.rows.cosines(rows, towards))


def direction(dim: int) -> Vector:
    """Return the unit vector, shape (dim,), whose product with a vector is the vector's mark."""
    waves = np.cos(np.arange(1, dim + 1) * 2.399963)
    return np.asarray(waves / np.linalg.norm(waves), np.float32)


def drift(saved: Marked, now: Marked, here: Ids) -> Drift | None:
    """Return what is to be told to a saved graph; None where so much that it had better be built anew.

    now: of the partition, `here` all its ids: those of which `now` knows nothing count as changed.
    """
    common, then, since = np.intersect1d(saved.ids, now.ids, return_indices=True)
    same = common[np.abs(saved.marks[then] - now.marks[since]) <= SAME_MARK]
    if len(same) < WORTH_MENDING * max(len(here), len(saved.ids)):
        return None
    new = np.setdiff1d(here, same)
    return Drift(new.tolist(), np.union1d(new, np.setdiff1d(saved.ids, same)).tolist())
