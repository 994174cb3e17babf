"""What an async cache awaits: the embedder, the store, a search, others' writes. The twin of `mneme.sync.waiting`."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from mneme.embedders.adapters import to_async_embedder
from mneme.embedders.base import AsyncEmbedder
from mneme.errors import UnembeddableTextError
from mneme.indexes.base import Vector
from mneme.model import Hit
from mneme.runtime import searching, writing
from mneme.runtime.facade import Facade, check_embedder
from mneme.runtime.requests import Request
from mneme.runtime.threads import Threads
from mneme.runtime.unhurried import BREATH_SECONDS
from mneme.stores.base import Change

_log = logging.getLogger("mneme.cache")

T = TypeVar("T")


class AsyncWaiting(Facade[AsyncEmbedder]):
    """Runs the steps that take time, and awaits them."""

    @classmethod
    def _check_embedder(cls, embedder: Any) -> AsyncEmbedder:
        check_embedder(embedder)
        return to_async_embedder(embedder)

    async def _embed(self, text: str) -> Vector:
        return await self._core.embeddings.aof(text, self._embedder)

    async def _embed_many(self, texts: Sequence[str]) -> list[Vector]:
        return await self._core.embeddings.aof_many(texts, self._embedder)

    async def _vector(self, request: Request, embedding: Any = None) -> Vector | None:
        """Return the vector to store; None leaves the entry to the exact layer."""
        if not request.semantic:
            return None
        if embedding is not None:
            return writing.unit(self._core, embedding)
        return await self._faithful(request.text)

    async def _faithful(self, text: str) -> Vector | None:
        try:
            return await self._embed(text)
        except UnembeddableTextError as error:
            _log.info("kept for the same request only: %s", error)
            return None

    async def _faithful_many(self, texts: Sequence[str]) -> dict[str, Vector | None]:
        try:
            return dict(zip(texts, await self._embed_many(texts), strict=True))
        except UnembeddableTextError:
            return {text: await self._faithful(text) for text in texts}

    async def _search(self, request: Request, vector: Vector) -> Hit | None:
        """Search here where that is short and others leave time for it, else in a thread."""
        core = self._core
        threads = searching.threads_for(core, request)
        if threads is None:
            return await core.pace.run(searching.search, core, request, vector)
        return await self._run(searching.search, core, request, vector, threads=threads)

    async def _run(self, step: Callable[..., T], *arguments: Any, threads: Threads | None = None) -> T:
        """Run a step in the cache's own threads, with the caller's context variables."""
        context = contextvars.copy_context()
        submit = self._core.submit if threads is None else threads.submit
        return await asyncio.wrap_future(submit(context.run, step, *arguments))

    async def _store(self, step: Callable[..., T], *arguments: Any) -> T:
        """Run a step that uses the store: here where the store never blocks, else in a thread."""
        if not self._core.store.blocking:
            return step(*arguments)
        return await self._run(step, *arguments)

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _write(self, changes: Sequence[Change]) -> None:
        core = self._core
        while (room := core.room(changes)) is not None:
            await asyncio.wrap_future(room)
        submission, drives = core.journal.submit(changes)
        if drives and not core.writes_here():
            # Not awaited itself: a cancelled caller must not stop the group that waits for this write.
            core.submit(core.journal.drive)
        if submission.future is not None and not submission.is_done:
            await asyncio.shield(asyncio.wrap_future(submission.future))
        submission.check()
        if core.settles(changes):
            await self._store(core.settle)

    async def _evict(self, namespace: str) -> None:
        """Remove what must leave after a put into `namespace`, in parts between which others use the cache.

        What few leave is written with the next put, what many leave part by part: no put is to wait for all of it.
        """
        while writing.evict(self._core, namespace):
            await self._store(self._core.journal.drive_if_free)
            await self._pause(BREATH_SECONDS)
