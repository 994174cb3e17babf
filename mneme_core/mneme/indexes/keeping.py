"""The exact index with graphs that are kept in files; what they are good for is for a subclass to say."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from mneme.indexes.exact import ExactIndex
from mneme.indexes.graph import Graph
from mneme.indexes.marks import Marked, drift, marked
from mneme.indexes.saved import GoesOn, SavedGraphs
from mneme.model import VectorDtype


class KeptGraphs(ExactIndex):
    """Has graphs of some partitions; takes them from files and puts them there, in whatever thread changes them."""

    def __init__(self, dim: int, dtype: VectorDtype, saved: SavedGraphs | None) -> None:
        super().__init__(dim, dtype)
        self._graphs: dict[bytes, Graph] = {}
        self._saved = saved
        self._looked_up: set[bytes] = set()

    def _restore(self, partition: bytes) -> None:
        """Take the saved graph of a partition where most of it is still so, and tell it the rest as changes."""
        if self._saved is None or partition in self._looked_up:
            return
        self._looked_up.add(partition)
        found = self._saved.load(partition, self.dim, self.dtype, self._background.goes_on)
        if found is None or partition in self._graphs:
            return
        graph, saved = found
        width, graph.width = graph.width, None
        # It is there before ids are listed, so that what comes or goes from now on is told to it.
        self._graphs[partition] = graph
        is_mended = False
        try:
            block = self._blocks.get(partition)
            now = Marked(saved.ids[:0], saved.marks[:0]) if block is None else marked(block, self._undisturbed)
            with self._lock:
                block = self._blocks.get(partition)
                here = np.fromiter(block.positions if block else (), np.int64)
            since = drift(saved, now, here)
            if since is not None:
                graph.remove(since.gone)
                graph.changed.extend(since.new)
                graph.width, is_mended = width, True
        finally:
            if not is_mended:
                self._graphs.pop(partition, None)

    def _save(self, partition: bytes, graph: Graph, goes_on: GoesOn) -> None:
        """Save a graph, which nobody may change meanwhile."""
        block = self._blocks.get(partition)
        if self._saved is None or block is None:
            return
        try:
            now = marked(block, self._undisturbed)
            is_held = ~np.isin(now.ids, np.asarray(graph.missing(now.ids.tolist()), np.int64))
            held = Marked(now.ids[is_held], now.marks[is_held])
        except MemoryError:
            return
        self._saved.save(partition, graph, held, self.dim, self.dtype, goes_on)

    def _forget(self, partition: bytes) -> None:
        if self._saved is not None:
            self._background.submit(("forget", partition), partial(self._forgotten, self._saved, partition))

    @staticmethod
    def _forgotten(saved: SavedGraphs, partition: bytes) -> Iterator[None]:
        saved.forget(partition)
        yield
