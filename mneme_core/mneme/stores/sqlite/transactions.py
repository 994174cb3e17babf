"""Transactions of a SQLite connection."""

from __future__ import annotations

import sqlite3


def alone(db: sqlite3.Connection) -> sqlite3.Connection:
    """Return a connection for `with`, in which `BEGIN` comes first: sqlite3 commits at the end, or rolls back.

    BEGIN DEFERRED to read one state of the file, IMMEDIATE to write. A signal that comes while SQLite waits for a lock
    is heard once it has it, and one that comes meanwhile at the next step of Python: so the lock is let go in C.
    Raises sqlite3.OperationalError inside another transaction, as of a signal handler that uses the cache.
    """
    if db.in_transaction:
        raise sqlite3.OperationalError("cannot start a transaction within a transaction")
    return db
