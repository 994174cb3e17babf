"""The index of the vectors: built on the server in the background, while writers and searches go on."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import Connection, errors, sql

from mneme.stores.postgres.bounded import patient
from mneme.stores.postgres.vectors import MOST_FULL

_log = logging.getLogger("mneme.store")

# Below this a scan takes a few milliseconds, is exact, and an insert costs nothing more.
LEAST_ROWS = 5_000
# Between two questions whether another process has built it, or has ended without.
RETRY_SECONDS = 10.0
# Of the server, while it builds: beyond what the rows need, and where it has less, building becomes many times slower.
MOST_MEMORY = 1_000_000_000
BYTES_A_ROW = 600  # beside the vector itself: the neighbours of a row in a graph of m = 16

IS_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('vectors_nearest')"
ENOUGH = "SELECT count(*) FROM (SELECT FROM vectors LIMIT %s) AS counted"
MEMORY = """
SELECT reltuples, pg_size_bytes(current_setting('maintenance_work_mem')) FROM pg_class WHERE oid = 'vectors'::regclass
"""
CREATE = """
CREATE INDEX CONCURRENTLY vectors_nearest ON vectors USING hnsw ({column} {place}.{operators})
WITH (m = 16, ef_construction = 128)
"""


class Builder:
    """Builds the index once there are enough rows to need one.

    The server finishes what was begun even when this process ends. One that failed leaves an invalid index, which is
    dropped and built again.
    """

    def __init__(self, connect: Callable[[], Connection[Any]], schema: str, place: str, dim: int) -> None:
        self.is_built = False
        """Whether the index is known to be there."""
        self._connect = connect
        self._schema = schema
        self._place = place
        self._dim = dim
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def consider(self) -> None:
        """Build it in a thread, unless that is under way, or it is there, or there are too few rows."""
        with self._lock:
            if self.is_built or self._stopped.is_set() or (self._thread is not None and self._thread.is_alive()):
                return
            self._thread = threading.Thread(target=self._run, name="mneme-postgres-index", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Begin nothing more; does not wait for what is under way."""
        self._stopped.set()

    def _run(self) -> None:
        try:
            while not self._stopped.is_set() and not self._build():
                self._stopped.wait(RETRY_SECONDS)
        except psycopg.Error as error:
            if self._stopped.is_set():  # the store was closed, and then perhaps the server
                return
            if isinstance(error, errors.InsufficientPrivilege):  # of this role; another's cache may build it
                self._stopped.set()
            _log.warning(
                "the index of the vectors in the schema %r was not built, so searches are exact and slower: %s: %s",
                self._schema,
                type(error).__name__,
                error.sqlstate or "no answer",
            )

    def _build(self) -> bool:
        """Build what is to be built; return False where another process is at it."""
        with self._connect() as db, patient(db, math.inf):
            db.execute("SET statement_timeout = 0")
            db.execute("SET lock_timeout = 0")
            # Held by the session: until the server has finished, or given up, even when the process has not waited.
            locked = db.execute(
                "SELECT pg_try_advisory_lock(hashtext('mneme index'), hashtext(%s))", (self._schema,)
            ).fetchone()
            if locked != (True,):
                return False
            valid = db.execute(IS_VALID).fetchone()
            self.is_built = valid == (True,)
            if not self.is_built and db.execute(ENOUGH, (LEAST_ROWS,)).fetchone() == (LEAST_ROWS,):
                if valid is not None:
                    db.execute("DROP INDEX CONCURRENTLY vectors_nearest")
                self._create(db)
                self.is_built = True
            return True

    def _create(self, db: Connection[Any]) -> None:
        db.execute("ANALYZE vectors")  # how large a partition is decides whether a search in it is exact
        rows, memory = db.execute(MEMORY).fetchone() or (0, 0)
        needed = min(MOST_MEMORY, int(rows * (4 * self._dim + BYTES_A_ROW)))
        db.execute("SELECT set_config('maintenance_work_mem', %s, false)", (f"{max(needed, memory) // 1024}kB",))
        # In parallel it would need that much shared memory, which containers do not give.
        db.execute("SET max_parallel_maintenance_workers = 0")
        place = sql.Identifier(self._place)
        operators = sql.Identifier("vector_cosine_ops" if self._dim <= MOST_FULL else "halfvec_cosine_ops")
        db.execute(sql.SQL(CREATE).format(column=column(place, self._dim), place=place, operators=operators))


def column(place: sql.Identifier, dim: int) -> sql.Composable:
    """Return what the index is of, as SQL; place: the schema that pgvector is in."""
    if dim <= MOST_FULL:
        return sql.SQL("embedding")
    return sql.SQL("(embedding::{}.halfvec({}))").format(place, sql.Literal(dim))
