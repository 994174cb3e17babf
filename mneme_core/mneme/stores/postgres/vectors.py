"""The vectors a second time, apart from the entries: what pgvector searches.

A change of an entry's other columns would enter its vector into the index anew, so they lie in a table of their own.
The entries remain the truth: what is served, and its cosine, is read from them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Any, LiteralString

import numpy as np
import psycopg
from psycopg import Connection, errors, sql
from psycopg.adapt import Dumper
from psycopg.pq import Format

from mneme.errors import InvalidArgumentError, StoreBackendError

# Before, a search within a partition ended before it had found what is there.
OLDEST = (0, 8)
# What pgvector can index: 2,000 numbers of 4 bytes, or 4,000 of 2.
MOST_NUMBERS, MOST_FULL = 4_000, 2_000

FILLED = 2**63 - 1
"""What `log.filled` is when every entry's vector is here; before, the last number that was copied."""
BATCH = 500
# Copied at a time, as it is not known how long that takes: in an index it is some milliseconds for each.
STEP = 32
# The log is held no longer, nor are writers.
HELD_SECONDS = 0.2

CREATE = """
CREATE TABLE vectors (seq bigint PRIMARY KEY, partition bytea NOT NULL, embedding {vector} NOT NULL);
CREATE INDEX vectors_partition ON vectors (partition);
ALTER TABLE vectors ALTER COLUMN embedding SET STORAGE {storage}, ALTER COLUMN embedding SET STATISTICS 0
"""
# Whoever may write entries must be able to write their vectors.
WRITERS = """
SELECT DISTINCT grantee::regrole::text, grantee = 0 FROM pg_class,
  LATERAL (SELECT grantee, privilege_type FROM aclexplode(relacl) UNION ALL SELECT relowner, 'INSERT') AS granted
WHERE oid = 'entries'::regclass AND privilege_type = 'INSERT'
"""
# A number that the log has not reached is of another state of the schema, to which the log was put back.
IS_OF_ANOTHER = "SELECT max(seq) > %s FROM vectors"
TO_FILL = "SELECT seq, partition, vector FROM entries WHERE seq > %s ORDER BY seq LIMIT %s"
INSERT = """
INSERT INTO vectors VALUES (%s, %s, %s)
ON CONFLICT (seq) DO UPDATE SET partition = excluded.partition, embedding = excluded.embedding
"""
EXTENSION = """
SELECT e.extversion, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'vector'
"""


class Packed(bytes):
    """A vector as pgvector receives it."""


class _PackedDumper(Dumper):
    """Sends a packed vector without naming its type, whose number is another in each database."""

    format = Format.BINARY

    def dump(self, obj: Packed) -> bytes:
        return obj


psycopg.adapters.register_dumper(Packed, _PackedDumper)


def packed(vector: bytes) -> Packed:
    """Return float32 in native byte order as pgvector receives it."""
    numbers = np.frombuffer(vector, np.float32)
    return Packed(len(numbers).to_bytes(2, "big") + b"\x00\x00" + numbers.astype(">f4").tobytes())


def insert(db: Connection[Any], rows: Sequence[tuple[int, bytes, bytes | None]]) -> None:
    """Add (number, partition, vector) of entries; a vector that no search could find is left out."""
    found = [(number, partition, packed(vector)) for number, partition, vector in rows if vector and _has_place(vector)]
    if found:
        db.cursor().executemany(INSERT, found)


def _has_place(vector: bytes) -> bool:
    """Return whether a vector has a direction; pgvector refuses what is not finite."""
    length = float(np.linalg.norm(np.frombuffer(vector, np.float32).astype(np.float64)))
    return bool(np.isfinite(length)) and length > 0


def empty(db: Connection[Any]) -> None:
    """Remove all."""
    try:
        # Rows that are only deleted are walked over by searches until the server has cleaned the index up.
        with db.transaction():
            db.execute("LOCK TABLE vectors IN ACCESS EXCLUSIVE MODE NOWAIT")
            db.execute("TRUNCATE vectors")
    except (errors.LockNotAvailable, errors.InsufficientPrivilege):  # somebody searches, or builds the index
        db.execute("DELETE FROM vectors")


