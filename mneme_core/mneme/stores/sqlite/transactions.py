"""Transactions of a SQLite connection."""

from __future__ import annotations

import sqlite3


class transaction:  # noqa: N801  # used as `contextmanager` makes them, at a third of the cost for every put
    """Hold a transaction: DEFERRED to read one state of the file, IMMEDIATE to write."""

    __slots__ = ("_db", "_kind")

    def __init__(self, db: sqlite3.Connection, kind: str) -> None:
        self._db, self._kind = db, kind

    def __enter__(self) -> None:
        try:
            self._db.execute(f"BEGIN {self._kind}")
        except sqlite3.Error:
            raise
        except BaseException:  # a signal that came while SQLite waited for a lock is heard once SQLite has it
            self._end()
            raise

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        finally:
            self._end()

    def _end(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
