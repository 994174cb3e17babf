"""A cache file that is only read: nothing is written to it, nor made beside it where nobody has it open."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias

from mneme.errors import InvalidArgumentError, SchemaMigrationError, StoreBackendError
from mneme.stores.base import Change, Cursor, EntryRow, Usage
from mneme.stores.sqlite import log, rows, schema
from mneme.stores.sqlite.store import SQLiteStore
from mneme.stores.sqlite.transactions import alone

Sort: TypeAlias = Literal["newest", "oldest", "used", "hits", "largest"]
Test: TypeAlias = Callable[[str, str, str | None, float, float | None], bool]
"""Says of query, response, metadata as JSON, created_at and ttl whether an entry is wanted."""

_ORDERS: Final[Mapping[Sort, str]] = {
    "newest": "e.created_at DESC",
    "oldest": "e.created_at",
    "used": "max(e.last_accessed_at, coalesce(u.last_accessed_at, e.last_accessed_at)) DESC",
    "hits": "e.access_count + coalesce(u.accesses, 0) DESC",
    "largest": "length(e.query) + length(e.response) DESC",
}
# A key is shorter.
_KEY_DIGITS: Final = 64


def check_writable(path: Path) -> None:
    """Raise StoreBackendError where a file, or what SQLite makes beside it, may not be written."""
    for what, place in (("the file", path), ("the directory", path.absolute().parent)):
        if not os.access(place, os.W_OK):
            raise StoreBackendError(
                f"{path} cannot be written: {what} {place} is read-only for this user. SQLite writes to the file and "
                "makes others beside it; use a copy elsewhere, or change the permissions."
            )


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Return a connection that cannot write; without a lock where nobody has the file open."""
    in_use = any(Path(f"{path}{suffix}").exists() for suffix in ("-wal", "-shm"))
    uri = f"{path.absolute().as_uri()}?mode=ro" + ("" if in_use else "&immutable=1")
    db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA query_only = ON")
    return db


class ReadOnlySQLiteStore(SQLiteStore):
    """Reads a cache file, which other processes may be using. What a cache over it counts is dropped.

    Close it soon: of a file that nobody had open it does not see what is written later.
    """

    read_only = True

    def write(
        self,
        changes: Sequence[Change],
        cursor: Cursor,
        usage: Usage | None = None,  # noqa: ARG002
    ) -> tuple[Sequence[Change], Sequence[int], Cursor]:
        """Write nothing; raises StoreBackendError where there is something to write."""
        if changes:
            raise StoreBackendError(f"{self.path} was opened to be read only.")
        return (), (), cursor

    def sizes(self) -> Mapping[str, int]:
        """Count the entries of each namespace. Reads every row's head."""
        with self._using("reading") as db:
            return dict(db.execute("SELECT namespace, count(*) FROM entries GROUP BY namespace").fetchall())

    def ranked(
        self, sort: Sort, *, namespace: str | None, is_wanted: Test | None, limit: int | None, skip: int
    ) -> tuple[list[EntryRow], int]:
        """Return entries in that order, at most `limit` after the first `skip`, and how many are wanted in all."""
        where = "(?1 IS NULL OR e.namespace = ?1)"
        with self._using("reading") as db, alone(db):
            db.execute("BEGIN DEFERRED")
            if is_wanted is not None:
                db.create_function("is_wanted", 5, is_wanted)
                where += " AND is_wanted(e.query, e.response, e.metadata, e.created_at, e.ttl)"
            found = db.execute(
                f"SELECT e.seq FROM entries e LEFT JOIN usage u USING (seq) WHERE {where} "  # noqa: S608  # ours
                f"ORDER BY {_ORDERS[sort]}, e.seq",
                (namespace,),
            )
            ids = [number for (number,) in found]
            shown = ids[skip:] if limit is None else ids[skip : skip + limit]
            by_id = {row[0]: row for row in self._these(db, shown)}
            return [by_id[number] for number in shown], len(ids)

    def beginning(self, digits: str) -> list[EntryRow]:
        """Return the entries whose key, in hexadecimal, begins with `digits`."""
        try:
            least = bytes.fromhex(digits + "0" * (len(digits) % 2))
            most = bytes.fromhex(digits.ljust(_KEY_DIGITS, "f"))
        except ValueError:
            return []
        with self._using("reading") as db, alone(db):
            db.execute("BEGIN DEFERRED")
            found = db.execute("SELECT seq FROM entries WHERE key BETWEEN ? AND ?", (least, most))
            return self._these(db, [number for (number,) in found])

    def _these(self, db: sqlite3.Connection, ids: Sequence[int]) -> list[EntryRow]:
        identity = self.identity()
        batches = log.everything(db, rows.SELECT_THESE, 4 * identity.dim if identity else 0, (json.dumps(ids),))
        return [row for batch in batches for row in batch]

    def snapshot(self) -> ReadOnlySQLiteStore:
        """Return a second store over the same file that is only read too."""
        return self._second(ReadOnlySQLiteStore(self.path, timeout=self._timeout, cache_size_kb=self._cache_size_kb))

    def _connect(self) -> tuple[sqlite3.Connection, int]:
        db = connect_read_only(self.path)
        try:
            version = schema.check(db, str(self.path))
            if version == 0:
                raise InvalidArgumentError(f"{self.path} has never held a cache.")
            if version < len(schema.MIGRATIONS):
                raise SchemaMigrationError(
                    f"{self.path} has schema version {version}, and {len(schema.MIGRATIONS)} is needed to read it. "
                    "Open it once with a cache, which upgrades it."
                )
            return db, version
        except BaseException:
            db.close()
            raise
