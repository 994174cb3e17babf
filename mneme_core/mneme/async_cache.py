"""AsyncSemanticCache: the async driver, whose methods are in `mneme.aio`; the twin of `mneme.cache`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from mneme.aio.maintaining import AsyncMaintaining
from mneme.aio.removing import AsyncRemoving
from mneme.aio.streaming import AsyncStreaming
from mneme.aio.writing import AsyncWriting
from mneme.embedders.base import AsyncEmbedder, Embedder
from mneme.offload import offload
from mneme.runtime import checkpoint, opening

if TYPE_CHECKING:
    from mneme.cache import SemanticCache
    from mneme.stores.encrypted import Keys


T = TypeVar("T")


class AsyncSemanticCache(AsyncMaintaining, AsyncRemoving, AsyncWriting, AsyncStreaming):
    """Answers a request from the cache when it is the same, or means the same, as one answered before.

    An exact hit and a short search run in the event loop without giving it up. What waits for a disk, and searches
    over about a millisecond, run in the cache's own few threads. Cancelling a write does not undo it.
    """

    @classmethod
    async def loads(
        cls,
        source: str | PathLike[str] | BinaryIO,
        path: str | PathLike[str],
        embedder: AsyncEmbedder | Embedder,
        *,
        encryption: Keys | None = None,
        **kwargs: Any,
    ) -> AsyncSemanticCache:
        """Make the file `path` from an archive of `dumps`, in place of what is there, and open it.

        encryption: as for `open`; the file is then encrypted, if the archive is or not. Raises CheckpointError for a
        missing or broken archive, EmbedderMismatchError for another embedder's, EncryptionError for an encrypted one
        without its keys; nothing at `path` is touched before the whole archive has been read.
        """
        await _aside(checkpoint.load, source, path, embedder, encryption)
        store = opening.store_of(Path(path), encryption)
        return cls(store=store, embedder=cls._check_embedder(embedder), **kwargs)

    @classmethod
    def open(
        cls,
        url: str | PathLike[str],
        *,
        embedder: AsyncEmbedder | Embedder | None = None,
        encryption: Keys | None = None,
        **options: Any,
    ) -> AsyncSemanticCache:
        """Open a cache by URL: "sqlite:///cache.db" (or a path), "memory:", or a scheme that a plugin brings.

        embedder: `mneme.default_embedder()` unless given. encryption: a function that returns keys of 32 bytes; what is
        stored is then encrypted (extra `crypto`). options: those of the constructor; neighbours are judged by
        `Guarded()` unless they name a policy; similarity_threshold is its floor.
        """
        chosen = opening.embedder_or_default(embedder)
        return cls(store=opening.store_of(url, encryption), embedder=chosen, **opening.careful(options, chosen))

    def as_async(self) -> AsyncSemanticCache:
        """Return this cache."""
        return self

    def as_sync(self) -> SemanticCache:
        """Return the sync facade over this engine; closing either closes both."""
        from mneme.cache import SemanticCache

        return SemanticCache._over(self._core, self._embedder)

    async def close(self) -> None:
        """Write what waits and release the store. Closing twice does nothing."""
        if not self._core.closed:
            await _aside(self._core.close)

    async def __aenter__(self) -> AsyncSemanticCache:
        self._core.check_open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _aside(step: Callable[..., T], *arguments: Any) -> T:
    """Run a step in a thread of its own: the event loop's default ones may all be waiting for something else."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="mneme-aside")
    try:
        return await asyncio.wrap_future(offload(thread.submit, step, *arguments))
    finally:
        thread.shutdown(wait=False)
