"""Embedding with no lock held: identical texts under way share one call, recent ones need none."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from mneme.embedders.base import AsyncBatchEmbedder, AsyncEmbedder, BatchEmbedder, Embedder
from mneme.engine.vectors import unit
from mneme.errors import EmbedderDimensionError
from mneme.indexes.base import Vector
from mneme.observe.observers import Observers
from mneme.runtime.flight import Flights

# A `put` usually follows the `get` that missed: its text was embedded a moment ago.
RECENT = 256


class Embeddings:
    """Unit vectors of texts, by an embedder of either colour."""

    def __init__(self, dim: int, observers: Observers) -> None:
        self.dim = dim
        self._observers = observers
        self._flights = Flights()
        self._recent: OrderedDict[str, Vector] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, text: str, embedder: Embedder) -> Vector:
        """Return the vector of `text`; whatever the embedder raises is raised."""
        vector = self._known(text)
        if vector is not None:
            return vector

        def work() -> Vector:
            with self._observers.embedding(embedder, self.dim, 1):
                raw = embedder.embed(text)
            return self._keep(text, raw)

        return self._flights.run(text, work)[0]

    async def aof(self, text: str, embedder: AsyncEmbedder) -> Vector:
        """The same, awaited."""
        vector = self._known(text)
        if vector is not None:
            return vector

        async def work() -> Vector:
            with self._observers.embedding(embedder, self.dim, 1):
                raw = await embedder.embed(text)
            return self._keep(text, raw)

        return (await self._flights.arun(text, work))[0]

    def of_many(self, texts: Sequence[str], embedder: Embedder) -> list[Vector]:
        """Return the vectors of `texts`; one call where the embedder can."""
        vectors, new = self._split(texts)
        if len(new) > 1 and isinstance(embedder, BatchEmbedder):
            with self._observers.embedding(embedder, self.dim, len(new)):
                rows = embedder.embed_many(new)
            vectors |= self._keep_many(new, rows)
        else:
            vectors |= {text: self.of(text, embedder) for text in new}
        return [vectors[text] for text in texts]

    async def aof_many(self, texts: Sequence[str], embedder: AsyncEmbedder) -> list[Vector]:
        """The same, awaited."""
        vectors, new = self._split(texts)
        if len(new) > 1 and isinstance(embedder, AsyncBatchEmbedder):
            with self._observers.embedding(embedder, self.dim, len(new)):
                rows = await embedder.embed_many(new)
            vectors |= self._keep_many(new, rows)
        else:
            vectors |= {text: await self.aof(text, embedder) for text in new}
        return [vectors[text] for text in texts]

    def _split(self, texts: Sequence[str]) -> tuple[dict[str, Vector], list[str]]:
        """Return the vectors that are known, and the texts whose are not."""
        found = {text: self._known(text) for text in texts}
        vectors = {text: vector for text, vector in found.items() if vector is not None}
        return vectors, [text for text, vector in found.items() if vector is None]

    def _known(self, text: str) -> Vector | None:
        with self._lock:
            vector = self._recent.get(text)
            if vector is not None:
                self._recent.move_to_end(text)
            return vector

    def _keep(self, text: str, raw: Any) -> Vector:
        vector = unit(raw, self.dim)
        with self._lock:
            self._recent[text] = vector
            while len(self._recent) > RECENT:
                self._recent.popitem(last=False)
        return vector

    def _keep_many(self, texts: Sequence[str], rows: Any) -> dict[str, Vector]:
        if len(rows) != len(texts):
            raise EmbedderDimensionError(f"embed_many returned {len(rows)} vectors for {len(texts)} texts.")
        return {text: self._keep(text, row) for text, row in zip(texts, rows, strict=True)}

    def after_fork(self) -> None:
        """Forget works and locks of threads that are not in this process."""
        self._lock = threading.Lock()
        self._flights = Flights()
