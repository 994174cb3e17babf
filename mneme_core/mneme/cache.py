"""SemanticCache: the sync driver, whose methods are in `mneme.sync`; here is how it is opened and closed."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO

from mneme.embedders.base import Embedder
from mneme.runtime import checkpoint, opening
from mneme.sync.maintaining import Maintaining
from mneme.sync.removing import Removing
from mneme.sync.streaming import Streaming
from mneme.sync.writing import Writing

if TYPE_CHECKING:
    from mneme.async_cache import AsyncSemanticCache
    from mneme.stores.encrypted import Keys


class SemanticCache(Maintaining, Removing, Writing, Streaming):
    """Answers a request from the cache when it is the same, or means the same, as one answered before."""

    _reads_store = True

    @classmethod
    def loads(
        cls,
        source: str | PathLike[str] | BinaryIO,
        path: str | PathLike[str],
        embedder: Embedder,
        *,
        encryption: Keys | None = None,
        **kwargs: Any,
    ) -> SemanticCache:
        """Make the file `path` from an archive of `dumps`, in place of what is there, and open it.

        encryption: as for `open`; the file is then encrypted, if the archive is or not. Raises CheckpointError for a
        missing or broken archive, EmbedderMismatchError for another embedder's, EncryptionError for an encrypted one
        without its keys; nothing at `path` is touched before the whole archive has been read.
        """
        checkpoint.load(source, path, embedder, encryption)
        return cls(store=opening.store_of(Path(path), encryption), embedder=embedder, **kwargs)

    @classmethod
    def open(
        cls,
        url: str | PathLike[str],
        *,
        embedder: Embedder | None = None,
        encryption: Keys | None = None,
        **options: Any,
    ) -> SemanticCache:
        """Open a cache by URL: "sqlite:///cache.db" (or a path), "memory:", or a scheme that a plugin brings.

        embedder: `mneme.default_embedder()` unless given. encryption: a function that returns keys of 32 bytes; what is
        stored is then encrypted (extra `crypto`). options: those of the constructor; neighbours are judged by
        `Guarded()` unless they name a policy; similarity_threshold is its floor.
        """
        chosen = opening.embedder_or_default(embedder)
        return cls(store=opening.store_of(url, encryption), embedder=chosen, **opening.careful(options, chosen))

    def as_async(self) -> AsyncSemanticCache:
        """Return the async facade over this engine; closing either closes both."""
        from mneme.async_cache import AsyncSemanticCache

        return AsyncSemanticCache._over(self._core, self._embedder)

    def as_sync(self) -> SemanticCache:
        """Return this cache."""
        return self

    def close(self) -> None:
        """Write what waits and release the store. Closing twice does nothing."""
        self._core.close()

    def __enter__(self) -> SemanticCache:
        self._core.check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
