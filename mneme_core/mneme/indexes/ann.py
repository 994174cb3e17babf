"""The exact index with a graph over each large partition, which says what to compare instead of comparing all.

Vectors and ids are those of the exact index: the graph gives candidates, their similarities are computed in full from
the rows, and an id that is gone is not among them. It is built, and told of changes, in the background; what it does
not know of yet is compared beside its candidates. Where it finds too little, the exact scan searches. Of a cache in a
file graphs are saved beside that, and taken from there as far as they fit.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from time import monotonic, sleep

import numpy as np

from mneme.indexes.base import Near, Vector
from mneme.indexes.block import Block
from mneme.indexes.graph import STEP, WIDEST, WIDTH, WIDTH_OF_WHOLE, Graph
from mneme.indexes.keeping import KeptGraphs
from mneme.indexes.rotation import WIDTH as SHORT
from mneme.indexes.rotation import fit
from mneme.indexes.sampling import CHECKED, NEAREST, USUAL_FLOOR, is_lost, questions_near
from mneme.indexes.saved import SavedGraphs
from mneme.model import VectorDtype

_log = logging.getLogger("mneme.cache")

# The rows from which on a graph is worth its memory; see `python -m benchmarks.scale`.
ABOVE, RECALL = 50_000, 0.995
# Where nobody asked for an approximate index it must lose next to nothing: one hit in a thousand that is lost, at a
# second for the call it costs, is a millisecond a search, and so much more an exact scan takes from here on.
AUTO_ABOVE, AUTO_RECALL = 500_000, 0.999
# A search for more is exact: the judge refused all that came first, or something is to be removed wherever it is.
MOST_WANTED = 16
# int8 ranks neighbours a little wrongly: four times as many are compared in full. Shortened vectors rank those that are
# not near more wrongly: half of all that is looked at.
CANDIDATES, TIMES_WANTED, SHARE_COMPARED = 32, 4, 0.5
# Changes compared one by one, beyond which the exact scan is faster; and as many as are worth a thread.
MOST_CHANGED, WORTH_TELLING = 1_000, 64
# Changes told in one step, and the pause after it while searches wait for the graph.
LARGE_STEP, SMALL_STEP, PAUSE_SECONDS = 256, 8, 0.0005
# Of how many of the last questions the self-check asks the neighbours again.
ASKED = 64
# Shares of a graph: changed before it is checked and saved again, removed before it is built anew, and changed before
# closing saves it, for which closing takes about so long at most.
CHECK_AFTER, REBUILD_AFTER, SAVE_AFTER, CLOSE_SECONDS = 0.25, 0.5, 0.05, 5.0
WIDTHS = [round(WIDTH * STEP**times) for times in range(11)]
WIDTHS_OF_WHOLE = [width for width in WIDTHS if width >= WIDTH_OF_WHOLE]
# Measured on one core of a server of 2021: to look at one entry, at each number of it, and to compare the candidates.
ENTRY_SECONDS, NUMBER_SECONDS, COMPARING_SECONDS = 6e-7, 2.5e-9, 5e-5


class AnnIndex(KeptGraphs):
    """Nearest neighbours by a graph in partitions of `above` rows or more, by the exact scan in others.

    What comes back is always true: exact similarities, no removed ids, no other partition. Of what an exact scan
    returns a share of `recall` is found, measured on a sample, or that scan is made instead.
    """

    def __init__(
        self,
        dim: int,
        dtype: VectorDtype = "float32",
        *,
        above: int = ABOVE,
        recall: float = RECALL,
        saved: SavedGraphs | None = None,
    ) -> None:
        """saved: where graphs are kept; nothing is then built before `filled` says that all that was stored is here."""
        super().__init__(dim, dtype, saved)
        self._above = above
        self._recall = recall
        self._is_filled = saved is None
        self._asked: deque[tuple[bytes, Vector, float]] = deque(maxlen=ASKED)

    @property
    def name(self) -> str:
        """What `health()` says."""
        return "hnsw"

    def add_many(self, partition: bytes, ids: Sequence[int], vectors: Vector) -> None:
        """Add unit vectors, float32, shape (len(ids), dim). They are found at once."""
        super().add_many(partition, ids, vectors)
        self._note(partition, ids)

    def remove(self, partition: bytes, id: int) -> bool:
        """Remove an id; return whether it was there. It is not found from now on."""
        was_there = super().remove(partition, id)
        if was_there:
            self._note(partition, (id,))
        return was_there

    def drop(self, partition: bytes) -> None:
        """Remove a whole partition."""
        super().drop(partition)
        if self._graphs.pop(partition, None) is not None:
            self._forget(partition)

    def search(self, partition: bytes, query: Vector, k: int, floor: float) -> list[Near]:
        """Return the `k` ids most similar to `query`, at least `floor`, but for what the graph may miss."""
        graph, block = self._graphs.get(partition), self._blocks.get(partition)
        if graph is None or block is None:
            if block is not None and block.count >= self._above:
                self._tend(partition)
        elif k <= MOST_WANTED and self._is_of_use(graph):
            self._asked.append((partition, query, floor))
            try:
                return self._guided(graph, block, query, k, floor, graph.width or WIDEST)
            except Exception:
                graph.width = None
                _log.warning("the approximate index failed; the exact one searches", exc_info=True)
        return super().search(partition, query, k, floor)

    @staticmethod
    def _is_of_use(graph: Graph) -> bool:
        return graph.width is not None and len(graph.changed) <= MOST_CHANGED

    def _guided(self, graph: Graph, block: Block, query: Vector, k: int, floor: float, width: int) -> list[Near]:
        # First what the graph was not told of: an id that it is told of meanwhile is then in both, not in neither.
        changed = graph.changed.copy()
        count = CANDIDATES if graph.rotation is None else int(SHARE_COMPARED * width)
        candidates = graph.search(query, max(count, TIMES_WANTED * k), width)
        return self._undisturbed(block, lambda: block.rescore([*changed, *candidates], query, k, floor))

    def search_seconds(self, partition: bytes) -> float:
        """Estimate the time of a search."""
        graph = self._graphs.get(partition)
        if graph is None or graph.width is None or not self._is_of_use(graph):
            return super().search_seconds(partition)
        return graph.width * (ENTRY_SECONDS + NUMBER_SECONDS * graph.numbers) + COMPARING_SECONDS

    @property
    def memory_bytes(self) -> int:
        """What rows, prefixes, id tables and graphs hold."""
        return super().memory_bytes + sum(graph.nbytes for graph in list(self._graphs.values()))

    @property
    def tombstones(self) -> int:
        """Removed rows that still take room in graphs."""
        return sum(graph.tombstones for graph in list(self._graphs.values()))

    def compact(self) -> int:
        """Give back unused room, building graphs with tombstones anew; return the number of these."""
        super().compact()
        reclaimed = 0
        for partition, graph in list(self._graphs.items()):
            if graph.tombstones:
                reclaimed += graph.tombstones
                self._graphs.pop(partition, None)
                self._tend(partition)
        return reclaimed

    def after_fork(self) -> None:
        """Replace locks and threads; graphs that another thread was changing are built anew when they are needed."""
        super().after_fork()
        self._graphs = {
            partition: graph for partition, graph in self._graphs.items() if graph.after_fork() and graph.width
        }

    def filled(self) -> None:
        """Build graphs, or take saved ones, from now on: the vectors of all that was stored are here."""
        if not self._is_filled:
            self._is_filled = True
            for partition in [name for name, block in list(self._blocks.items()) if block.count >= self._above]:
                self._tend(partition)

    def close(self) -> None:
        """Stop what is being prepared, and save what has changed much, for a few seconds at most."""
        super().close()
        until = monotonic() + CLOSE_SECONDS
        changed = [item for item in list(self._graphs.items()) if item[1].unsaved > SAVE_AFTER * len(item[1])]
        if self._saved is not None and changed and self.wait(CLOSE_SECONDS):
            for partition, graph in changed:
                self._save(partition, graph, lambda: monotonic() < until)

    # ------------------------------------------------------------------ in the background

    def _note(self, partition: bytes, ids: Sequence[int]) -> None:
        graph = self._graphs.get(partition)
        if graph is not None:
            graph.changed.extend(ids)
            if len(graph.changed) >= WORTH_TELLING:
                self._tend(partition)
        elif self.count(partition) >= self._above:
            self._tend(partition)

    def _tend(self, partition: bytes) -> None:
        if self._is_filled:
            self._background.submit(("graph", partition), partial(self._tended, partition))

    def _tended(self, partition: bytes) -> Iterator[None]:
        """Make the graph of a partition if it lacks one, tell it what changed, and see how much it finds."""
        if self.count(partition) < self._above / 2:
            if self._graphs.pop(partition, None) is not None:
                self._forget(partition)
            return
        self._restore(partition)
        graph = self._graphs.get(partition)
        if graph is None or graph.removed > REBUILD_AFTER * len(graph):
            graph = self._begun(partition, is_short=graph is None or graph.rotation is not None)
        while graph.changed and self._graphs.get(partition) is graph:
            is_searched = self._is_of_use(graph)
            self._tell(partition, graph, SMALL_STEP if is_searched else LARGE_STEP)
            if is_searched:
                sleep(PAUSE_SECONDS)
            yield
        block = self._blocks.get(partition)
        if block is not None and graph.unchecked > CHECK_AFTER * len(graph):
            yield from self._checked(partition, graph, block)
            if graph.width is None and graph.rotation is not None:
                self._begun(partition, is_short=False)
                self._tend(partition)
            elif graph.width is not None and graph.unsaved > CHECK_AFTER * len(graph):
                self._save(partition, graph, self._background.goes_on)

    def _begun(self, partition: bytes, *, is_short: bool) -> Graph:
        """Put an empty graph in a partition's place, which is still to be told all ids; return it."""
        block, rotation = self._blocks.get(partition), None
        if is_short and self.dim > SHORT and block is not None and block.count:
            rotation = fit(self._sample(block))
        # It is there before its ids are listed, so that none is left out.
        graph = self._graphs[partition] = Graph(self.dim, rotation)
        with self._lock:
            block = self._blocks.get(partition)
            graph.changed.extend([] if block is None else list(block.positions))
        return graph

    def _tell(self, partition: bytes, graph: Graph, most: int) -> None:
        """Tell a graph of the changes that came first. Each id is looked up anew: the order does not matter."""
        count = min(most, len(graph.changed))
        ids = list(dict.fromkeys(graph.changed[place] for place in range(count)))
        block = self._blocks.get(partition)

        def here(block: Block) -> tuple[list[int], Vector]:
            new = graph.missing([id for id in ids if id in block.positions])
            return new, block.read([block.positions[id] for id in new])

        new: list[int] = []
        if block is not None:
            new, vectors = self._undisturbed(block, lambda: here(block))
            graph.add(new, vectors)
        graph.remove([id for id in ids if block is None or id not in block.positions])
        # Only now: a search compares them until the graph knows of them.
        for _ in range(count):
            graph.changed.popleft()

    def _checked(self, partition: bytes, graph: Graph, block: Block) -> Iterator[None]:
        """Let a graph look at as many entries as it must for `recall`, or not be searched.

        One of shortened vectors that finds too little is followed by one of whole vectors.
        """
        asked = [(query, floor) for place, query, floor in self._asked.copy() if place == partition]
        floor = float(np.median([floor for _, floor in asked])) if asked else USUAL_FLOOR
        with self._lock:
            rows = block.sample(CHECKED)
        questions = [*(query for query, _ in asked), *questions_near(rows, floor)]
        truths = []
        for question in questions:
            truths.append(super().search(partition, question, NEAREST, floor))
            yield
        graph.unchecked, lost = 0, 0
        for width in WIDTHS if graph.rotation is not None else WIDTHS_OF_WHOLE:
            lost = 0
            for question, truth in zip(questions, truths, strict=True):
                found = self._guided(graph, block, question, NEAREST, floor, width)
                lost += sum(is_lost(near, found) for near in truth if near.id in block.positions)
                yield
            if lost <= (1 - self._recall) * sum(map(len, truths)):
                graph.width = width
                return
        graph.width = None
        if graph.rotation is None:
            wanted = sum(map(len, truths))
            _log.warning("the graph misses %s of %s neighbours in a sample; the exact scan searches", lost, wanted)


class AutoIndex(AnnIndex):
    """What "auto" is where usearch is installed: the exact index, with graphs where they are the better choice."""

    def __init__(
        self,
        dim: int,
        dtype: VectorDtype = "float32",
        *,
        above: int = AUTO_ABOVE,
        recall: float = AUTO_RECALL,
        saved: SavedGraphs | None = None,
    ) -> None:
        super().__init__(dim, dtype, above=above, recall=recall, saved=saved)

    @property
    def name(self) -> str:
        """ "hnsw" where a graph is searched, else "numpy"."""
        return "hnsw" if any(graph.width for graph in list(self._graphs.values())) else "numpy"
