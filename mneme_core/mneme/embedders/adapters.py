"""Sync embedders for async callers and the reverse."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Final, TypeGuard, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from mneme.embedders.base import AsyncBatchEmbedder, AsyncEmbedder, BatchEmbedder, Embedder
from mneme.embedders.batching import batching_of, is_inline
from mneme.offload import offload

Vectors = NDArray[np.float32]
T = TypeVar("T")

WORKERS: Final = 4


def is_async_embedder(embedder: Embedder | AsyncEmbedder) -> TypeGuard[AsyncEmbedder]:
    """Tell whether `embed` is a coroutine function."""
    return inspect.iscoroutinefunction(embedder.embed)


def to_async_embedder(embedder: Embedder | AsyncEmbedder) -> AsyncEmbedder:
    """Return the embedder for async callers: its calls run in worker threads of its own, four at most.

    One that declares `inline = True`, because it is done in less than the 0.1 ms that a thread takes to begin and never
    waits, is called in the event loop.
    An async embedder is returned as it is, and `to_sync_embedder` is undone. Cancelling a call does not stop
    its thread; the result is dropped.
    """
    if is_async_embedder(embedder):
        return embedder
    if isinstance(embedder, _AsSync):
        return embedder.wrapped
    form = AsAsyncBatch if isinstance(embedder, BatchEmbedder) else AsAsync
    return form(cast(Embedder, embedder))


def to_sync_embedder(embedder: Embedder | AsyncEmbedder) -> Embedder:
    """Return the embedder for sync callers: each call runs an event loop of its own until it is done.

    A sync embedder is returned as it is, and `to_async_embedder` is undone. Calls raise RuntimeError in a
    thread whose event loop is running. A client that keeps connections open between calls may not bear the
    change of loop; prefer its sync form.
    """
    if not is_async_embedder(embedder):
        return cast(Embedder, embedder)
    if isinstance(embedder, AsAsync):
        return embedder.wrapped
    form = _AsSyncBatch if isinstance(embedder, AsyncBatchEmbedder) else _AsSync
    return form(embedder)


class AsAsync:
    """A sync embedder seen as an async one; `wrapped` is the sync one."""

    def __init__(self, embedder: Embedder) -> None:
        self.wrapped = embedder
        self.inline = is_inline(embedder)
        self.batching = batching_of(embedder)
        self._owner: int | None = None

    @property
    def dim(self) -> int:
        """How many numbers a vector has."""
        return self.wrapped.dim

    @property
    def fingerprint(self) -> str:
        """The wrapped embedder's fingerprint."""
        return self.wrapped.fingerprint

    async def embed(self, text: str) -> Vectors:
        """Return the vector of `text`: float32, shape (dim,)."""
        if self.inline:
            return self.wrapped.embed(text)
        return await self._in_thread(self.wrapped.embed, text)

    async def _in_thread(self, call: Callable[[Any], T], argument: Any) -> T:
        return await asyncio.wrap_future(offload(self._threads().submit, copy_context().run, call, argument))

    def _threads(self) -> ThreadPoolExecutor:
        # A forked child inherits the pool but not its threads, and would wait for them for ever.
        if self._owner != os.getpid():
            self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="mneme-embed")
            self._owner = os.getpid()
        return self._pool

    def __repr__(self) -> str:
        return f"to_async_embedder({self.wrapped!r})"


class AsAsyncBatch(AsAsync):
    """The same for an embedder with `embed_many`."""

    wrapped: Any  # an Embedder and a BatchEmbedder: the type system has no name for both

    async def embed_many(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of `texts`: float32, shape (len(texts), dim)."""
        if self.inline:
            return cast(Vectors, self.wrapped.embed_many(texts))
        return await self._in_thread(self.wrapped.embed_many, texts)


class _AsSync:
    def __init__(self, embedder: AsyncEmbedder) -> None:
        self.wrapped = embedder
        self.batching = batching_of(embedder)

    @property
    def dim(self) -> int:
        """How many numbers a vector has."""
        return self.wrapped.dim

    @property
    def fingerprint(self) -> str:
        """The wrapped embedder's fingerprint."""
        return self.wrapped.fingerprint

    def embed(self, text: str) -> Vectors:
        """Return the vector of `text`: float32, shape (dim,)."""
        return _run(self.wrapped.embed, text)

    def __repr__(self) -> str:
        return f"to_sync_embedder({self.wrapped!r})"


class _AsSyncBatch(_AsSync):
    wrapped: Any  # an AsyncEmbedder and an AsyncBatchEmbedder

    def embed_many(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of `texts`: float32, shape (len(texts), dim)."""
        return _run(self.wrapped.embed_many, texts)


def _run(call: Callable[[Any], Coroutine[Any, Any, T]], argument: Any) -> T:
    """Await `call(argument)` in a new event loop, and leave nothing of it behind."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        loop = asyncio.new_event_loop()
    else:
        raise RuntimeError(
            "An async embedder cannot be called synchronously from a running event loop. "
            "Use AsyncSemanticCache here, or a sync embedder."
        )
    try:
        return loop.run_until_complete(call(argument))
    finally:
        try:
            loop.run_until_complete(_wind_up(loop))
        finally:
            loop.close()


async def _wind_up(loop: asyncio.AbstractEventLoop) -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()
