"""Gathering: texts that are asked for while an embedder is busy are embedded together, by its next call.

Whoever finds the embedder idle goes ahead at once; who comes later waits for a call under way to end, and the first of
those who wait then embeds for all of them. No thread of its own and no lock across the embedder.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from concurrent import futures
from contextvars import ContextVar
from itertools import repeat
from typing import Any, Final, cast

from mneme.embedders.base import AsyncBatchEmbedder, AsyncEmbedder, BatchEmbedder, Embedder
from mneme.embedders.batching import Batching
from mneme.errors import EmbedderDimensionError
from mneme.runtime.queueing import Queue

_log = logging.getLogger("mneme.cache")

# What a waiting call may be told in place of its vector.
LEAD: Final = object()
ALONE: Final = object()

# An embedder that asks the cache it serves must not wait for a call that waits for it.
_embedding: ContextVar[bool] = ContextVar("mneme_embedding", default=False)


class _Call:
    """A thread that waits for the vector of a text."""

    __slots__ = ("text", "told")

    def __init__(self, text: str) -> None:
        self.text = text
        self.told: futures.Future[Any] = futures.Future()


class Gathering:
    """An embedder whose calls from many threads are gathered."""

    def __init__(self, embedder: Embedder, batching: Batching) -> None:
        self.embedder = embedder
        self._window = batching.window
        self._queue: Queue[_Call] = Queue(batching)

    def embed(self, text: str) -> Any:
        """Return the vector of `text` as the embedder gives it; raises what it raises for this text."""
        if _embedding.get():
            return self.embedder.embed(text)
        call = _Call(text)
        try:
            told = self._told(call)
        except BaseException:  # such as KeyboardInterrupt: others must not wait for this thread
            _appoint(self._queue.leave(call))
            raise
        if told is LEAD:
            return self._lead()
        return self.embedder.embed(text) if told is ALONE else told

    def _told(self, call: _Call) -> Any:
        if not self._queue.join(call):
            return call.told.result()
        if self._window:
            time.sleep(self._window)
        return LEAD

    def _lead(self) -> Any:
        """Embed a batch; return the vector of its first text, which is this thread's."""
        (mine, *others), following = self._queue.take()
        _appoint(following)
        rows: Sequence[Any] | None = None
        token = _embedding.set(True)
        try:
            if not others:
                return self.embedder.embed(mine.text)
            rows = self._rows([mine.text, *(call.text for call in others)])
        finally:
            _embedding.reset(token)
            for call, row in zip(others, repeat(ALONE) if rows is None else rows[1:], strict=False):
                call.told.set_result(row)
            _appoint(self._queue.end())
        return self.embedder.embed(mine.text) if rows is None else rows[0]

    def _rows(self, texts: list[str]) -> Sequence[Any] | None:
        try:
            return checked(cast("BatchEmbedder", self.embedder).embed_many(texts), texts)
        except Exception:
            _tell_failure(texts)
            return None


def _appoint(call: _Call | None) -> None:
    if call is not None:
        call.told.set_result(LEAD)


class AsyncGathering:
    """The same for the tasks of one event loop: batches are tasks of their own, which no caller's end cancels."""

    def __init__(self, embedder: AsyncEmbedder, batching: Batching) -> None:
        self.embedder = embedder
        self._window = batching.window
        self._queue: Queue[_AsyncCall] = Queue(batching)
        self._tasks: set[asyncio.Task[None]] = set()
        self._gatherer: asyncio.Task[None] | None = None
        """The task that is to take the next batch."""

    async def embed(self, text: str) -> Any:
        """Return the vector of `text` as the embedder gives it; raises what it raises for this text."""
        if _embedding.get():
            return await self.embedder.embed(text)
        call = _AsyncCall(text)
        if self._queue.join(call):
            self._launch(self._window)
        told = await call.told
        return await self.embedder.embed(text) if told is ALONE else told

    def _launch(self, window: float = 0.0) -> None:
        self._gatherer = task = asyncio.create_task(self._lead(window))
        self._tasks.add(task)  # the event loop itself keeps no task alive
        task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task is self._gatherer:  # cancelled before its first step, of which it runs nothing then
            self._launch()

    async def _lead(self, window: float) -> None:
        """Embed a batch: all that came before this task's first step, and in the time it is to wait."""
        _embedding.set(True)  # in this task's own context
        batch: list[_AsyncCall] = []
        rows: Sequence[Any] | None = None
        try:
            try:
                if window:
                    await asyncio.sleep(window)
            finally:
                batch = self._taken()
            rows = await self._rows(batch)
        finally:
            for call, row in zip(batch, repeat(ALONE) if rows is None else rows, strict=False):
                if not call.told.done():
                    call.told.set_result(row)
            if self._queue.end() is not None:
                self._launch()

    def _taken(self) -> list[_AsyncCall]:
        self._gatherer = None
        batch, following = self._queue.take()
        if following is not None:
            self._launch()
        return [call for call in batch if not call.told.done()]

    async def _rows(self, batch: list[_AsyncCall]) -> Sequence[Any] | None:
        if not batch:
            return []
        task = cast("asyncio.Task[None]", asyncio.current_task())

        def left(_: Any) -> None:
            if all(call.told.cancelled() for call in batch):
                task.cancel()

        for call in batch:
            call.told.add_done_callback(left)
        texts = [call.text for call in batch]
        try:
            if len(batch) == 1:
                return [await self.embedder.embed(texts[0])]
            return checked(await cast("AsyncBatchEmbedder", self.embedder).embed_many(texts), texts)
        except Exception as error:
            if len(batch) > 1:
                _tell_failure(texts)
            elif not batch[0].told.done():
                batch[0].told.set_exception(error)
            return None


class _AsyncCall:
    """A task that waits for the vector of a text."""

    __slots__ = ("text", "told")

    def __init__(self, text: str) -> None:
        self.text = text
        self.told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()


def checked(rows: Any, texts: Sequence[str]) -> Sequence[Any]:
    """Return what `embed_many` gave; raises EmbedderDimensionError unless it is one row for each text."""
    if len(rows) != len(texts):
        raise EmbedderDimensionError(f"embed_many returned {len(rows)} vectors for {len(texts)} texts.")
    return cast("Sequence[Any]", rows)


def _tell_failure(texts: Sequence[str]) -> None:
    _log.debug("the embedder failed on a batch of %d texts; each is tried alone", len(texts), exc_info=True)
