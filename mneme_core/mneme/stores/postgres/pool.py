"""A few connections for reading, so that no lookup waits for a write or for another lookup."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection

from mneme.errors import StoreBackendError


class Pool:
    """Connections, made when they are needed.

    size: how many at most; who comes when all are in use waits, `timeout` seconds at most.
    """

    def __init__(self, connect: Callable[[], Connection[Any]], *, size: int, timeout: float) -> None:
        self._connect = connect
        self._timeout = timeout
        self._room = threading.Semaphore(size)
        self._lock = threading.Lock()
        self._idle: list[Connection[Any]] = []
        self._is_closed = False

    @contextmanager
    def connection(self) -> Iterator[Connection[Any]]:
        """Hold a connection, the one used last; raises StoreBackendError when none is free in time."""
        if not self._room.acquire(timeout=self._timeout):
            raise StoreBackendError(f"no connection to Postgres was free within {self._timeout:g} s.")
        try:
            db = self._take()
            try:
                yield db
            except BaseException as error:
                db.close()
                if isinstance(error, psycopg.OperationalError):
                    self._drop()  # what ended this one has ended those too
                raise
            self._give_back(db)
        finally:
            self._room.release()

    def close(self) -> None:
        """Close the connections, those in use once they are given back."""
        self._is_closed = True
        self._drop()

    def _take(self) -> Connection[Any]:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._connect()

    def _give_back(self, db: Connection[Any]) -> None:
        with self._lock:
            if not self._is_closed:
                self._idle.append(db)
                return
        db.close()

    def _drop(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for db in idle:
            db.close()
