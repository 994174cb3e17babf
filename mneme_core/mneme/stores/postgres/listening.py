"""Learns how far the log has come without asking for it before each lookup."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql

from mneme.errors import StoreBackendError
from mneme.stores.base import Cursor
from mneme.stores.postgres import log

_log = logging.getLogger("mneme.store")

RETRY_SECONDS = 1.0


class Listener:
    """A thread with a connection of its own, told of every commit.

    A notification only wakes: what is lost while the connection is broken is found by asking, every `poll` seconds and
    after each connection; by `ask`, through another connection, where none can be had.
    """

    def __init__(
        self, connect: Callable[[], psycopg.Connection[Any]], channel: str, poll: float, ask: Callable[[], Cursor]
    ) -> None:
        self.known = Cursor(0, 0)
        """How far the log has come, as far as is known."""
        self._lock = threading.Lock()
        self._connect = connect
        self._ask_otherwise = ask
        self._channel = channel
        self._poll = poll
        self._stopped = threading.Event()
        self._db: psycopg.Connection[Any] | None = None
        self._thread = threading.Thread(target=self._run, name="mneme-postgres", daemon=True)
        self._thread.start()

    def saw(self, reached: Cursor) -> None:
        """Note how far the log had come when it was read or written."""
        with self._lock:
            if reached.version != self.known.version or reached.sequence > self.known.sequence:
                self.known = reached

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        db = self._db
        if db is not None:
            db.close()
        self._thread.join(timeout=self._poll + RETRY_SECONDS)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                with self._connect() as db:
                    self._db = db
                    db.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
                    since = started(db)
                    while not self._stopped.is_set():
                        self._ask(db, since)
                        for notice in db.notifies(timeout=self._poll):
                            self.saw(Cursor(int(notice.payload), self.known.version))
            except (psycopg.Error, ValueError) as error:
                if not self._stopped.is_set():
                    _log.debug("listening for other caches' changes was interrupted: %s", type(error).__name__)
                    self._without_connection()
                    self._stopped.wait(min(RETRY_SECONDS, self._poll))

    def _ask(self, db: psycopg.Connection[Any], since: int) -> None:
        state = log.state(db, since)
        self._know(Cursor(state.newest, state.mark))

    def _know(self, reached: Cursor) -> None:
        with self._lock:  # also where it is less than what was known: then the log was put back
            self.known = reached

    def _without_connection(self) -> None:
        try:
            self._know(self._ask_otherwise())
        except StoreBackendError:
            pass  # the server cannot be reached at all; lookups are answered from what is here


def started(db: psycopg.Connection[Any]) -> int:
    """Return when the server was started, in microseconds since the epoch: tells one run of it from the next."""
    found = db.execute("SELECT (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint").fetchone()
    return 0 if found is None else int(found[0])
