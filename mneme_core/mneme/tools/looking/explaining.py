"""Why a question hits or misses a cache that another process uses."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import Any

from mneme.cache import SemanticCache
from mneme.embedders.base import Embedder
from mneme.engine.judge import Policy
from mneme.errors import EmbedderMismatchError, EncryptionError, InvalidArgumentError, StoreBackendError
from mneme.model import Explanation, Vary
from mneme.runtime.opening import careful
from mneme.stores.base import Identity, Store
from mneme.stores.sqlite.reading import ReadOnlySQLiteStore
from mneme.tools.looking.counting import shown
from mneme.tools.looking.finding import end_of, full_key
from mneme.tools.looking.opening import store_at, using


def explain(
    url: str | PathLike[str],
    query: str,
    embedder: Embedder,
    *,
    namespace: str = "default",
    vary: Vary | None = None,
    k: int = 5,
    policy: Policy | str | PathLike[str] | None = None,
    feedback: str | PathLike[str] | None = None,
    like: str | None = None,
) -> Explanation:
    """Return what `cache.explain` returns, of a cache that stays as it is: nothing is counted or written.

    policy: what the program judges with, where that is not what `SemanticCache.open` does.
    feedback: the file that the program opens with `feedback=`.
    like: a key or its beginning; asks as that entry was asked, in the place of `namespace` and `vary`.
    Raises EmbedderMismatchError for another embedder than the cache's, InvalidArgumentError for one that was opened
    with a normaliser of its own, EncryptionError for one that is encrypted, and as `cache.explain` does.
    """
    kept = Kept(url, embedder, policy=policy, feedback=feedback)
    try:
        return kept.explain(query, namespace=namespace, vary=vary, k=k, like=like)
    finally:
        kept.close()


class Kept:
    """A cache that explains questions and stays in memory between them, as large as in a program that opened it.

    Of a SQLite file what changed since is read for the next question, and between two the file is let go of: held open,
    it would not be folded up by the last program that leaves. Any other store, and what is encrypted, is read anew.
    """

    def __init__(
        self,
        url: str | PathLike[str],
        embedder: Embedder,
        *,
        policy: Policy | str | PathLike[str] | None = None,
        feedback: str | PathLike[str] | None = None,
    ) -> None:
        """Take what `explain` takes; nothing is read yet."""
        self._url = url
        self._embedder = embedder
        self._given: dict[str, Any] = {"policy": policy, "feedback": feedback}
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._cache: SemanticCache | None = None
        self._files: tuple[object, ...] = ()
        self._reached = 0

    def explain(
        self, query: str, *, namespace: str = "default", vary: Vary | None = None, k: int = 5, like: str | None = None
    ) -> Explanation:
        """Return what the function `explain` does, and raise what it does."""
        with self._lock, self._using() as (cache, store, identity):
            key = None if like is None else full_key(store, identity, like)
            return cache.explain(query, namespace=namespace, vary=vary, k=k, like=key)

    def close(self) -> None:
        """Forget what was read."""
        with self._lock:
            self._forget()

    @contextmanager
    def _using(self) -> Iterator[tuple[SemanticCache, Store, Identity]]:
        fresh = store_at(self._url)
        files = self._stamps(fresh)
        if self._cache is None or self._store is None or files != self._files:
            self._forget()
            self._store, self._files = fresh, files
        try:
            with using(self._store, self._url) as (store, identity):
                is_file = isinstance(store, ReadOnlySQLiteStore)
                reached = end_of(store).sequence if is_file else 0
                if self._cache is not None and reached < self._reached:  # another file was written over this one
                    self._forget()
                if self._cache is None:
                    self._cache = self._opened(store, identity)
                self._reached = reached
                try:
                    yield self._cache, store, identity
                finally:
                    if not is_file:
                        self._forget()
        except StoreBackendError:  # what was read may be of a file that was changed meanwhile
            self._forget()
            raise

    def _opened(self, store: Store, identity: Identity) -> SemanticCache:
        check_embedder(identity, self._embedder, shown(self._url))
        options = {name: value for name, value in self._given.items() if value is not None}
        options["normalize"] = identity.normalize == "default"
        return SemanticCache(store=store, embedder=self._embedder, **careful(options, self._embedder))

    def _forget(self) -> None:
        cache, self._cache = self._cache, None
        if cache is not None:
            cache.close()

    def _stamps(self, store: Store) -> tuple[object, ...]:
        """Return what tells whether the cache is the file that it was, and whether its policy and feedback are."""
        stamps: list[object] = []
        if isinstance(store, ReadOnlySQLiteStore):
            stamps += (store.path.stat().st_dev, store.path.stat().st_ino)
        for given in self._given.values():
            if isinstance(given, str | PathLike):
                with suppress(OSError):
                    about = Path(given).stat()
                    stamps += (about.st_mtime_ns, about.st_size)
        return tuple(stamps)


def check_embedder(identity: Identity, embedder: Embedder, url: str) -> None:
    """Raise what `explain` does where this embedder cannot compare questions with a cache's entries."""
    if identity.is_sealed:
        raise EncryptionError(
            "this cache is encrypted, and questions are compared with its entries where its keys are given alone: "
            "--keys FILE, or cache.explain in its program."
        )
    if identity.normalize == "custom":
        raise InvalidArgumentError(
            f"{url} was filled with a normaliser of its program's own, which is not known here: call cache.explain "
            "in that program."
        )
    if (embedder.fingerprint, embedder.dim) != (identity.fingerprint, identity.dim):
        raise EmbedderMismatchError(
            f"{url} was filled by the embedder {identity.fingerprint!r} ({identity.dim} numbers), this one is "
            f"{embedder.fingerprint!r} ({embedder.dim} numbers). Name the cache's own: --embedder MODULE:ATTRIBUTE."
        )
