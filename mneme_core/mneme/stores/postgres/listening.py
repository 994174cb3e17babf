"""Notifications of Postgres, and which run of the server they come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql

from mneme.stores import listening
from mneme.stores.base import Cursor
from mneme.stores.postgres import log


class Listener(listening.Listener):
    """Told of every commit, through a connection of its own."""

    errors = (psycopg.Error, ValueError)

    def __init__(
        self, connect: Callable[[], psycopg.Connection[Any]], channel: str, poll: float, ask: Callable[[], Cursor]
    ) -> None:
        self._connect, self._channel = connect, channel
        self._db: psycopg.Connection[Any] | None = None
        super().__init__("postgres", poll, ask)

    def listen(self) -> None:
        """Connect, and note notifications until it is stopped."""
        with self._connect() as db:
            self._db = db
            db.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
            since = started(db)
            while not self._stopped.is_set():
                state = log.state(db, since)
                self.know(Cursor(state.newest, state.mark))
                for notice in db.notifies(timeout=self._poll):
                    self.told(int(notice.payload))

    def leave(self) -> None:
        """Close the connection."""
        if self._db is not None:
            self._db.close()


def started(db: psycopg.Connection[Any]) -> int:
    """Return when the server was started, in microseconds since the epoch: tells one run of it from the next."""
    found = db.execute("SELECT (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint").fetchone()
    return 0 if found is None else int(found[0])
