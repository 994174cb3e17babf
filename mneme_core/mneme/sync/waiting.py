"""What a sync cache waits for: the embedder, the store, a search, others' writes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from mneme.embedders.adapters import to_sync_embedder
from mneme.embedders.base import Embedder
from mneme.errors import UnembeddableTextError
from mneme.indexes.base import Vector
from mneme.model import Hit
from mneme.runtime import searching, writing
from mneme.runtime.facade import Facade, check_embedder
from mneme.runtime.requests import Request
from mneme.runtime.unhurried import BREATH_SECONDS
from mneme.stores.base import Change

_log = logging.getLogger("mneme.cache")

T = TypeVar("T")


class Waiting(Facade[Embedder]):
    """Runs the steps that take time, and waits for them."""

    @classmethod
    def _check_embedder(cls, embedder: Any) -> Embedder:
        check_embedder(embedder)
        return to_sync_embedder(embedder)

    def _embed(self, text: str) -> Vector:
        return self._core.embeddings.of(text, self._embedder)

    def _embed_many(self, texts: Sequence[str]) -> list[Vector]:
        return self._core.embeddings.of_many(texts, self._embedder)

    def _vector(self, request: Request, embedding: Any = None) -> Vector | None:
        """Return the vector to store; None leaves the entry to the exact layer."""
        if not request.semantic:
            return None
        if embedding is not None:
            return writing.unit(self._core, embedding)
        return self._faithful(request.text)

    def _faithful(self, text: str) -> Vector | None:
        try:
            return self._embed(text)
        except UnembeddableTextError as error:
            _log.info("kept for the same request only: %s", error)
            return None

    def _faithful_many(self, texts: Sequence[str]) -> dict[str, Vector | None]:
        try:
            return dict(zip(texts, self._embed_many(texts), strict=True))
        except UnembeddableTextError:
            return {text: self._faithful(text) for text in texts}

    def _search(self, request: Request, vector: Vector) -> Hit | None:
        return searching.search(self._core, request, vector)

    def _run(self, step: Callable[..., T], *arguments: Any) -> T:
        return step(*arguments)

    def _store(self, step: Callable[..., T], *arguments: Any) -> T:
        return step(*arguments)

    def _pause(self, seconds: float) -> None:
        time.sleep(seconds)

    def _write(self, changes: Sequence[Change]) -> None:
        core = self._core
        while (room := core.room(changes)) is not None:
            room.result()
        core.journal.write(changes)
        if core.settles(changes):
            core.settle()

    def _evict(self, namespace: str) -> None:
        """Remove what must leave after a put into `namespace`, in parts between which others use the cache.

        What few leave is written with the next put, what many leave part by part: no put is to wait for all of it.
        """
        while writing.evict(self._core, namespace):
            self._store(self._core.journal.drive_if_free)
            self._pause(BREATH_SECONDS)
