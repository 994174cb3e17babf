"""Embedding with no lock held: identical texts under way share one call, recent ones need none, others are gathered."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Sequence
from sys import getsizeof
from typing import Any
from weakref import WeakKeyDictionary

from mneme.embedders.base import AsyncBatchEmbedder, AsyncEmbedder, BatchEmbedder, Embedder
from mneme.embedders.batching import NONE, Batching, batching_of, is_inline
from mneme.engine.vectors import unit
from mneme.indexes.base import Vector
from mneme.observe.observers import Observers
from mneme.runtime.flight import Flights
from mneme.runtime.gathering import AsyncGathering, Gathering, checked

# A `put` follows the `get` that missed once the model has answered: so much holds what 200 misses a second leave in ten
# seconds, about 2,000 questions of 384 numbers.
RECENT_BYTES = 4 * 1_048_576
# Of an array and its place in the table, beside the numbers and the text.
OVERHEAD_BYTES = 300


class Embeddings:
    """Unit vectors of texts, by an embedder of either colour.

    batching: how calls are gathered; None leaves it to the embedder.
    """

    def __init__(self, dim: int, batching: Batching | None = None, observers: Observers | None = None) -> None:
        self.dim = dim
        self._observers = observers or Observers(())
        self._batching = batching
        self._recent: OrderedDict[str, Vector] = OrderedDict()
        self._recent_bytes = 0
        self._lock = threading.Lock()
        self._flights = Flights()
        self._threads: Gathering | None = None
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncGathering] = WeakKeyDictionary()

    def of(self, text: str, embedder: Embedder) -> Vector:
        """Return the vector of `text`; whatever the embedder raises is raised."""
        vector = self._known(text)
        if vector is not None:
            return vector
        if is_inline(embedder):
            return self._embed(text, embedder, embedder)
        gathering = self._gathering(embedder)
        return self._flights.run(text, lambda: self._embed(text, embedder, gathering))[0]

    def _embed(self, text: str, embedder: Embedder, through: Gathering | Embedder) -> Vector:
        with self._observers.embedding(embedder, self.dim, 1):
            raw = through.embed(text)
        return self._keep(text, raw)

    async def aof(self, text: str, embedder: AsyncEmbedder) -> Vector:
        """The same, awaited."""
        vector = self._known(text)
        if vector is not None:
            return vector
        if is_inline(embedder):
            return await self._aembed(text, embedder, embedder)
        gathering = self._agathering(embedder)
        return (await self._flights.arun(text, lambda: self._aembed(text, embedder, gathering)))[0]

    async def _aembed(self, text: str, embedder: AsyncEmbedder, through: AsyncGathering | AsyncEmbedder) -> Vector:
        with self._observers.embedding(embedder, self.dim, 1):
            raw = await through.embed(text)
        return self._keep(text, raw)

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
            if text not in self._recent:
                self._recent[text] = vector
                self._recent_bytes += _size(text, vector)
            while self._recent_bytes > RECENT_BYTES:
                self._recent_bytes -= _size(*self._recent.popitem(last=False))
        return vector

    def _keep_many(self, texts: Sequence[str], rows: Any) -> dict[str, Vector]:
        return {text: self._keep(text, row) for text, row in zip(texts, checked(rows, texts), strict=True)}

    def _gathering(self, embedder: Embedder) -> Gathering | Embedder:
        batching = self._batching_of(embedder)
        if batching.texts == 1:
            return embedder
        with self._lock:
            if self._threads is None or self._threads.embedder is not embedder:
                self._threads = Gathering(embedder, batching)
            return self._threads

    def _agathering(self, embedder: AsyncEmbedder) -> AsyncGathering | AsyncEmbedder:
        batching = self._batching_of(embedder)
        if batching.texts == 1:
            return embedder
        loop = asyncio.get_running_loop()
        with self._lock:
            found = self._loops.get(loop)
            if found is None or found.embedder is not embedder:
                found = self._loops[loop] = AsyncGathering(embedder, batching)
            return found

    def _batching_of(self, embedder: Embedder | AsyncEmbedder) -> Batching:
        by_itself = batching_of(embedder)
        return by_itself if by_itself is NONE or self._batching is None else self._batching

    def after_fork(self) -> None:
        """Forget works and locks of threads that are not in this process."""
        self._lock = threading.Lock()
        self._flights = Flights()
        self._threads, self._loops = None, WeakKeyDictionary()


def _size(text: str, vector: Vector) -> int:
    return getsizeof(text) + vector.nbytes + OVERHEAD_BYTES
