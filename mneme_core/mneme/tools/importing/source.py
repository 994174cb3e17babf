"""Opens another program's SQLite file to read it and nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from os import PathLike
from pathlib import Path

from mneme.errors import InvalidArgumentError, StoreBackendError
from mneme.stores.sqlite.schema import APPLICATION_ID
from mneme.tools.importing.found import Tables

MAGIC = b"SQLite format 3\0"
# The places in a file's header that say whether it is read and written through a log.
HEADER_BYTES, WRITE_VERSION, READ_VERSION, LOGGED = 100, 18, 19, 2


@contextmanager
def opened(path: str | PathLike[str]) -> Iterator[sqlite3.Connection]:
    """Give a connection that cannot write. Text that is not UTF-8 is read as bytes.

    Raises FileNotFoundError for a missing file, InvalidArgumentError for one that is no SQLite database,
    StoreBackendError when it cannot be read, or was changed meanwhile by a program that was not there before.
    """
    file = Path(path).resolve()
    if not file.is_file():
        raise FileNotFoundError(f"there is no file at {file} to read from.")
    before = _state(file)
    uri, is_alone = _uri(file)
    try:
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as db:
            db.text_factory = _text
            # A schema that another program tampered with must not run code in this one.
            db.execute("PRAGMA trusted_schema = OFF")
            db.execute("PRAGMA query_only = ON")
            yield db
    except sqlite3.Error as error:
        raise StoreBackendError(
            f"{file} cannot be read: {error}. It may be damaged, or in use by a program that died. "
            "Open and close it once with the program it belongs to, then import again."
        ) from error
    if is_alone and _state(file) != before:
        raise StoreBackendError(
            f"{file} was changed while it was read. Close the program that uses it, then import again."
        )


def _uri(file: Path) -> tuple[str, bool]:
    """Return the file's address for SQLite, and whether SQLite is told that nobody changes it.

    SQLite makes a log and its index beside a file that has been written through a log, even to read it. Where there
    is none nobody has the file open, and it is read without.
    """
    address = f"{file.as_uri()}?mode=ro"
    # Closing any descriptor of a file drops what this process has locked of it: a file in use is left to SQLite.
    if any(_beside(file, suffix).exists() for suffix in ("-wal", "-shm")):
        return address, False
    with file.open("rb") as opened_file:
        header = opened_file.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES or not header.startswith(MAGIC):
        raise InvalidArgumentError(f"{file} is not a SQLite database. Give the file that the other cache writes.")
    is_alone = LOGGED in (header[WRITE_VERSION], header[READ_VERSION])
    return (f"{address}&immutable=1" if is_alone else address), is_alone


def _state(file: Path) -> tuple[int, int, bool]:
    found = file.stat()
    return found.st_mtime_ns, found.st_size, _beside(file, "-wal").exists()


def _beside(file: Path, suffix: str) -> Path:
    return file.with_name(file.name + suffix)


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def tables_of(db: sqlite3.Connection) -> Tables:
    """Return the file's tables with their columns; views are none.

    Raises InvalidArgumentError for a cache that is Mneme's own.
    """
    (application,) = db.execute("PRAGMA application_id").fetchone()
    if application == APPLICATION_ID:
        raise InvalidArgumentError(
            "this file is a Mneme cache already: open it, or copy it for another embedder with `reembed`."
        )
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        name: frozenset(column for (column,) in db.execute("SELECT name FROM pragma_table_info(?)", (name,)))
        for name in names
        if isinstance(name, str)
    }


def quoted(name: str) -> str:
    """Return a table's name as SQL spells it."""
    return '"' + name.replace('"', '""') + '"'