def make(db: Connection[Any], dim: int) -> str:
    """Make the schema searchable where it is not, and return the name of the schema that pgvector is in.

    Writers go on meanwhile, between batches; what is there is copied when this returns. Raises StoreBackendError where
    pgvector or the right to make a table is missing, and InvalidArgumentError for vectors longer than can be indexed.
    """
    if dim > MOST_NUMBERS:
        raise InvalidArgumentError(
            f"vectors have {dim} numbers; Postgres searches {MOST_NUMBERS:,} at most. mode='replica' takes any."
        )
    with db.transaction():
        place = _extension(db)
        last, filled = _one(db, "SELECT last, filled FROM log FOR UPDATE")
        if filled is None or _one(db, IS_OF_ANOTHER, last)[0]:
            try:
                _create(db, place, dim)
            except errors.InsufficientPrivilege as error:
                raise StoreBackendError(
                    "searching in Postgres needs a table of its own, which this role may not make. Open the cache "
                    "once as the schema's owner, with mode='server'; or use mode='replica', which needs none."
                ) from error
    fill(db)
    return place


def _create(db: Connection[Any], place: str, dim: int) -> None:
    vector = sql.SQL("{}.vector({})").format(sql.Identifier(place), sql.Literal(dim))
    # In the row where there is room for it; a page has 8 kB.
    storage = sql.SQL("PLAIN" if dim <= MOST_FULL else "EXTERNAL")
    db.execute("DROP TABLE IF EXISTS vectors")
    for statement in CREATE.strip().split(";\n"):
        db.execute(sql.SQL(statement).format(vector=vector, storage=storage))
    for role, is_public in db.execute(WRITERS).fetchall():
        # The name comes quoted from the server.
        db.execute(sql.SQL("GRANT ALL ON vectors TO " + ("PUBLIC" if is_public else role)))
    db.execute("UPDATE log SET filled = 0")


def fill(db: Connection[Any]) -> None:
    """Copy what is not copied yet, some entries at a time: writers come between."""
    while not _fill(db):
        pass


def _fill(db: Connection[Any]) -> bool:
    """Copy the next entries; return whether there were none. The log is held, so that no writer comes between."""
    with db.transaction():
        (filled,) = _one(db, "SELECT filled FROM log FOR UPDATE")
        if filled is None or filled == FILLED:
            return True
        rows = db.cursor(binary=True).execute(TO_FILL, (filled, BATCH)).fetchall()
        until, done = time.monotonic() + HELD_SECONDS, 0
        while done < len(rows) and (not done or time.monotonic() < until):
            insert(db, rows[done : done + STEP])
            done = min(done + STEP, len(rows))
        db.execute("UPDATE log SET filled = %s", (rows[done - 1][0] if rows else FILLED,))
    return not rows


def _extension(db: Connection[Any]) -> str:
    found = db.execute(EXTENSION).fetchone()
    if found is None:
        try:
            with db.transaction():
                # In our own schema it would be dropped with it, and every other schema's vectors too.
                db.execute("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")
        except psycopg.Error as error:
            raise StoreBackendError(
                "searching in Postgres needs the extension pgvector, 0.8 or later, and it could not be created: "
                f"{type(error).__name__}. Install pgvector on the server and let a superuser run CREATE EXTENSION "
                "vector in this database; or use mode='replica', which needs none."
            ) from error
        found = _one(db, EXTENSION)
    version, place = found
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < OLDEST:
        raise StoreBackendError(
            f"the extension pgvector of this database has version {version}; searching needs 0.8 or later. Upgrade it "
            "(ALTER EXTENSION vector UPDATE), or use mode='replica', which needs none."
        )
    return str(place)


def _one(db: Connection[Any], query: LiteralString, *parameters: Any) -> tuple[Any, ...]:
    found = db.execute(query, parameters).fetchone()
    if found is None:
        raise errors.NoDataFound(f"no row: {query}")
    return tuple(found)
