"""What one would write by hand: a dict, a matrix, a table. No limits, no events, no statistics, no expiry."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import floors
from benchmarks.peer.adapter import THRESHOLD, Adapter


class ByHand(Adapter):
    """Reads all at its opening; every semantic lookup multiplies the whole matrix."""

    def __init__(self, place: str, dim: int, asynchronous: bool) -> None:
        del asynchronous
        path = str(Path(place, "cache.db"))
        self._lookup, self._keep = floors.exact_layer()
        self._insert = floors.sqlite_put(path)
        self._responses: list[str] = []
        self._vectors = np.empty((1_024, dim), np.float32)
        for query, response, vector in sqlite3.connect(path).execute("SELECT query, response, vector FROM entries"):
            self._hold(query, response, np.frombuffer(vector, np.float32))

    def version(self) -> str:
        return f"with NumPy {np.__version__}"

    def put(self, query: str, response: str, vector: Any) -> None:
        self._insert((query, response, vector.tobytes()))
        self._hold(query, response, vector)

    def exact(self, query: str, vector: Any) -> str | None:
        del vector
        return self._lookup(query)

    def near(self, query: str, vector: Any) -> str | None:
        found = self._lookup(query)
        if found is not None or not self._responses:
            return found
        similarities = self._vectors[: len(self._responses)] @ vector
        best = similarities.argmax()
        return self._responses[best] if similarities[best] >= THRESHOLD else None

    async def exact_async(self, query: str, vector: Any) -> str | None:
        return self.exact(query, vector)

    def _hold(self, query: str, response: str, vector: Any) -> None:
        row = len(self._responses)
        if row == len(self._vectors):
            self._vectors = np.concatenate([self._vectors, np.empty_like(self._vectors)])
        self._vectors[row] = vector
        self._responses.append(response)
        self._keep(query, response)
