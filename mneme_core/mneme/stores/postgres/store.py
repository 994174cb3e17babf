"""The store for caches on several machines: a schema in a Postgres database."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from hashlib import blake2b
from typing import Any

import psycopg
from psycopg import Connection, IsolationLevel

from mneme.errors import InvalidArgumentError, MnemeError, StoreBackendError
from mneme.stores.arguments import check_seconds, server_of
from mneme.stores.base import Change, Cursor, EntryRow, Identity, Put, Usage
from mneme.stores.memory import check_identity
from mneme.stores.postgres import log, schema, vectors, writing
from mneme.stores.postgres.addresses import check_url
from mneme.stores.postgres.bounded import BoundedConnection
from mneme.stores.postgres.leases import Leases
from mneme.stores.postgres.listening import Listener, started
from mneme.stores.postgres.lookups import Lookups
from mneme.stores.postgres.modes import Mode, check_mode, check_readable, make_searchable
from mneme.stores.postgres.names import is_name, quoted
from mneme.stores.postgres.searching import Search

_log = logging.getLogger("mneme.store")


class PostgresStore(Lookups):
    """Keeps entries in a schema of a Postgres database.

    url: postgresql://user@host/database. schema: made where it is missing; one cache, one schema.
    mode: "replica", every cache over it holds all entries in memory; "server", none does and the server searches, which
    needs pgvector 0.8 there; "auto", "server" where there are more than AUTO_ENTRIES and it can, when it is opened.
    timeout: seconds to wait for a connection, a lock, a statement or a sign of life. poll: seconds after which changes
    of others are noticed even where notifications are lost; else within milliseconds.
    """

    name = "postgres"
    blocking = True
    durabilities = ("normal", "full")

    def __init__(
        self, url: str, *, schema: str = "mneme", mode: Mode = "auto", timeout: float = 5.0, poll: float = 1.0
    ) -> None:
        if not is_name(schema):
            raise InvalidArgumentError(f"schema is {schema!r}; it is a name of 1 to 60 bytes, and not '$user'.")
        check_mode(mode)
        check_seconds(timeout, "timeout")
        check_seconds(poll, "poll")
        self.schema_version = 0
        self.lag = poll
        self._url = check_url(url)
        self._schema = schema
        self._synchronous = ""
        self._mode: Mode = mode
        self._mode_now: Mode = mode
        """Once it is open, never "auto"."""
        self._timeout = timeout
        self._lock = threading.RLock()
        self._db: Connection[Any] | None = None
        self._listener: Listener | None = None
        self._started = 0
        self._identity: Identity | None = None
        self._is_open = False
        self._leases = Leases(self._connect, schema, server_of(self._url))

    @property
    def _channel(self) -> str:
        return f"mneme_{blake2b(self._schema.encode(), digest_size=16).hexdigest()}"  # a channel has 63 bytes

    def open(self, identity: Identity) -> None:
        """Connect, make the tables where they are missing, and bind them to `identity`, or check that they are."""
        check_readable(self._mode, identity)
        self._identity, self._is_open = identity, True
        try:
            with self._using("opening") as db:
                self._prepare(db, identity)
        except MnemeError:
            self.close()
            raise
        self.schema_version = schema.VERSION
        self._listening()

    def _prepare(self, db: Connection[Any], identity: Identity) -> None:
        with db.transaction():
            bound = schema.prepare(db, self._schema, identity)
        check_identity(bound, identity, f"the schema {self._schema!r}")
        place = make_searchable(db, self._mode_now, identity)
        self._mode_now = "replica" if place is None else "server"
        if self._search is not None:
            self._search.close()
        if place is not None:
            self._search = Search(self._connect, self._schema, place=place, dim=identity.dim, timeout=self._timeout)
            self._search.builder.consider()
        self._is_lost = False

    def identity(self) -> Identity | None:
        """Return what the schema is bound to; None where there is none. Nothing is made."""
        try:
            with closing(self._connect()) as db:
                return schema.bound(db)
        except psycopg.Error as error:
            raise self._failed("reading", error) from error

    def changed(self, cursor: Cursor) -> bool:
        """Compare with what is known of the log; nothing is asked."""
        listener = self._listener
        return listener is None or listener.known != cursor

    def pull(self, cursor: Cursor) -> Iterator[tuple[Sequence[Change], Cursor]]:
        """Yield the changes since `cursor` from one snapshot, in batches."""
        with self._reading() as db:
            state = log.state(db, self._started)
            reached = Cursor(state.newest, state.mark)
            for batch in self._changes(db, state, cursor) if reached != cursor else ():
                yield batch, Cursor(0, 0) if state.lacks(cursor) else cursor
        self._listening().saw(reached)
        yield (), reached

    def load(self) -> Iterator[tuple[Sequence[EntryRow], Cursor]]:
        """Yield every entry from one snapshot, in batches of rows."""
        with self._reading() as db:
            state = log.state(db, self._started)
            for batch in log.everything(db):
                yield batch, Cursor(0, 0)
        reached = Cursor(state.newest, state.mark)
        self._listening().saw(reached)
        yield (), reached

    def load_vectors(self, ids: range) -> Iterator[Sequence[tuple[int, bytes]]]:
        """Yield the ids and vectors of every entry among `ids`, through a connection of its own."""
        with closing(self.snapshot()) as second, second._reading() as db:
            yield from log.all_vectors(db, ids)

    def write(
        self, changes: Sequence[Change], cursor: Cursor, usage: Usage | None = None
    ) -> tuple[Sequence[Change], Sequence[int], Cursor]:
        """Write `changes` in one transaction; others' writes wait for it."""
        with self._using("writing") as db:
            with db.transaction():
                state = log.state(db, self._started, locked=True)
                foreign: list[Change] = []
                if cursor != (state.newest, state.mark):
                    for batch in self._changes(db, state, cursor):
                        foreign += batch
                newest, reached = state.newest, state.newest + len(changes)
                later = writing.append(db, changes, newest, searchable=state.is_searchable)
                if usage is not None:
                    writing.count(db, usage)
                if changes:
                    db.execute("UPDATE log SET last = %s", (reached,))
                    db.execute("SELECT pg_notify(%s, %s)", (self._channel, str(reached)))
                if any(not isinstance(change, Put) for change in changes):
                    log.forget(db, reached)
            if later:
                self._fill(db)
            following = Cursor(reached, state.mark)
            self._listening().saw(following)
            if self._search is not None:
                self._search.grew(reached)
                self._is_lost = not state.is_searchable  # put back to a time before it was
            return foreign, range(newest + 1, reached + 1), following

    def _fill(self, db: Connection[Any]) -> None:
        """Copy the vectors of what was just written, which stays written where that fails."""
        try:
            vectors.fill(db)
        except psycopg.Error as error:
            _log.warning(
                "what was put is found by its own words alone until the schema %r is opened anew: %s: %s",
                self._schema,
                type(error).__name__,
                error.sqlstate or "no answer",
            )

    def _changes(self, db: Connection[Any], state: log.State, cursor: Cursor) -> Iterator[list[Change]]:
        return log.names(db, state, cursor) if self.searches else log.since(db, state, cursor)

    def counters(self) -> Mapping[tuple[str, str], int]:
        """Return (namespace, counter) -> value."""
        with self._using("reading") as db:
            return log.counters(db)

    def vectors(self, ids: Sequence[int]) -> Mapping[int, bytes]:
        """Return the float32 vectors of these ids."""
        with self._using("reading") as db:
            return log.vectors(db, ids)

    def lease(self, key: str, owner: str, seconds: float) -> bool:  # noqa: ARG002  # it ends with the session
        """Take a lease, for as long as this process is connected."""
        return self._leases.take(key, owner)

    def release(self, key: str, owner: str) -> None:
        """Give a lease back."""
        self._leases.release(key, owner)

    def compact(self) -> None:
        """Nothing to do: the server's autovacuum gives room back."""

    def snapshot(self) -> PostgresStore:
        """Return a second store over the same schema, so that a long read holds nobody up."""
        second = PostgresStore(self._url, schema=self._schema, mode="replica", timeout=self._timeout, poll=self.lag)
        second._is_open = True
        return second

    def after_fork(self) -> None:
        """Leave the parent's connections alone, and make new ones when they are needed."""
        self._lock = threading.RLock()
        self._db = self._listener = None
        self._leases = Leases(self._connect, self._schema, server_of(self._url))
        if self._search is not None:
            self._search = self._search.again()

    def close(self) -> None:
        """Disconnect."""
        with self._lock:
            self._is_open, self._mode_now = False, self._mode
            search, self._search = self._search, None
            if search is not None:
                search.close()
            db, self._db = self._db, None
            listener, self._listener = self._listener, None
            if listener is not None:
                listener.stop()
            if db is not None:
                db.close()
            self._leases.close()

    def sync(self) -> None:
        """Let every commit wait for the server's disk and its synchronous standbys, whatever the server is set to."""
        self._synchronous = "-c synchronous_commit=on "

    def _connect(self, idle: float = 0.0) -> BoundedConnection:
        """Return a connection; idle: seconds for which it may have nothing to say."""
        milliseconds = max(1, int(self._timeout * 1_000))
        db = BoundedConnection.connect(
            self._url,
            autocommit=True,
            connect_timeout=max(2, round(self._timeout)),
            options=f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds} "
            "-c default_transaction_isolation=read\\ committed "
            f"{self._synchronous}"
            f"-c search_path={quoted(self._schema)}",
            application_name="mneme",
        )
        # A quarter more, so that a server that is alive says itself that a statement took too long.
        db.patience = 1.25 * self._timeout + idle
        return db

    def _listening(self) -> Listener:
        """Return the listener, started where it is not running: a snapshot needs none before it is asked."""
        with self._lock:
            if self._listener is None:
                self._listener = Listener(partial(self._connect, self.lag), self._channel, self.lag, self._reached)
            return self._listener

    def _reached(self) -> Cursor:
        """Ask how far the log has come."""
        with self._using("reading") as db:
            state = log.state(db, self._started)
        return Cursor(state.newest, state.mark)

    @contextmanager
    def _reading(self) -> Iterator[Connection[Any]]:
        """Hold one state of the database."""
        with self._using("reading") as db:
            db.isolation_level = IsolationLevel.REPEATABLE_READ
            try:
                with db.transaction():
                    yield db
            finally:
                if not db.closed:
                    db.isolation_level = None

    @contextmanager
    def _using(self, action: str) -> Iterator[Connection[Any]]:
        """Hold the connection, made again where it was lost; errors are raised as Mneme's."""
        with self._lock:
            if not self._is_open:
                raise StoreBackendError(f"the schema {self._schema!r} is not open.")
            try:
                if self._db is None or self._db.closed or self._db.broken:
                    self._db = self._connect()
                    self._started = started(self._db)
                if self._is_lost and self._identity is not None:
                    self._prepare(self._db, self._identity)
                yield self._db
            except psycopg.Error as error:
                raise self._failed(action, error) from error
