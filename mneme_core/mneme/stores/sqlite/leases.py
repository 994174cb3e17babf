"""Which process does a work, as rows of a Mneme file. Every function runs inside the caller's transaction."""

from __future__ import annotations

import sqlite3
import time

_TAKE = """
INSERT INTO leases VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET owner = ?2, until = ?3
WHERE owner = ?2 OR until <= ?4 OR until > ?4 + 2 * ?5
"""


def take(db: sqlite3.Connection, key: str, owner: str, seconds: float) -> bool:
    """Take or prolong a lease; return whether it is the owner's.

    One that runs for longer than any is given was written before the clock went back: it is free.
    """
    now = time.time()
    return db.execute(_TAKE, (key, owner, now + seconds, now, seconds)).rowcount == 1


def release(db: sqlite3.Connection, key: str, owner: str) -> None:
    """Give a lease back, and forget those that ran out."""
    db.execute("DELETE FROM leases WHERE (key = ? AND owner = ?) OR until <= ?", (key, owner, time.time()))
