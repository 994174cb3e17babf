"""The layout of a Mneme file, its versions, and how an older one becomes a newer one."""

from __future__ import annotations

import sqlite3

from mneme.errors import CorruptCacheError, SchemaMigrationError
from mneme.stores.sqlite.transactions import alone

# "Mnem" in the file's header tells a cache from any other SQLite database.
APPLICATION_ID = 0x4D6E656D

# A row's `seq` is its place in the change log: a replaced entry gets a new one, so that a reader finds all
# that changed since it last looked as one range of row ids. What is read often and changed often, the usage,
# lies apart from what is large and written once.
VERSION_1 = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE entries (
  seq INTEGER PRIMARY KEY,
  key BLOB NOT NULL UNIQUE,
  partition BLOB NOT NULL,
  namespace TEXT NOT NULL,
  query TEXT NOT NULL,
  response TEXT NOT NULL,
  metadata TEXT,
  created_at REAL NOT NULL,
  ttl REAL,
  compute_seconds REAL,
  last_accessed_at REAL NOT NULL,
  access_count INTEGER NOT NULL,
  vector BLOB
);
CREATE TABLE removals (seq INTEGER PRIMARY KEY, key BLOB, namespace TEXT);
CREATE TABLE usage (seq INTEGER PRIMARY KEY, last_accessed_at REAL NOT NULL, accesses INTEGER NOT NULL);
CREATE TABLE counters (
  namespace TEXT NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (namespace, name)
) WITHOUT ROWID;
CREATE TABLE leases (key TEXT PRIMARY KEY, owner TEXT NOT NULL, until REAL NOT NULL) WITHOUT ROWID;
"""

MIGRATIONS: tuple[str, ...] = (VERSION_1,)
"""The script at place n makes version n + 1 out of version n; a released one is never changed."""


def migrate(db: sqlite3.Connection, path: str) -> int:
    """Bring the file to the newest version in one transaction; return that version.

    Raises CorruptCacheError for another program's database, SchemaMigrationError for a newer version or when a
    step fails; the file is then as it was.
    """
    newest = len(MIGRATIONS)
    version = check(db, path)
    if version == newest:
        return version
    db.execute("BEGIN EXCLUSIVE")
    try:
        version = check(db, path)  # another process may have been first
        for script in MIGRATIONS[version:]:
            for statement in script.split(";"):
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {newest}")
        db.execute("COMMIT")
    except sqlite3.Error as error:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise SchemaMigrationError(
            f"{path} could not be upgraded from schema version {version} to {newest}: {error}. The file is unchanged."
        ) from error
    return newest


def check(db: sqlite3.Connection, path: str) -> int:
    """Return the file's version, 0 for an empty one; raise when it is not ours or newer than this program."""
    if db.in_transaction:
        return _checked(db, path)
    # All of one state: between two reads another process may make a cache of an empty file.
    with alone(db):
        db.execute("BEGIN DEFERRED")
        return _checked(db, path)


def _checked(db: sqlite3.Connection, path: str) -> int:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables:
            raise CorruptCacheError(
                f"{path} is a SQLite database of another program ({tables} tables and indexes, application id "
                f"{application:#x}). It is left as it is; choose another path for the cache."
            )
        return 0
    if not 0 < version <= len(MIGRATIONS):
        raise SchemaMigrationError(
            f"{path} has schema version {version}, this Mneme knows up to {len(MIGRATIONS)}. "
            "It is left as it is; upgrade mneme-middleware, or choose another path."
        )
    # A trigger would change what is put from now on.
    (foreign,) = db.execute("SELECT count(*) FROM sqlite_master WHERE type IN ('trigger', 'view')").fetchone()
    if foreign:
        raise CorruptCacheError(
            f"{path} holds {foreign} triggers or views, which Mneme never makes. It is left as it is; "
            "`mneme doctor PATH --salvage NEW_PATH` copies its entries without them."
        )
    return int(version)
