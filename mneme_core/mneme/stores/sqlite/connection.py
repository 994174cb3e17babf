"""Opening a SQLite file for a cache, and its errors in Mneme's words."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeAlias

from mneme.errors import CorruptCacheError, MnemeError, MultiProcessLockError, StoreBackendError
from mneme.stores.sqlite import schema

# A row of a vector of 384 numbers and a short answer leaves a third of a 4 KiB page empty: with 8 KiB the file is a
# third smaller, reading it whole a quarter faster, and a put no slower.
PAGE_BYTES = 8_192
# Pages of the log that are folded into the file at a time, 32 MiB: the pages every put writes are folded once.
CHECKPOINT_PAGES = 4_096
# Of a file that is about to be made or written anew: it gives free pages back in steps. For that it notes the parent
# of each page, which is a third of a page more to a put.
STEPWISE = "PRAGMA auto_vacuum = INCREMENTAL"
RETRY_SECONDS = 0.005
# What reads on an event loop: nobody locks readers out but for moments, when the first opens or the last closes.
READER_SECONDS = 0.05
READER_CACHE_KB = 2_000

Synchronous: TypeAlias = Literal["NORMAL", "FULL"]

# Closing any descriptor of a file drops the locks that SQLite holds on it in this process: a file is made, and
# that descriptor closed, before any thread can connect to it.
_making = threading.Lock()


def connect(
    path: Path, *, timeout: float, cache_size_kb: int, synchronous: Synchronous = "NORMAL"
) -> tuple[sqlite3.Connection, int]:
    """Return a connection in WAL mode and the schema version; a file that is missing is made with mode 0600.

    synchronous: with NORMAL what was committed survives the death of the process, and a power loss can only take the
    newest commits, never the file; with FULL each commit waits for the disk and survives that too. Another program's
    database is refused before anything is written to it.
    """
    if not path.parent.is_dir():
        raise StoreBackendError(f"the directory {path.parent} does not exist. Create it, or choose another path.")
    if path.is_dir():
        raise StoreBackendError(f"{path} is a directory. Give the path of a file.")
    with _making, suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    uri = f"{path.absolute().as_uri()}?mode=rw"
    db = sqlite3.connect(uri, uri=True, timeout=timeout, isolation_level=None, check_same_thread=False)
    try:
        # A schema that another program tampered with must not run code in this one.
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute(f"PRAGMA cache_size = {-int(cache_size_kb)}")
        db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        # Deleted texts are overwritten where that costs no further pages; builds differ in their default.
        db.execute("PRAGMA secure_delete = FAST")
        _enter_wal(db, path, time.monotonic() + timeout)
        db.execute(f"PRAGMA synchronous = {synchronous}")
        db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        return db, schema.migrate(db, str(path))
    except BaseException:
        db.close()
        raise


def place_of(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another of its name; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def connect_reader(path: Path) -> sqlite3.Connection:
    """Return a second connection to a file that is open already, to read single rows without waiting for anyone."""
    # Not read-only to SQLite itself, which may have to make the shared index anew, after a fork.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    db = sqlite3.connect(uri, uri=True, timeout=READER_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA query_only = ON")
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute(f"PRAGMA cache_size = {-READER_CACHE_KB}")
        return db
    except BaseException:
        db.close()
        raise


def _enter_wal(db: sqlite3.Connection, path: Path, deadline: float) -> None:
    """Switch to the write-ahead log, once the file is known to be ours or empty."""
    while True:
        try:
            if schema.check(db, str(path)) == 0:
                db.execute(STEPWISE)
            (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
            break
        except sqlite3.OperationalError as error:
            # SQLite does not wait for the timeout where two connections switch one new file.
            if not is_locked(error) or time.monotonic() >= deadline:
                raise
            time.sleep(RETRY_SECONDS)
    if mode != "wal":
        raise StoreBackendError(
            f"{path}: SQLite's write-ahead log does not work on this file system (a network drive?). "
            "Put the cache on a local disk."
        )


def is_locked(error: sqlite3.Error) -> bool:
    """Return whether SQLite failed because another connection holds a lock."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether SQLite, its Python module or Mneme found what was never written."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # text that is not UTF-8, or a row that is no entry
        return type(error) in (sqlite3.DatabaseError, sqlite3.OperationalError)
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class translated:  # noqa: N801  # used as `contextmanager` makes them, at a third of the cost for every put
    """Raise sqlite3's and the system's errors as Mneme's, with the cause chained."""

    __slots__ = ("_action", "_path")

    def __init__(self, path: Path, action: str) -> None:
        self._path, self._action = path, action

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, sqlite3.Error | OSError) and not isinstance(error, MnemeError):
            raise _translation(error, self._path, self._action) from error


def _translation(error: sqlite3.Error | OSError, path: Path, action: str) -> MnemeError:
    if isinstance(error, OSError):
        return StoreBackendError(f"{action} {path} failed: {error.strerror or error}.")
    if is_locked(error):
        return MultiProcessLockError(
            f"{action} {path}: another process held its lock for longer than the timeout. Try again, "
            "or give SQLiteStore a longer timeout."
        )
    if is_damage(error):
        return CorruptCacheError(
            f"{action} {path} failed: {error}. The file is damaged or is not a cache; it is left as it is. "
            "Recover what can be read with `mneme doctor PATH --salvage NEW_PATH`, restore a checkpoint with "
            "`SemanticCache.loads`, or move it away to start empty."
        )
    return StoreBackendError(f"{action} {path} failed: {error}.")
