"""The layout in Postgres, its version, and how it comes to be."""

from __future__ import annotations

from typing import Any, LiteralString

from psycopg import Connection, sql

from mneme.errors import SchemaMigrationError
from mneme.stores.base import Identity

VERSION = 2

# Texts are bytes: Postgres' own text cannot hold U+0000. As in the SQLite file a row's `seq` is its place in the change
# log, and what is read often and changed often lies apart from what is large and written once.
CREATE = """
CREATE TABLE meta (name text PRIMARY KEY, value text NOT NULL);
CREATE TABLE log (last bigint NOT NULL, forgotten bigint NOT NULL, epoch bigint NOT NULL, filled bigint);
INSERT INTO log SELECT 0, 0, (random() * 4e15)::bigint;
CREATE TABLE entries (
  seq bigint PRIMARY KEY,
  key bytea NOT NULL UNIQUE,
  partition bytea NOT NULL,
  namespace bytea NOT NULL,
  query bytea NOT NULL,
  response bytea NOT NULL,
  metadata bytea,
  created_at double precision NOT NULL,
  ttl double precision,
  compute_seconds double precision,
  last_accessed_at double precision NOT NULL,
  access_count bigint NOT NULL,
  vector bytea
);
ALTER TABLE entries ALTER COLUMN vector SET STORAGE EXTERNAL;
CREATE INDEX ON entries (namespace);
CREATE TABLE removals (seq bigint PRIMARY KEY, key bytea, namespace bytea);
CREATE TABLE usage (seq bigint PRIMARY KEY, last_accessed_at double precision NOT NULL, accesses bigint NOT NULL);
CREATE TABLE counters (namespace bytea, name text, value bigint NOT NULL, PRIMARY KEY (namespace, name));
"""

# From version n to n + 1. 2: how far vectors were copied to where the server searches them; NULL where it does not.
MIGRATIONS: dict[int, LiteralString] = {1: "ALTER TABLE log ADD COLUMN filled bigint"}

# Somebody dropped the table, or pgvector with its column: who writes must not miss it.
IS_NOT_SEARCHABLE = """
UPDATE log SET filled = NULL WHERE filled IS NOT NULL AND NOT EXISTS (
  SELECT FROM pg_attribute WHERE attrelid = to_regclass('vectors') AND attname = 'embedding' AND NOT attisdropped
)
"""


def prepare(db: Connection[Any], schema: str, identity: Identity) -> Identity:
    """Make the tables where they are missing, inside the caller's transaction; return what they are bound to.

    Raises SchemaMigrationError for a layout of a newer Mneme.
    """
    # Two processes that come at once: the second waits, and finds the tables.
    db.execute("SELECT pg_advisory_xact_lock(hashtext('mneme'), hashtext(%s))", (schema,))
    if db.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone() is None:
        db.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))  # which needs a right of its own
    found = db.execute(
        "SELECT count(*) FROM pg_tables WHERE schemaname = %s AND tablename = 'meta'", (schema,)
    ).fetchone()
    if found == (0,):
        for statement in CREATE.strip().split(";\n"):
            db.execute(sql.SQL(statement))
        values = {"version": str(VERSION), **_values(identity)}
        db.cursor().executemany("INSERT INTO meta VALUES (%s, %s)", list(values.items()))
    meta = dict(db.execute("SELECT name, value FROM meta").fetchall())
    version = int(meta.get("version", 0))
    while version in MIGRATIONS:
        db.execute(sql.SQL(MIGRATIONS[version]))
        version += 1
        db.execute("UPDATE meta SET value = %s WHERE name = 'version'", (str(version),))
    if version != VERSION:
        raise SchemaMigrationError(
            f"the schema {schema!r} has version {version}, this Mneme knows {VERSION}. It is left as it is; upgrade "
            "mneme-middleware, or choose another schema."
        )
    db.execute(IS_NOT_SEARCHABLE)
    return _identity(meta)


def bound(db: Connection[Any]) -> Identity | None:
    """Return what the tables are bound to; None where there are none."""
    if db.execute("SELECT to_regclass('meta')").fetchone() == (None,):
        return None
    return _identity(dict(db.execute("SELECT name, value FROM meta").fetchall()))


def _identity(meta: dict[str, str]) -> Identity:
    return Identity(meta["fingerprint"], int(meta["dim"]), meta["normalize"])


def _values(identity: Identity) -> dict[str, str]:
    return {"fingerprint": identity.fingerprint, "dim": str(identity.dim), "normalize": identity.normalize}
