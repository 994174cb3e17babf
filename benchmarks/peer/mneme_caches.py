"""Mneme and mneme-cache, which have one interface and one import name; and Mneme over the servers of the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mneme
from benchmarks.peer.adapter import THRESHOLD, Adapter
from benchmarks.truth import AsyncConstantEmbedder, ConstantEmbedder


class MnemeCache(Adapter):
    """mneme-cache over its SQLite file, with the index that its users get."""

    index = "numpy"

    def __init__(self, place: str, dim: int, asynchronous: bool) -> None:
        del dim
        options = {**self.where(place), "similarity_threshold": THRESHOLD}
        self._cache: Any = (
            mneme.AsyncSemanticCache(embedder=AsyncConstantEmbedder(), **options)
            if asynchronous
            else mneme.SemanticCache(embedder=ConstantEmbedder(), **options)
        )

    def where(self, place: str) -> dict[str, Any]:
        """Return the arguments that say what is opened."""
        return {"path": str(Path(place, "cache.db")), "index_backend": self.index}

    def version(self) -> str:
        return mneme.__version__

    def put(self, query: str, response: str, vector: Any) -> None:
        self._cache.put(query, response, embedding=vector)

    def exact(self, query: str, vector: Any) -> str | None:
        del vector
        return _response(self._cache.get(query))

    def near(self, query: str, vector: Any) -> str | None:
        return _response(self._cache.get(query, embedding=vector))

    async def exact_async(self, query: str, vector: Any) -> str | None:
        del vector
        return _response(await self._cache.get(query))

    async def close(self) -> None:
        closing = self._cache.close()
        if closing is not None:
            await closing


class MnemeCacheHNSW(MnemeCache):
    """The same with its approximate index."""

    index = "hnsw"


class Mneme(MnemeCache):
    """Mneme over its SQLite file, with its defaults."""

    index = "auto"
    bulk = True

    def put_many(self, entries: list[tuple[str, str, Any]]) -> None:
        queries, responses, vectors = zip(*entries, strict=True)
        self._cache.put_many(list(zip(queries, responses, strict=True)), embeddings=list(vectors))


class MnemeAnn(Mneme):
    """The same with graphs from 5,000 entries on, which the time to fill includes."""

    index = "ann"

    def where(self, place: str) -> dict[str, Any]:
        return {**super().where(place), "index_options": {"above": 5_000}}

    def filled(self) -> None:
        search = self._cache._core.index
        assert search.wait(600), "the graph was not made in ten minutes"


class MnemeReplica(Mneme):
    """Mneme over Redis, each process with a copy of its own."""

    mode = "replica"

    def where(self, place: str) -> dict[str, Any]:
        from mneme.stores.redis import RedisStore

        return {"store": RedisStore(place, mode=self.mode)}


class MnemeServer(MnemeReplica):
    """Mneme over Redis, which searches."""

    mode = "server"


def _response(hit: Any) -> str | None:
    return None if hit is None else hit.response
