"""The entries of a cache: listed, searched, shown, deleted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, Final, Literal

from mneme.engine.freshness import is_expired
from mneme.engine.origins import origins_in, without_own
from mneme.engine.spending import stored_usage
from mneme.errors import EncryptionError, InvalidArgumentError
from mneme.model import Metadata, TokenUsage
from mneme.stores.base import BulkStore, Cursor, Delete, EntryRow, Identity, Store
from mneme.tools.looking.opening import reading, rows_of

Sort = Literal["newest", "oldest", "used", "hits", "largest"]
# A key is told by its beginning, as commits are.
SHORTEST_KEY: Final = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it is stored. Times are seconds since the epoch."""

    key: str
    """Hexadecimal."""
    namespace: str
    query: str
    response: str
    created_at: float
    last_accessed_at: float
    access_count: int
    """As its store knows it: what running caches have not written yet is missing."""
    ttl: float | None
    expired: bool
    searchable: bool
    """Whether it has a vector; one without serves the same request alone."""
    compute_seconds: float | None
    usage: TokenUsage | None
    tags: tuple[str, ...] = ()
    sources: dict[str, str] = field(default_factory=dict)
    metadata: Metadata = field(default_factory=dict)
    partition: str = ""
    """Hexadecimal. Entries of a namespace with different ones were put with another `vary`, and are never compared."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are meant: those for which all holds that is given."""

    namespace: str | None = None
    tag: str | None = None
    contains: str | None = None
    """In the question or the answer, whatever the case."""
    expired: bool | None = None


_ORDERS: Final[dict[Sort, Callable[[Entry], Any]]] = {
    "newest": lambda entry: -entry.created_at,
    "oldest": lambda entry: entry.created_at,
    "used": lambda entry: -entry.last_accessed_at,
    "hits": lambda entry: -entry.access_count,
    "largest": lambda entry: -(len(entry.query) + len(entry.response)),
}


def entries(
    url: str | PathLike[str], wanted: Wanted | None = None, *, sort: Sort = "newest", limit: int | None = None
) -> tuple[list[Entry], int]:
    """Return the entries that are wanted, at most `limit` of them, and how many there are in all.

    Raises FileNotFoundError where there is no file, InvalidArgumentError where there is no cache, EncryptionError for
    one that is encrypted, StoreBackendError.
    """
    with reading(url) as (store, identity):
        now = time.time()
        found = [_entry(row, now) for row in _rows(store, identity, wanted or Wanted())]
    found.sort(key=_ORDERS[sort])
    return found[:limit], len(found)


def entry(url: str | PathLike[str], key: str) -> Entry | None:
    """Return the entry whose key is, or begins with, `key`; None where there is none.

    Raises InvalidArgumentError where several begin so, or for fewer than four digits, and as `entries` does.
    """
    with reading(url) as (store, identity):
        row = _one(store, identity, key)
        return None if row is None else _entry(row, time.time())


def delete(url: str | PathLike[str], key: str) -> Entry | None:
    """Remove the entry whose key is, or begins with, `key`; return it, None where there was none.

    An answer that was put meanwhile in its place stays. Raises as `entry` does.
    """
    with reading(url, writes=True) as (store, identity):
        row = _one(store, identity, key)
        if row is None:
            return None
        found = _entry(row, time.time())
        store.write([Delete(found.key, row[0])], _end_of(store))
        return found


def full_key(store: Store, identity: Identity, key: str) -> str:
    """Return the whole key that begins with `key`; raises InvalidArgumentError where there is not exactly one."""
    row = _one(store, identity, key)
    if row is None:
        raise InvalidArgumentError(f"no entry's key begins with {key!r}. List them with `mneme inspect list CACHE`.")
    return row[2].hex()


def _end_of(store: Store) -> Cursor:
    reached = Cursor(0, 0)
    for _, cursor in store.load() if isinstance(store, BulkStore) else store.pull(reached):
        reached = cursor
    return reached


def _one(store: Store, identity: Identity, key: str) -> EntryRow | None:
    start = key.strip().lower()
    if len(start) < SHORTEST_KEY:
        raise InvalidArgumentError(f"the key {key!r} is too short; give {SHORTEST_KEY} digits of it, or more.")
    found = [row for row in _rows(store, identity, Wanted()) if row[2].hex().startswith(start)]
    if len(found) > 1:
        some = ", ".join(row[2].hex() for row in found[:2])
        raise InvalidArgumentError(f"{len(found)} keys begin with {start!r}: {some} … Give more digits.")
    return found[0] if found else None


def _rows(store: Store, identity: Identity, wanted: Wanted) -> Iterator[EntryRow]:
    if identity.is_sealed:
        raise EncryptionError(
            "this cache is encrypted, and its entries are read with its keys alone: --keys FILE. What it counted is in "
            "`mneme stats`."
        )
    now, text = time.time(), None if wanted.contains is None else wanted.contains.casefold()
    for row in rows_of(store):
        if wanted.namespace not in (None, row[1]):
            continue
        if text is not None and text not in row[3].casefold() and text not in row[4].casefold():
            continue
        if wanted.expired is not None and is_expired(row[7], row[9], now) != wanted.expired:
            continue
        if wanted.tag is None or (row[6] is not None and wanted.tag in origins_in(json.loads(row[6])).tags):
            yield row


def _entry(row: EntryRow, now: float) -> Entry:
    _, namespace, key, query, response, vector, held, created, accessed, ttl, uses, partition, seconds = row
    metadata: Metadata = {} if held is None else json.loads(held)
    origins = origins_in(metadata)
    return Entry(
        key=key.hex(),
        namespace=namespace,
        query=query,
        response=response,
        created_at=created,
        last_accessed_at=accessed,
        access_count=uses,
        ttl=ttl,
        expired=is_expired(created, ttl, now),
        searchable=bool(vector),
        compute_seconds=seconds,
        usage=stored_usage(metadata),
        tags=origins.tags,
        sources=dict(origins.sources),
        metadata=without_own(metadata),
        partition=partition.hex(),
    )
