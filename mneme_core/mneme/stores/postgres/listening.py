"""Learns how far the log has come without asking for it before each lookup."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql

_log = logging.getLogger("mneme.store")

RETRY_SECONDS = 1.0


class Listener:
    """A thread with a connection of its own, told of every commit.

    A notification only wakes: what is lost while the connection is broken is found by asking, every `poll` seconds and
    after each connection.
    """

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]], channel: str, poll: float) -> None:
        self.latest = 0
        """The newest sequence number that is known of."""
        self._connect = connect
        self._channel = channel
        self._poll = poll
        self._stopped = threading.Event()
        self._db: psycopg.Connection[Any] | None = None
        self._thread = threading.Thread(target=self._run, name="mneme-postgres", daemon=True)
        self._thread.start()

    def saw(self, sequence: int) -> None:
        """Note a number that was read or written."""
        if sequence > self.latest:
            self.latest = sequence

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
                    while not self._stopped.is_set():
                        self._ask(db)
                        for notice in db.notifies(timeout=self._poll):
                            self.saw(int(notice.payload))
            except (psycopg.Error, ValueError) as error:
                if not self._stopped.is_set():
                    _log.debug("listening for other caches' changes was interrupted: %s", type(error).__name__)
                    self._stopped.wait(RETRY_SECONDS)

    def _ask(self, db: psycopg.Connection[Any]) -> None:
        found = db.execute("SELECT last FROM log").fetchone()
        if found is not None:
            self.saw(int(found[0]))
