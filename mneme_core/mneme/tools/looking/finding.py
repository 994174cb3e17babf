"""The entries of a cache: listed, searched, shown, deleted."""

from __future__ import annotations

import heapq
import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, Final

from mneme.engine.freshness import is_expired
from mneme.engine.guard.turns import Turn
from mneme.engine.origins import origins_in, without_own
from mneme.engine.reported import WRONG_FOR
from mneme.engine.spending import stored_usage
from mneme.engine.turns import TURNS
from mneme.errors import EncryptionError, InvalidArgumentError
from mneme.model import Metadata, TokenUsage
from mneme.stores.base import BulkStore, Cursor, Delete, EntryRow, Identity, SearchStore, Store
from mneme.stores.sqlite import SQLiteStore
from mneme.stores.sqlite.reading import ReadOnlySQLiteStore, Test
from mneme.stores.sqlite.reading import Sort as Sort
from mneme.tools.looking.opening import reading, row_of, rows_of
from mneme.tools.readable import readable

# A key is told by its beginning, as commits are.
SHORTEST_KEY: Final = 4
WHOLE_KEY: Final = re.compile("[0-9a-f]{32}")


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
    turns: tuple[Turn, ...] = ()
    """What was said before, each (role, text), where it may differ in wording."""
    wrong_for: tuple[str, ...] = ()
    """The questions that its answer was reported wrong for: it is served to its own question alone."""

    @property
    def answer(self) -> str:
        """What a person reads of `response`, which may be an integration's JSON."""
        return readable(self.response)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are meant: those for which all holds that is given."""

    namespace: str | None = None
    tag: str | None = None
    contains: str | None = None
    """In the question or the answer, whatever the case."""
    expired: bool | None = None


# For stores that do not sort for themselves.
_ORDERS: Final[dict[Sort, Callable[[EntryRow], Any]]] = {
    "newest": lambda row: -row[7],
    "oldest": lambda row: row[7],
    "used": lambda row: -row[8],
    "hits": lambda row: -row[10],
    "largest": lambda row: -(len(row[3]) + len(row[4])),
}


def entries(
    url: str | PathLike[str],
    wanted: Wanted | None = None,
    *,
    sort: Sort = "newest",
    limit: int | None = None,
    skip: int = 0,
) -> tuple[list[Entry], int]:
    """Return the entries that are wanted, at most `limit` after the first `skip`, and how many there are in all.

    Raises FileNotFoundError where there is no file, InvalidArgumentError where there is no cache, EncryptionError for
    one that is encrypted, StoreBackendError.
    """
    wanted, now = wanted or Wanted(), time.time()
    with reading(url) as (store, identity):
        _check_readable(identity)
        is_wanted = _test(wanted, now)
        if isinstance(store, ReadOnlySQLiteStore):
            rows, total = store.ranked(sort, namespace=wanted.namespace, is_wanted=is_wanted, limit=limit, skip=skip)
        else:
            held = [
                row
                for row in rows_of(store)
                if wanted.namespace in (None, row[1])
                and (is_wanted is None or is_wanted(row[3], row[4], row[6], row[7], row[9]))
            ]
            total, last = len(held), None if limit is None else skip + limit
            first = sorted(held, key=_ORDERS[sort]) if last is None else heapq.nsmallest(last, held, _ORDERS[sort])
            rows = first[skip:]
        return [entry_of(row, now) for row in rows], total


def entry(url: str | PathLike[str], key: str) -> Entry | None:
    """Return the entry whose key is, or begins with, `key`; None where there is none.

    Raises InvalidArgumentError where several begin so, or for fewer than four digits, and as `entries` does.
    """
    with reading(url) as (store, identity):
        return entry_in(store, identity, key)


def delete(url: str | PathLike[str], key: str, *, stored_at: float | None = None) -> Entry | None:
    """Remove the entry whose key is, or begins with, `key`; return it, None where there was none.

    stored_at: when the entry that is meant was created; another one of this key counts as none.
    An answer that was put meanwhile in its place stays. Raises as `entry` does.
    """
    with reading(url) as (store, identity):
        row = row_in(store, identity, key)
    if row is None or stored_at not in (None, row[7]):
        return None
    with reading(url, writes=True) as (store, _):
        store.write([Delete(row[2].hex(), row[0])], end_of(store))
    return entry_of(row)


def entry_in(store: Store, identity: Identity, key: str) -> Entry | None:
    """Return what `entry` does, of a store that is open."""
    row = row_in(store, identity, key)
    return None if row is None else entry_of(row)


def full_key(store: Store, identity: Identity, key: str) -> str:
    """Return the whole key that begins with `key`; raises InvalidArgumentError where there is not exactly one."""
    row = row_in(store, identity, key)
    if row is None:
        raise InvalidArgumentError(f"no entry's key begins with {key!r}. List them with `mneme inspect list CACHE`.")
    return row[2].hex()


def end_of(store: Store) -> Cursor:
    """Return the cursor behind all that a store holds."""
    reached = Cursor(0, 0)
    # A SQLite file has nothing after a cursor so far on.
    read: Iterator[tuple[Sequence[object], Cursor]] = (
        store.pull(Cursor(sys.maxsize, 0))
        if isinstance(store, SQLiteStore)
        else store.load()
        if isinstance(store, BulkStore)
        else store.pull(reached)
    )
    for _, cursor in read:
        reached = cursor
    return reached


def row_in(store: Store, identity: Identity, key: str) -> EntryRow | None:
    """Return the row of the entry whose key is, or begins with, `key`; raises as `entry` does."""
    start = key.strip().lower()
    if len(start) < SHORTEST_KEY:
        raise InvalidArgumentError(f"the key {key!r} is too short; give {SHORTEST_KEY} digits of it, or more.")
    _check_readable(identity)
    if isinstance(store, ReadOnlySQLiteStore):
        found = store.beginning(start)
    elif isinstance(store, SearchStore) and store.searches and WHOLE_KEY.fullmatch(start):
        row = row_of(store, start)
        found = [] if row is None else [row]
    else:
        found = [row for row in rows_of(store) if row[2].hex().startswith(start)]
    if len(found) > 1:
        some = ", ".join(row[2].hex() for row in found[:2])
        raise InvalidArgumentError(f"{len(found)} keys begin with {start!r}: {some} … Give more digits.")
    return found[0] if found else None


def _check_readable(identity: Identity) -> None:
    if identity.is_sealed:
        raise EncryptionError(
            "this cache is encrypted, and its entries are read with its keys alone: --keys FILE. What it counted is in "
            "`mneme stats`."
        )


def _test(wanted: Wanted, now: float) -> Test | None:
    """Return what tells whether an entry of the namespace is wanted; None where all are."""
    if wanted.contains is None and wanted.expired is None and wanted.tag is None:
        return None
    text, expired, tag = None if wanted.contains is None else wanted.contains.casefold(), wanted.expired, wanted.tag

    def holds(text: str, query: str, response: str) -> bool:
        if text in query.casefold() or text in response.casefold():
            return True
        # An integration's JSON may hold a text escaped.
        answer = readable(response)
        return answer is not response and text in answer.casefold()

    def is_wanted(query: str, response: str, metadata: str | None, created_at: float, ttl: float | None) -> bool:
        if text is not None and not holds(text, query, response):
            return False
        if expired is not None and is_expired(created_at, ttl, now) != expired:
            return False
        return tag is None or (metadata is not None and tag in origins_in(json.loads(metadata)).tags)

    return is_wanted


def entry_of(row: EntryRow, now: float | None = None) -> Entry:
    """Return the entry of a row of a store."""
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
        expired=is_expired(created, ttl, time.time() if now is None else now),
        searchable=bool(vector),
        compute_seconds=seconds,
        usage=stored_usage(metadata),
        tags=origins.tags,
        sources=dict(origins.sources),
        metadata=without_own(metadata),
        partition=partition.hex(),
        turns=tuple((role, text) for role, text in metadata.get(TURNS, ())),
        wrong_for=tuple(metadata.get(WRONG_FOR, ())),
    )
