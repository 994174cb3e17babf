"""A store that is only read, whoever filled it."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import islice
from os import PathLike
from typing import Any, cast

from mneme.cache import SemanticCache
from mneme.errors import InvalidArgumentError, StoreBackendError
from mneme.runtime.opening import store_of
from mneme.stores.base import (
    BulkStore,
    Change,
    Cursor,
    Delete,
    EntryRow,
    Identity,
    Put,
    SearchStore,
    Store,
    StoreBusyError,
    Usage,
)
from mneme.stores.sqlite import SQLiteStore
from mneme.stores.sqlite.reading import ReadOnlySQLiteStore, check_writable
from mneme.tools.keyed import Keyed


@contextmanager
def reading(url: str | PathLike[str], *, writes: bool = False) -> Iterator[tuple[Store, Identity]]:
    """Give the store of a path or URL, open, and what it is bound to. It takes no writes unless `writes` says so.

    Raises FileNotFoundError where there is no file, InvalidArgumentError where there is no cache, and what opening
    raises.
    """
    with using(store_at(url, writes=writes), url) as found:
        yield found


def store_at(url: str | PathLike[str], *, writes: bool = False) -> Store:
    """Return the store of a path or URL, to be opened by `using`; raises as `reading` does where nothing is there."""
    store: Store = store_of(url.url if isinstance(url, Keyed) else url)
    if isinstance(store, SQLiteStore):
        if not store.path.is_file():
            raise FileNotFoundError(f"there is no cache at {store.path}.")
        if not store.path.stat().st_size:  # opened to be written, it would become a cache
            raise InvalidArgumentError(f"{store.path} has never held a cache.")
        if not os.access(store.path, os.R_OK):
            raise PermissionError(f"{store.path} may not be read by this user.")
        if writes:
            check_writable(store.path)
        else:
            store = ReadOnlySQLiteStore(store.path)
    elif not writes:
        # The store itself, not one around it: what it can do is told by its methods.
        store.write = _refused(store.name)  # type: ignore[method-assign]  # on this one object
    return store


@contextmanager
def using(store: Store, url: str | PathLike[str]) -> Iterator[tuple[Store, Identity]]:
    """Give a store of `store_at` as `reading` does, open meanwhile; a file can be opened so several times."""
    with _unchanged(store):
        try:
            identity = bound_to(store, str(url))
            if isinstance(url, Keyed) and identity.is_sealed:
                from mneme.stores.encrypted import EncryptedStore

                store, identity = EncryptedStore(store, url.keys), identity.unsealed()
            store.open(identity)
            yield store, identity
        finally:
            store.close()


@contextmanager
def _unchanged(store: Store) -> Iterator[None]:
    """Raise StoreBusyError where a file read without a lock was written to meanwhile: it may look damaged."""
    if not isinstance(store, ReadOnlySQLiteStore) or store.path.with_name(f"{store.path.name}-wal").exists():
        yield
        return
    before = store.path.stat()

    def check() -> None:
        now = store.path.stat()
        if (now.st_mtime_ns, now.st_size) != (before.st_mtime_ns, before.st_size):
            raise StoreBusyError(f"a program began to write to {store.path} while it was read. Try again.")

    try:
        yield
    except Exception:
        check()
        raise
    check()


class Stand:
    """Stands for the embedder that filled a cache where nothing is embedded."""

    def __init__(self, identity: Identity) -> None:
        self.fingerprint, self.dim = identity.fingerprint, identity.dim

    def embed(self, text: str) -> Any:
        raise NotImplementedError  # what opens a cache so compares no text


def cache_over(store: Store, identity: Identity, **options: Any) -> SemanticCache:
    """Return a cache over a store of `reading`, for what needs no embedder."""
    return SemanticCache(store=store, embedder=Stand(identity), normalize=identity.normalize == "default", **options)


def bound_to(store: Store, what: str) -> Identity:
    """Return what a store is bound to; raises InvalidArgumentError where it has never held a cache."""
    asked = getattr(store, "identity", None)
    if asked is None:
        raise InvalidArgumentError(
            f"the store {store.name!r} does not say which embedder filled it, as it has no method identity(): "
            "look into it from Python, with a cache, or add the method."
        )
    try:
        found: Identity | None = asked()
    except StoreBackendError:
        store.close()
        raise
    if found is None:
        # A URL may hold a password.
        raise InvalidArgumentError(f"{store.name if '://' in what else what} has never held a cache.")
    return found


def rows_of(store: Store) -> Generator[EntryRow]:
    """Yield every entry, without its vector."""
    if isinstance(store, BulkStore):
        for batch, _ in store.load():
            yield from batch
        return
    live: dict[str, Put] = {}
    for changes, _ in store.pull(Cursor(0, 0)):
        for change in changes:
            if isinstance(change, Put):
                live[change.entry.query_hash] = change
            elif isinstance(change, Delete):
                live.pop(change.key, None)
            else:
                live = {key: put for key, put in live.items() if change.namespace not in (None, put.entry.namespace)}
    yield from map(_row, live.values())


def with_vectors(store: Store, most: int) -> list[tuple[EntryRow, bytes]]:
    """Return the first entries that have a vector, each with it; at most so many."""
    with closing(rows_of(store)) as rows:
        found = list(islice((row for row in rows if row[5]), most))
    if not found:
        return []
    held: dict[int, bytes] = {}
    if isinstance(store, BulkStore):
        # By ascending id, as they came.
        for batch in store.load_vectors(range(found[0][0], found[-1][0] + 1)):
            held |= batch
    else:
        held |= store.vectors([row[0] for row in found])
    # One that was replaced meanwhile has none.
    return [(row, held[row[0]]) for row in found if row[0] in held]


def row_of(store: SearchStore, key: str) -> EntryRow | None:
    """Return the entry of a whole key from a store that searches; None where there is none."""
    found = store.find(key)
    if found is None:
        return None
    return _row(Put(replace(found, embedding=store.vectors([found.id]).get(found.id, b""))))


def sizes_of(store: Store) -> Mapping[str, int]:
    """Return namespace -> entries."""
    if isinstance(store, ReadOnlySQLiteStore) or (isinstance(store, SearchStore) and store.searches):
        return store.sizes()
    counted: dict[str, int] = {}
    for row in rows_of(store):
        counted[row[1]] = counted.get(row[1], 0) + 1
    return counted


def _row(put: Put) -> EntryRow:
    from mneme.runtime.record import Whole

    return cast("EntryRow", tuple(Whole.of(put.entry, put.entry.id))[:-1])


def _refused(name: str) -> Any:
    def write(
        changes: Sequence[Change],
        cursor: Cursor,
        usage: Usage | None = None,  # noqa: ARG001
    ) -> tuple[Sequence[Change], Sequence[int], Cursor]:
        if changes:
            raise StoreBackendError(f"the store {name!r} was opened to be read only.")
        return (), (), cursor

    return write
