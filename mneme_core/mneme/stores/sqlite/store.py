"""The default store: one SQLite file."""

from __future__ import annotations

import itertools
import mmap
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from mneme.errors import InvalidArgumentError, StoreBackendError
from mneme.model import StoredEntry
from mneme.stores import forks
from mneme.stores.base import BEGINNING, Change, Cursor, EntryRow, HeadRow, Identity, Put, Usage
from mneme.stores.locks import attempt
from mneme.stores.memory import check_identity
from mneme.stores.sqlite import compacting, leases, log, room, rows, watch
from mneme.stores.sqlite.connection import (
    READER_CACHE_KB,
    Synchronous,
    connect,
    connect_reader,
    is_locked,
    place_of,
    translated,
)
from mneme.stores.sqlite.transactions import alone
from mneme.stores.sqlite.watch import HEADER_BYTES

# How long a write waits for a lock that the one before it waited for in vain.
HELD_UP_SECONDS = 0.05

S = TypeVar("S", bound="SQLiteStore")


class SQLiteStore:
    """Keeps entries in one SQLite file in WAL mode; several processes may use it at once.

    path: created with mode 0600 where it is missing; its directory must exist.
    timeout: seconds to wait for another process's write lock; after a wait in vain writes wait 0.05 seconds, until one
    succeeds. cache_size_kb: SQLite's page cache.
    """

    name = "sqlite"
    blocking = True
    durabilities = ("normal", "full", "deferred")

    def __init__(self, path: str | PathLike[str], *, timeout: float = 5.0, cache_size_kb: int = 10_000) -> None:
        if not isinstance(path, str | PathLike) or not str(path):
            raise InvalidArgumentError(f"path is {path!r}; it is the path of a file.")
        if str(path) == ":memory:":
            raise InvalidArgumentError('path is ":memory:"; use MemoryStore() or SemanticCache.open("memory:").')
        if not timeout >= 0 or cache_size_kb < 0:
            raise InvalidArgumentError(
                f"timeout is {timeout} and cache_size_kb is {cache_size_kb}; both are numbers from 0 on."
            )
        # The process may go to another directory, and it connects more than once.
        self.path = Path(path).absolute()
        self.schema_version = 0
        self._timeout = timeout
        self._is_held_up = False
        self._cache_size_kb = cache_size_kb
        self._synchronous: Synchronous = "NORMAL"
        self._lock = threading.RLock()
        self._db: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        # Taken after `_lock` where both are.
        self._reading = threading.Lock()
        self._opened = False
        self._place: tuple[int, int] | None = None
        self._made: str | None = None
        """Of the file that was opened first."""
        self._cursor = BEGINNING
        # The header of the shared index when nobody but this connection had committed since `_cursor`.
        self._seen: bytes | None = None
        self._index: mmap.mmap | None = None
        self._room = room.Room()
        forks.watch(self)

    def open(self, identity: Identity) -> None:
        """Open the file, upgrade its schema, bind it to `identity` or check that it is bound to it."""
        with self._lock, translated(self.path, "opening"):
            db = self._connection(connects=True)
            bound = _bound(db)
            if bound is None:
                with alone(db):
                    db.execute("BEGIN IMMEDIATE")
                    values = (
                        ("fingerprint", identity.fingerprint),
                        ("dim", identity.dim),
                        ("normalize", identity.normalize),
                        # The number of a file that was removed is given to the next one.
                        ("made", os.urandom(16).hex()),
                    )
                    db.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", values)
                    bound = _bound(db) or identity  # another process may have been first
            self._made = _made(db)  # only now: another process may have been first to bind the file
            try:
                check_identity(bound, identity, str(self.path))
            except Exception:
                self.close()
                raise

    @property
    def memory_bytes(self) -> int:
        """What SQLite keeps of the file in memory, at most."""
        caches = (self._db and self._cache_size_kb, self._reader and READER_CACHE_KB)
        size = self.path.stat().st_size if self._db is not None else 0
        return sum(min(size, 1_024 * kilobytes) for kilobytes in caches if kilobytes)

    def sync(self) -> None:
        """Let what is written from now on survive a power cut."""
        self._synchronous = "FULL"
        with self._lock, translated(self.path, "opening"):
            if self._db is not None:
                self._db.execute("PRAGMA synchronous = FULL")

    def identity(self) -> Identity | None:
        """Return what the file is bound to, opening it; None for one that is new or not there."""
        if not self.path.exists():
            return None
        with self._lock, translated(self.path, "opening"):
            db = self._connection(connects=True)
            return _bound(db)

    def changed(self, cursor: Cursor) -> bool:
        """Compare the header of SQLite's shared index; where that moved, ask SQLite. No row is read, nothing waits.

        While another thread uses the file, the answer is no: a write reads what came before it.
        """
        index, seen = self._index, self._seen
        if index is not None and seen is not None and cursor == self._cursor and index[:HEADER_BYTES] == seen:
            return False
        taken: list[bool] = []
        try:
            if not attempt(self._lock, taken):
                return False
            if self._db is None:
                return True
            if self._cursor != cursor or log.version(self._db) != cursor.version:
                return True
            self._see(self._db)
            return False
        except sqlite3.Error:
            return True  # `pull` says what is wrong
        finally:
            if taken == [True]:
                self._lock.release()

    def _see(self, db: sqlite3.Connection, before: bytes | None = None) -> None:
        """Remember the header, if it is that of this connection's last look at the file.

        before: the header when this connection began the transaction that it has just committed.
        """
        if self._index is None:
            self._index = watch.mapped(self.path)
        header = self._header()
        is_own = before is not None and header is not None and watch.is_next(before, header)
        self._seen = header if is_own or log.version(db) == self._cursor.version else None

    def _header(self) -> bytes | None:
        return None if self._index is None else self._index[:HEADER_BYTES]

    def pull(self, cursor: Cursor) -> Iterator[tuple[Sequence[Change], Cursor]]:
        """Yield the changes since `cursor` from one snapshot of the file, in batches."""
        with self._lock, translated(self.path, "reading"):
            db = self._connection()
            with alone(db):
                db.execute("BEGIN DEFERRED")
                reached = Cursor(log.last(db), log.version(db))
                for batch in log.since(db, cursor):
                    yield batch, cursor
            self._cursor = reached
            self._see(db)
            yield (), reached

    def load(self) -> Iterator[tuple[Sequence[EntryRow], Cursor]]:
        """Yield every entry from one snapshot of the file, in batches of rows."""
        return self._load(rows.SELECT_ALL)

    def load_heads(self) -> Iterator[tuple[Sequence[HeadRow], Cursor]]:
        """Yield the same without the texts."""
        return self._load(rows.SELECT_HEADS)

    def _load(self, statement: str) -> Iterator[tuple[Sequence[Any], Cursor]]:
        with self._lock, translated(self.path, "reading"):
            db = self._connection()
            with alone(db):
                db.execute("BEGIN DEFERRED")
                reached = Cursor(log.last(db), log.version(db))
                bound = _bound(db)
                for batch in log.everything(db, statement, 4 * bound.dim if bound else 0):
                    yield batch, Cursor(0, 0)
            self._cursor = reached
            self._see(db)
            yield (), reached

    def load_vectors(self, ids: range) -> Iterator[Sequence[tuple[int, bytes]]]:
        """Yield the ids and vectors of every entry among `ids`, from one snapshot of the file.

        Through a connection of its own: this one may be waiting for another process's lock.
        """
        with closing(self.snapshot()) as second, second._using("reading") as db, alone(db):
            db.execute("BEGIN DEFERRED")
            bound = _bound(db)
            yield from log.all_vectors(db, ids, 4 * bound.dim if bound else 0)

    def text(self, id: int, key: bytes) -> tuple[str, str] | None:
        """Return query and response of the entry of a key while it is this version.

        Through a connection that nothing else uses: the others may be waiting for another process's lock.
        """
        with self._reading, translated(self.path, "reading"):
            if self._reader is None:
                if not self._opened:
                    raise StoreBackendError(f"{self.path} is not open.")
                self._check_place()
                self._reader = connect_reader(self.path)
            return log.text(self._reader, id, key)

    def queries(self, ids: Sequence[int]) -> Mapping[int, str]:
        """Return the queries of these ids."""
        with closing(self.snapshot()) as second, second._using("reading") as db:
            return log.queries(db, ids)

    def write(
        self, changes: Sequence[Change], cursor: Cursor, usage: Usage | None = None
    ) -> tuple[Sequence[Change], Sequence[int], Cursor]:
        """Write `changes` in one transaction."""
        # As `_using` does, at a third of the cost for every put.
        with self._lock, translated(self.path, "writing"):
            db = self._connection()
            if self._room.is_due:
                self._check_room(db, changes)
            try:
                with alone(db):
                    db.execute("BEGIN IMMEDIATE")
                    # Asked while the write lock is held: after it another process may have committed.
                    header = self._header()
                    is_alone = header is not None and header == self._seen
                    version = self._cursor.version if is_alone else log.version(db)
                    # Only this connection has committed since: the log ends where it left it.
                    last = self._cursor.sequence if version == self._cursor.version else log.last(db)
                    foreign = [] if last == cursor.sequence else list(itertools.chain(*log.since(db, cursor)))
                    numbers = range(last + 1, last + 1 + len(changes))
                    removes = False
                    for number, change in zip(numbers, changes, strict=True):
                        removes |= log.append(db, number, change)
                    if usage is not None:
                        log.count(db, usage)
                    if removes:
                        log.forget(db, last + len(changes))
                    reached = Cursor(last + len(changes), version)
                self._cursor = reached
            except BaseException as error:
                # It may be written all the same: a signal is heard only after SQLite is done.
                self._cursor, self._seen = BEGINNING, None
                if isinstance(error, sqlite3.Error) and is_locked(error):
                    self._wait(db, HELD_UP_SECONDS)
                raise
            if self._is_held_up:
                self._wait(db, self._timeout)
            self._see(db, header)
            return foreign, numbers, reached

    def _wait(self, db: sqlite3.Connection, seconds: float) -> None:
        """Wait for another process's lock for so long from now on: who waited in vain is not kept waiting each time."""
        self._is_held_up = seconds < self._timeout
        db.execute(f"PRAGMA busy_timeout = {round(1_000 * min(seconds, self._timeout))}")

    def put_newer(
        self, entries: Sequence[StoredEntry], is_newer: Callable[[StoredEntry, float], bool]
    ) -> Sequence[StoredEntry]:
        """Put, in one transaction, the entries whose key has none yet; return those that were put.

        is_newer: of an entry and when the one that is there was created, whether it takes its place all the same.
        """
        with self._lock, translated(self.path, "writing"):
            db = self._connection()
            self._check_room(db, list(map(Put, entries)))
            self._cursor, self._seen = BEGINNING, None  # until it is known what is written
            with alone(db):
                db.execute("BEGIN IMMEDIATE")
                held = log.created(db, [bytes.fromhex(entry.query_hash) for entry in entries])
                since = [held.get(bytes.fromhex(entry.query_hash)) for entry in entries]
                chosen = [entry for entry, at in zip(entries, since, strict=True) if at is None or is_newer(entry, at)]
                last = log.last(db)
                for number, entry in enumerate(chosen, last + 1):
                    log.append(db, number, Put(entry))
                reached = Cursor(last + len(chosen), log.version(db))
            self._cursor = reached
            return chosen

    def lease(self, key: str, owner: str, seconds: float) -> bool:
        """Take or prolong a lease."""
        with self._lock, translated(self.path, "leasing in"), alone(self._connection()) as db:
            db.execute("BEGIN IMMEDIATE")
            return leases.take(db, key, owner, seconds)

    def release(self, key: str, owner: str) -> None:
        """Give a lease back."""
        with self._lock, translated(self.path, "leasing in"), alone(self._connection()) as db:
            db.execute("BEGIN IMMEDIATE")
            leases.release(db, key, owner)

    def counters(self) -> Mapping[tuple[str, str], int]:
        """Return (namespace, counter) -> value."""
        with self._lock, translated(self.path, "reading"):
            db = self._connection()
            return {(space, name): value for space, name, value in db.execute("SELECT * FROM counters")}

    def vectors(self, ids: Sequence[int]) -> Mapping[int, bytes]:
        """Return the float32 vectors of these ids."""
        with self._lock, translated(self.path, "reading"):
            db = self._connection()
            return log.vectors(db, ids)

    def created(self, keys: Sequence[bytes]) -> Mapping[bytes, float]:
        """Return when the entries of these keys were created; a key without an entry is left out."""
        with self._lock, translated(self.path, "reading"):
            db = self._connection()
            return log.created(db, keys)

    def compact(self) -> None:
        """Give free pages back to the file system, a few at a time: who writes meanwhile waits milliseconds.

        A file that an earlier Mneme made is once written anew as a whole; nobody else can write meanwhile.
        """
        with closing(self.snapshot()) as second:
            compacting.compact(lambda: self._using("compacting"), lambda: second._using("compacting"))

    def snapshot(self) -> SQLiteStore:
        """Return a second store over the same file, so that a long read holds nobody up."""
        return self._second(SQLiteStore(self.path, timeout=self._timeout, cache_size_kb=self._cache_size_kb))

    def _second(self, store: S) -> S:
        store._place, store._made = self._place, self._made
        with store._using("opening", connects=True):
            return store

    def _check_place(self) -> None:
        """Raise StoreBackendError where another file has the path by now: its ids are of other entries."""
        if self._place is not None and place_of(self.path) != self._place:
            raise self._is_another()

    def _is_another(self) -> StoreBackendError:
        return StoreBackendError(
            f"{self.path} is not the file that was opened: it was removed, or another one took its place. "
            "Close this cache and open it anew."
        )

    def _check_room(self, db: sqlite3.Connection, changes: Sequence[Change]) -> None:
        self._check_place()
        if self._room.is_short(self.path):
            room.check(db, self.path, self._index, changes)

    @contextmanager
    def _using(self, action: str, *, connects: bool = False) -> Iterator[sqlite3.Connection]:
        """Hold the connection, made again where a fork closed it; errors are raised as Mneme's."""
        with self._lock, translated(self.path, action):
            yield self._connection(connects=connects)

    def _connection(self, *, connects: bool = False) -> sqlite3.Connection:
        if self._db is None:
            if not (connects or self._opened):
                raise StoreBackendError(f"{self.path} is not open.")
            self._check_place()
            db, self.schema_version = self._connect()
            made = _made(db)
            if self._place is not None and made != self._made:
                db.close()
                raise self._is_another()
            self._db, self._made = db, made
            self._opened, self._place = True, place_of(self.path)
            # SQLite's mark counts anew with each connection: what another one was compared with says nothing.
            self._cursor, self._index, self._seen = BEGINNING, None, None
        return self._db

    def _connect(self) -> tuple[sqlite3.Connection, int]:
        return connect(
            self.path, timeout=self._timeout, cache_size_kb=self._cache_size_kb, synchronous=self._synchronous
        )

    def before_fork(self) -> None:
        """Disconnect, and keep everyone out until the fork is done."""
        self._lock.acquire()
        self._reading.acquire()
        with suppress(sqlite3.Error):
            self._close_reader()
            if self._db is not None and not self._db.in_transaction:
                self._db.close()
                self._db = self._index = self._seen = None

    def after_fork_on_both_sides(self) -> None:
        """Let everyone in; whoever needs the file first connects."""
        self._reading.release()
        self._lock.release()

    def after_fork(self) -> None:
        """Nothing is left to do: the connection was closed before the fork."""

    def close(self) -> None:
        """Close the file; SQLite folds the log into it when the last process leaves."""
        with self._lock, translated(self.path, "closing"):
            db, self._db, self._opened, self._place = self._db, None, False, None
            self._index = self._seen = None
            with self._reading:
                self._close_reader()
            if db is not None:
                db.close()

    def _close_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()


def _made(db: sqlite3.Connection) -> str | None:
    """Return what tells a file from a later one of its place; None for one that is new."""
    found = db.execute("SELECT value FROM meta WHERE name = 'made'").fetchone()
    return None if found is None else str(found[0])


def _bound(db: sqlite3.Connection) -> Identity | None:
    meta = dict(db.execute("SELECT name, value FROM meta"))
    try:
        return Identity(meta["fingerprint"], int(meta["dim"]), meta["normalize"]) if "fingerprint" in meta else None
    except (KeyError, ValueError) as error:
        raise sqlite3.DatabaseError(f"it does not say which embedder filled it ({error!r})") from error
