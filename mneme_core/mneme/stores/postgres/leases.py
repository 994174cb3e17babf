"""Which process does a work, as advisory locks of one session: they end with it, however it ends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING, Any

import psycopg

from mneme.errors import StoreBackendError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Leases:
    """The leases of one store. The connection is made when first needed, and apart: a writer's may be waiting."""

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]], schema: str, server: str) -> None:
        self._connect = connect
        self._schema, self._server = schema, server
        self._lock = Lock()
        self._db: psycopg.Connection[Any] | None = None
        self._is_closed = False
        self._owners: dict[str, str] = {}
        """Key -> owner: to the server they are all of one session."""

    def take(self, key: str, owner: str) -> bool:
        """Take a lease, or find that it is still the owner's; return whether it is."""
        with self._session() as db:
            holder = self._owners.get(key)
            if holder is not None:
                db.execute("SELECT 1")  # a session that broke holds nothing
                return holder == owner
            found = db.execute("SELECT pg_try_advisory_lock(%s)", (self._number(key),)).fetchone()
            if found is None or not found[0]:
                return False
            self._owners[key] = owner
            return True

    def release(self, key: str, owner: str) -> None:
        """Give a lease back."""
        with self._session() as db:
            if self._owners.get(key) == owner:
                del self._owners[key]
                db.execute("SELECT pg_advisory_unlock(%s)", (self._number(key),))

    def close(self) -> None:
        """End the session, and all its leases."""
        with self._lock:
            self._is_closed = True
            db, self._db = self._db, None
            self._owners.clear()
            if db is not None:
                db.close()

    def _number(self, key: str) -> int:
        digest = blake2b(f"{self._schema}\x00{key}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big", signed=True)

    @contextmanager
    def _session(self) -> Iterator[psycopg.Connection[Any]]:
        with self._lock:
            if self._is_closed:
                raise StoreBackendError("the store of the leases is closed.")
            try:
                if self._db is None or self._db.closed or self._db.broken:
                    self._owners.clear()
                    self._db = self._connect()
                yield self._db
            except psycopg.Error as error:
                if self._db is not None:
                    self._db.close()
                raise StoreBackendError(
                    f"leasing in Postgres at {self._server} failed: {type(error).__name__}"
                ) from error
