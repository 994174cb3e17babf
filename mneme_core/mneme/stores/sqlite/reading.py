"""A cache file that is only read: nothing is written to it, nor made beside it where nobody has it open."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from mneme.errors import InvalidArgumentError, SchemaMigrationError, StoreBackendError
from mneme.stores.base import Change, Cursor, Usage
from mneme.stores.sqlite import schema
from mneme.stores.sqlite.store import SQLiteStore


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

    def snapshot(self) -> ReadOnlySQLiteStore:
        """Return a second store over the same file that is only read too."""
        second = ReadOnlySQLiteStore(self.path, timeout=self._timeout, cache_size_kb=self._cache_size_kb)
        second.identity()
        return second

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
