"""Graphs in files beside the cache's own, so that opening a large cache need not build them anew.

A file is one graph as usearch writes it, then the ids in it with a mark of the vector that each had, a header, and a
checksum. What does not fit, whatever the reason, is not there: the graph is built anew. Whoever may write to the
directory of a cache is trusted with it; the checksum finds damage, not malice.
"""

from __future__ import annotations

import json
import logging
import mmap
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mneme.indexes.graph import KIND, LINKS, Graph, version
from mneme.indexes.marks import Marked
from mneme.model import VectorDtype

_log = logging.getLogger("mneme.cache")

MAGIC = b"mneme graph v2\r\n"
DIGEST_BYTES, LENGTH_BYTES = 32, 4
CHUNK_BYTES = 4 * 1_048_576
# What a process that was killed left half written is removed by the next who writes, once nobody can be at it still.
LEFT_AFTER_SECONDS = 3_600.0

GoesOn = Callable[[], bool]
"""Whether a long work is to be gone on with."""


class SavedGraphs:
    """The graphs of one cache. Nothing here raises: what fails is logged for those who debug.

    folder: made when it is first written to. identity: of the embedder; another's graphs are not taken.
    """

    def __init__(self, folder: Path, identity: str, *, writes: bool = True) -> None:
        self.folder = folder
        self._identity = identity
        self._writes = writes

    def path(self, partition: bytes) -> Path:
        """Return the file of a partition's graph."""
        return self.folder / f"{partition.hex()}.graph"

    def save(self, partition: bytes, graph: Graph, held: Marked, dim: int, dtype: VectorDtype, goes_on: GoesOn) -> bool:
        """Write a graph, which nobody may change meanwhile; return whether its file is there, whole.

        held: those of its ids whose entries are there, and the marks of their vectors.
        """
        if not self._writes:
            return False
        import tempfile  # takes milliseconds, and most caches never save anything

        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self._remove_leftovers()
            # Readable to the owner alone, as the cache's file is.
            descriptor, name = tempfile.mkstemp(suffix=".new", prefix=f".{partition.hex()}.", dir=self.folder)
            os.close(descriptor)
            try:
                graph.write(name, goes_on)
                with Path(name).open("r+b") as file:
                    self._finish(file, graph, held, self._expected(dim, dtype), goes_on)
                # On Windows it fails while another process reads the one that is there.
                os.replace(name, self.path(partition))  # noqa: PTH105  # says that an existing file is replaced
            finally:
                Path(name).unlink(missing_ok=True)
        except Exception:
            _log.debug("the graph of a partition was not saved", exc_info=True)
            return False
        graph.unsaved = 0
        return True

    def _finish(self, file: BinaryIO, graph: Graph, held: Marked, expected: Mapping[str, Any], goes_on: GoesOn) -> None:
        """Append what belongs to a graph, and bring it all to the disk."""
        graph_bytes = file.seek(0, os.SEEK_END)
        if graph_bytes != graph.file_bytes:
            raise OSError(f"usearch wrote {graph_bytes:,} of {graph.file_bytes:,} bytes")
        of_graph = {"width": graph.width, "removed": graph.removed, "tombstones": graph.tombstones}
        header = json.dumps({**expected, **of_graph, "graph_bytes": graph_bytes, "ids": len(held.ids)}).encode()
        file.write(held.ids.astype("<i8").tobytes())
        file.write(held.marks.astype("<f4").tobytes())
        file.write(header + len(header).to_bytes(LENGTH_BYTES, "little"))
        size = file.tell()
        file.seek(0)
        digest = sha256()
        for start in range(0, size, CHUNK_BYTES):
            _check(goes_on)
            digest.update(file.read(min(CHUNK_BYTES, size - start)))
        file.seek(size)
        file.write(digest.digest() + MAGIC)
        file.flush()
        _check(goes_on)
        os.fsync(file.fileno())

    def load(self, partition: bytes, dim: int, dtype: VectorDtype, goes_on: GoesOn) -> tuple[Graph, Marked] | None:
        """Return the saved graph of a partition, and what it held; None where there is none that fits."""
        path = self.path(partition)
        try:
            with (
                open(path, "rb", opener=_without_waiting) as file,  # a Path takes no opener
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
                memoryview(content) as view,
            ):
                return self._read(view, dim, self._expected(dim, dtype), goes_on)
        except FileNotFoundError:
            return None
        except Exception:
            _log.debug("the saved graph %s is not used", path, exc_info=True)
            return None

    @staticmethod
    def _read(view: memoryview, dim: int, expected: Mapping[str, Any], goes_on: GoesOn) -> tuple[Graph, Marked]:
        end = len(view) - DIGEST_BYTES - len(MAGIC)
        if end < LENGTH_BYTES or view[end + DIGEST_BYTES :] != MAGIC:
            raise ValueError("it does not end as a graph does")
        digest = sha256()
        for start in range(0, end, CHUNK_BYTES):
            _check(goes_on)
            with view[start : min(start + CHUNK_BYTES, end)] as chunk:
                digest.update(chunk)
        # Before anything else reads it: usearch does not survive a damaged file.
        if view[end : end + DIGEST_BYTES] != digest.digest():
            raise ValueError("its checksum is another")
        header_bytes = int.from_bytes(view[end - LENGTH_BYTES : end], "little")
        tables_end = end - LENGTH_BYTES - header_bytes
        header = json.loads(bytes(view[tables_end : end - LENGTH_BYTES]))
        found = {name: header.get(name) for name in expected}
        if found != expected:
            raise ValueError(f"it is of {found}, not of {expected}")
        number, graph_bytes = header["ids"], header["graph_bytes"]
        if graph_bytes + 12 * number != tables_end:
            raise ValueError("its parts are not as long as its header says")
        ids = np.frombuffer(bytes(view[graph_bytes : graph_bytes + 8 * number]), "<i8").astype(np.int64)
        marks = np.frombuffer(bytes(view[tables_end - 4 * number : tables_end]), "<f4").astype(np.float32)
        with view[:graph_bytes] as part:
            graph = Graph.read(part, dim, goes_on)
        graph.width, graph.tombstones = header["width"], header["tombstones"]
        # Ids that are in the graph and in no table came and went while it was saved.
        graph.removed = header["removed"] + max(0, len(graph) - number)
        return graph, Marked(ids, marks)

    def forget(self, partition: bytes) -> None:
        """Remove the file of a partition's graph."""
        if self._writes:
            with suppress(OSError):
                self.path(partition).unlink(missing_ok=True)

    def _expected(self, dim: int, dtype: VectorDtype) -> dict[str, Any]:
        """Return what a file must say of itself to fit."""
        return {
            "identity": self._identity,
            "dim": dim,
            "dtype": dtype,
            "kind": KIND,
            "links": LINKS,
            "usearch": version(),
            "byteorder": sys.byteorder,
        }

    def _remove_leftovers(self) -> None:
        for path in self.folder.glob(".*.new"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > LEFT_AFTER_SECONDS:
                    path.unlink()


def _check(goes_on: GoesOn) -> None:
    if not goes_on():
        raise InterruptedError("there is no time for it")


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe of that name is opened too, but nobody waits for who writes to it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
