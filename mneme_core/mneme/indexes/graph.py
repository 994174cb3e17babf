"""The graph of one partition (HNSW, by usearch): which entries may be near. What it says is only ever a hint."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from mneme.errors import IndexBackendUnavailableError
from mneme.indexes.base import Vector
from mneme.indexes.rotation import WIDTH as SHORT
from mneme.indexes.rotation import Rotation

# Measured on the vectors of benchmarks/vectors.py: int8 finds what float16 does in two thirds of the time and half
# the memory, once what is found is compared in full; 16 links and 128 looked at for each vector build fastest.
KIND, LINKS, BUILD_WIDTH = "i8", 16, 128
# With twice as many, which takes twice as long, a quarter as many neighbours are lost at every width of a search. Among
# 100,000 that is not needed; a million had to be searched with a width of 512 without it.
LARGE, LARGE_BUILD_WIDTH = 100_000, 256
# How many entries a search looks at, at least and at most, and where vectors are whole: with half of it a run in ten
# lost more than one hit in a hundred among 100,000. How many more, the self-check finds out in steps of about a half.
WIDTH, WIDEST, STEP, WIDTH_OF_WHOLE = 64, 2_048, 2**0.5, 128
# Nodes read or written, after which it is asked whether to go on.
ASKED_EVERY = 4_096


def is_installed() -> bool:
    """Return whether usearch is there, without importing it."""
    return find_spec("usearch") is not None


def check_installed() -> None:
    """Raise IndexBackendUnavailableError where usearch is not there."""
    if not is_installed():
        raise IndexBackendUnavailableError(
            'index_backend "ann" needs usearch: pip install "mneme-middleware[ann]". "numpy" is the exact index and '
            "needs nothing."
        )


def version() -> str:
    """Return that of usearch: what one wrote another may read otherwise."""
    _graph_class()
    return str(import_module("usearch").__version__)


def _graph_class() -> Any:
    # usearch 2.26 ends the process where onnxruntime, which the bundled embedder needs, is imported after it.
    with suppress(ImportError):
        import_module("onnxruntime")
    return import_module("usearch.index").Index


def _room_for(held: int) -> int:
    """Return for how many slots usearch 2.25 makes room when it reads a graph that holds so many: it overruns less."""
    return 2 * (1 << (-(-3 * held // 2) - 1).bit_length()) // 3


def _told(goes_on: Callable[[], bool]) -> Callable[[int, int], bool]:
    """Return what usearch calls for each node. It holds the interpreter's lock meanwhile: only here others get it."""

    def progress(done: int, _: int) -> bool:
        return done % ASKED_EVERY != 0 or goes_on()

    # usearch compares types, not their names.
    progress.__annotations__ = {"done": int, "_": int, "return": bool}
    return progress


class Graph:
    """Ids by nearness, and what is still to be told to it. Its methods may be called from any thread.

    rotation: shortens vectors to SHORT numbers, which takes a third of the time and, as most of what tells vectors of
    texts apart lies in few directions, finds more of the nearest; None keeps them whole.
    """

    def __init__(self, dim: int, rotation: Rotation | None = None) -> None:
        self.rotation = rotation
        self.numbers = dim if rotation is None else SHORT
        """Of each vector."""
        self._index: Any = _graph_class()(
            ndim=self.numbers,
            metric="ip",
            dtype=KIND,
            connectivity=LINKS,
            expansion_add=BUILD_WIDTH,
            expansion_search=WIDTH,
        )
        # usearch may move its arrays when it grows, and versions differ in what else they allow at once.
        self._lock = threading.Lock()
        self.width: int | None = None
        """How many entries a search looks at; None while the graph is not to be searched."""
        self.changed: deque[int] = deque()
        """Ids that came or went and that the graph does not know of yet."""
        self.removed = 0
        """Removals since it was made: each leaves it a little less connected."""
        self.tombstones = 0
        """Removed entries whose room was not yet used again."""
        self.unchecked = 0
        """Changes since the last self-check."""
        self.unsaved = 0
        """Changes since it was last saved."""

    def __len__(self) -> int:
        return len(self._index)

    def missing(self, ids: Sequence[int]) -> list[int]:
        """Return those of `ids` that are not in the graph."""
        if not ids:
            return []
        with self._lock:
            held = self._index.contains(np.asarray(ids, np.uint64))
        return [id for id, is_held in zip(ids, held, strict=True) if not is_held]

    def add(self, ids: Sequence[int], vectors: Vector) -> None:
        """Add vectors whose ids are missing."""
        if not ids:
            return
        if self.rotation is not None:
            vectors = np.stack([self.rotation.shortened(vector) for vector in vectors])
        with self._lock:
            self._index.expansion_add = BUILD_WIDTH if len(self._index) < LARGE else LARGE_BUILD_WIDTH
            self._index.add(np.asarray(ids, np.uint64), vectors, threads=max(1, (os.cpu_count() or 1) // 2))
        self.tombstones -= min(len(ids), self.tombstones)
        self.unchecked += len(ids)
        self.unsaved += len(ids)

    def remove(self, ids: Sequence[int]) -> None:
        """Remove ids that are there."""
        with self._lock:
            for id in ids:
                if self._index.contains(id):
                    self._index.remove(id)
                    self.removed += 1
                    self.tombstones += 1
                    self.unchecked += 1
                    self.unsaved += 1

    def search(self, query: Vector, count: int, width: int) -> list[int]:
        """Return about `count` ids that may be the nearest, after looking at `width`."""
        if self.rotation is not None:
            query = self.rotation.shortened(query)
        with self._lock:
            if self._index.expansion_search != width:
                self._index.expansion_search = width
            found: list[int] = self._index.search(query, count, threads=1).keys.tolist()
        return found

    def write(self, path: str, goes_on: Callable[[], bool]) -> None:
        """Write it to a file: the graph as usearch does, then the rotation. Searches go on.

        Who calls this sees to it that nobody changes it. Raises what usearch raises for a full disk, and where
        `goes_on` says no.
        """
        self._index.save(path, progress=_told(goes_on))
        if self.rotation is not None:
            with Path(path).open("ab") as file:
                file.write(self.rotation.axes.tobytes())

    @property
    def file_bytes(self) -> int:
        """What `write` writes."""
        return int(self._index.serialized_length) + (0 if self.rotation is None else self.rotation.axes.nbytes)

    @classmethod
    def read(cls, content: memoryview, dim: int, goes_on: Callable[[], bool]) -> Graph:
        """Return the graph that `write` wrote; the content must be known to be whole, or usearch ends the process.

        Raises ValueError for one of which so much was removed that usearch cannot read it.
        """
        about = _graph_class().metadata(content)
        graph_bytes, rotation = len(content), None
        if about["dimensions"] != dim:
            graph_bytes -= 4 * SHORT * dim
            axes = np.frombuffer(bytes(content[graph_bytes:]), np.float32)
            rotation = Rotation(axes.reshape(SHORT, dim))
        graph = cls(dim, rotation)
        held, slots = about["count_present"], about["count_present"] + about["count_deleted"]
        if held == 0 or _room_for(held) < slots:
            raise ValueError(f"{held:,} of its {slots:,} slots are in use")
        with content[:graph_bytes] as part:
            graph._index.load(part, progress=_told(goes_on))
        graph.unchecked = len(graph)
        return graph

    @property
    def nbytes(self) -> int:
        """The memory held."""
        return int(self._index.memory_usage)

    def after_fork(self) -> bool:
        """Replace the lock; return whether the graph was at rest, for otherwise it is of no use."""
        was_free = self._lock.acquire(blocking=False)
        self._lock = threading.Lock()
        return was_free
