"""The store for caches on several machines: a schema in a Postgres database."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from psycopg import Connection, IsolationLevel

from mneme.errors import InvalidArgumentError, MnemeError, StoreBackendError
from mneme.stores.base import Change, Cursor, EntryRow, Identity, Put, Usage
from mneme.stores.memory import check_identity
from mneme.stores.postgres import log, schema
from mneme.stores.postgres.listening import Listener


class PostgresStore:
    """Keeps entries in a schema of a Postgres database; every cache over it holds a replica in memory.

    url: postgresql://user@host/database. schema: made where it is missing; one cache, one schema.
    timeout: seconds to wait for a connection, a lock or a statement. poll: seconds after which changes of others are
    noticed even where notifications are lost; else within milliseconds.
    """

    name = "postgres"
    blocking = True

    def __init__(self, url: str, *, schema: str = "mneme", timeout: float = 5.0, poll: float = 1.0) -> None:
        if not isinstance(url, str) or not url.startswith(("postgresql://", "postgres://")):
            raise InvalidArgumentError("the url of a PostgresStore starts with postgresql://; its value is not shown.")
        if not isinstance(schema, str) or not schema or len(schema.encode()) > 60 or "\x00" in schema:
            raise InvalidArgumentError(f"schema is {schema!r}; it is a name of 1 to 60 bytes.")
        if not timeout > 0 or not poll > 0:
            raise InvalidArgumentError(f"timeout is {timeout} and poll is {poll}; both are seconds above 0.")
        self.schema_version = 0
        self.lag = poll
        self._url = url
        self._schema = schema
        self._timeout = timeout
        self._lock = threading.RLock()
        self._db: Connection[Any] | None = None
        self._listener: Listener | None = None
        self._is_open = False

    @property
    def _channel(self) -> str:
        return f"mneme_{self._schema}"[:63]

    def open(self, identity: Identity) -> None:
        """Connect, make the tables where they are missing, and bind them to `identity`, or check that they are."""
        self._is_open = True
        try:
            with self._using("opening") as db, db.transaction():
                bound = schema.prepare(db, self._schema, identity)
            check_identity(bound, identity, f"the schema {self._schema!r}")
        except MnemeError:
            self.close()
            raise
        self.schema_version = schema.VERSION
        self._listening()

    def changed(self, cursor: Cursor) -> bool:
        """Compare with the newest number that is known of; nothing is asked."""
        listener = self._listener
        return listener is None or listener.latest > cursor.sequence

    def pull(self, cursor: Cursor) -> Iterator[tuple[Sequence[Change], Cursor]]:
        """Yield the changes since `cursor` from one snapshot, in batches."""
        with self._reading() as db:
            newest, forgotten = log.last(db)
            for batch in log.since(db, cursor.sequence, forgotten) if newest != cursor.sequence else ():
                yield batch, cursor
        self._listening().saw(newest)
        yield (), Cursor(newest, 0)

    def load(self) -> Iterator[tuple[Sequence[EntryRow], Cursor]]:
        """Yield every entry from one snapshot, in batches of rows."""
        with self._reading() as db:
            newest, _ = log.last(db)
            for batch in log.everything(db):
                yield batch, Cursor(0, 0)
        self._listening().saw(newest)
        yield (), Cursor(newest, 0)

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
                newest, forgotten = log.last(db, locked=True)
                foreign: list[Change] = []
                if newest != cursor.sequence:
                    for batch in log.since(db, cursor.sequence, forgotten):
                        foreign += batch
                reached = newest + len(changes)
                log.append(db, changes, newest)
                if usage is not None:
                    log.count(db, usage)
                if changes:
                    db.execute("UPDATE log SET last = %s", (reached,))
                    db.execute("SELECT pg_notify(%s, %s)", (self._channel, str(reached)))
                if any(not isinstance(change, Put) for change in changes):
                    log.forget(db, reached)
            self._listening().saw(reached)
            return foreign, range(newest + 1, reached + 1), Cursor(reached, 0)

    def counters(self) -> Mapping[tuple[str, str], int]:
        """Return (namespace, counter) -> value."""
        with self._using("reading") as db:
            return log.counters(db)

    def vectors(self, ids: Sequence[int]) -> Mapping[int, bytes]:
        """Return the float32 vectors of these ids."""
        with self._using("reading") as db:
            return log.vectors(db, ids)

    def compact(self) -> None:
        """Nothing to do: the server's autovacuum gives room back."""

    def snapshot(self) -> PostgresStore:
        """Return a second store over the same schema, so that a long read holds nobody up."""
        second = PostgresStore(self._url, schema=self._schema, timeout=self._timeout, poll=self.lag)
        second._is_open = True
        return second

    def after_fork(self) -> None:
        """Leave the parent's connections alone, and make new ones when they are needed."""
        self._lock = threading.RLock()
        self._db = self._listener = None

    def close(self) -> None:
        """Disconnect."""
        with self._lock:
            self._is_open = False
            db, self._db = self._db, None
            listener, self._listener = self._listener, None
            if listener is not None:
                listener.stop()
            if db is not None:
                db.close()

    def _connect(self) -> Connection[Any]:
        milliseconds = int(self._timeout * 1_000)
        return psycopg.connect(
            self._url,
            autocommit=True,
            connect_timeout=max(2, round(self._timeout)),
            options=f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds} "
            f"-c search_path={_quoted(self._schema)}",
            application_name="mneme",
        )

    def _listening(self) -> Listener:
        """Return the listener, started where it is not running: a snapshot needs none before it is asked."""
        with self._lock:
            if self._listener is None:
                self._listener = Listener(self._connect, self._channel, self.lag)
            return self._listener

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
                yield self._db
            except psycopg.Error as error:
                raise StoreBackendError(
                    f"{action} the schema {self._schema!r} in Postgres failed: {type(error).__name__}: "
                    f"{error.sqlstate or 'no answer'}"
                ) from error


def _quoted(name: str) -> str:
    """Return a name as an option of a connection takes it: quoted for SQL, then for libpq."""
    quoted = '"' + name.replace('"', '""') + '"'
    return quoted.replace("\\", "\\\\").replace(" ", "\\ ")
