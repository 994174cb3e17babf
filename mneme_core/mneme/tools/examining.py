"""Saying what a cache file is and what is wrong with it, without changing it."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import astuple, dataclass, field
from os import PathLike
from pathlib import Path

from mneme.engine.freshness import is_expired
from mneme.errors import MnemeError
from mneme.stores.base import Identity
from mneme.stores.sqlite import schema
from mneme.stores.sqlite.reading import connect_read_only
from mneme.tools.importing.detecting import formats_of
from mneme.tools.importing.source import tables_of
from mneme.tools.salvage import checking, layout
from mneme.tools.salvage.pages import MAGIC

# What `PRAGMA integrity_check` reports at most; one sentence is enough to know.
MOST_COMPLAINTS = 20
DATABASE_ERRORS = (sqlite3.Error, MnemeError, KeyError, TypeError, ValueError)


@dataclass(slots=True)
class Findings:
    """What is known of a file; None where it could not be read."""

    path: str
    size_bytes: int
    log_bytes: int
    """Of the log beside it, which belongs to it."""
    free_bytes: int | None = None
    """Inside the file, for entries to come; `compact` gives them back."""
    schema_version: int | None = None
    newest_schema: int = len(schema.MIGRATIONS)
    """The newest that this Mneme knows."""
    fingerprint: str | None = None
    dim: int | None = None
    normalize: str | None = None
    encrypted: bool | None = None
    entries: int | None = None
    searchable: int | None = None
    """Entries with a vector."""
    expired: int | None = None
    namespaces: dict[str, int] = field(default_factory=dict)
    """Namespace -> entries."""
    integrity: list[str] = field(default_factory=list)
    """What SQLite's own check complains of; empty where it is content, or could not begin."""
    problems: list[str] = field(default_factory=list)
    """What a cache would refuse to open, or should not trust."""
    warnings: list[str] = field(default_factory=list)
    """What is no fault of the file's content."""

    is_database: bool = True
    """Whether it begins as a SQLite file does."""
    is_foreign: bool = False
    """Whether it is another program's."""
    importable: str | None = None
    """Which other cache wrote it, where `mneme import` can read it."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong with the file."""
        return not (self.problems or self.integrity)


def examine(
    path: str | PathLike[str],
    *,
    alone: AbstractContextManager[None] | None = None,
    shared: AbstractContextManager[None] | None = None,
) -> Findings:
    """Return what a cache file is and what is wrong with it; every row and page is read, nothing is written.

    The file may be in use by other processes, not by this one, which would lose its locks.
    alone: entered for the moment in which they are lost; shared: for the rest, by a process that uses the file, too.
    Raises FileNotFoundError where there is no file.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"there is no file at {file}.")
    beside = Path(f"{file}-wal")
    found = Findings(str(file), file.stat().st_size, beside.stat().st_size if beside.exists() else 0)
    if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
        found.warnings.append("others than its owner may read or write it: chmod 600")
    with alone or nullcontext():
        _check_length(file, found)
    with shared or nullcontext(), _noting(found), closing(connect_read_only(file)) as db:
        _foreign(db, found)
        version = schema.check(db, str(file))
        if version == 0:
            found.warnings.append("it is empty: no cache has been opened over it")
            return found
        found.schema_version = version
        for part in (_free, _identity, _entries, _strangers, _integrity):
            with _noting(found):
                part(db, found)
    return found


@contextmanager
def _noting(found: Findings) -> Iterator[None]:
    """Note an error as a problem, once."""
    try:
        yield
    except DATABASE_ERRORS as error:
        if str(error) not in found.problems:
            found.problems.append(str(error))


def _check_length(file: Path, found: Findings) -> None:
    with file.open("rb") as opened:
        header = opened.read(100)
    found.is_database = not header or header.startswith(MAGIC)
    # SQLite says no more than that the file is malformed.
    said = int.from_bytes(header[16:18], "big") * int.from_bytes(header[28:32], "big")
    if header.startswith(MAGIC) and not found.log_bytes and said > found.size_bytes:
        found.problems.append(f"it is cut off: {found.size_bytes:,} of {said:,} bytes are there")


def _foreign(db: sqlite3.Connection, found: Findings) -> None:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    tables = {} if application == schema.APPLICATION_ID else tables_of(db)
    found.is_foreign = bool(tables)
    if found.is_foreign:
        found.importable = next(iter(formats_of(tables)), None)


def _free(db: sqlite3.Connection, found: Findings) -> None:
    (page_bytes,), (free,) = db.execute("PRAGMA page_size").fetchone(), db.execute("PRAGMA freelist_count").fetchone()
    found.free_bytes = page_bytes * free


def _identity(db: sqlite3.Connection, found: Findings) -> None:
    meta = dict(db.execute("SELECT name, value FROM meta"))
    if not meta:
        found.problems.append("it does not say which embedder filled it")
        return
    identity = Identity(str(meta["fingerprint"]), int(meta["dim"]), str(meta["normalize"]))
    found.fingerprint, found.dim, found.normalize = astuple(identity.unsealed())
    found.encrypted = identity.is_sealed
    wrong = {*checking.wrong_rows(db, 4 * identity.dim), *checking.wrong_vectors(db, identity)}
    if wrong:
        found.problems.append(f"{len(wrong):,} entries are not as Mneme writes them, the first is row {min(wrong)}")


def _entries(db: sqlite3.Connection, found: Findings) -> None:
    searchable = expired = 0
    spaces: Counter[str] = Counter()
    now = time.time()
    held = db.execute("SELECT namespace, length(vector), created_at, ttl FROM entries")
    for space, vector_bytes, created, ttl in held:
        spaces[space] += 1
        searchable += vector_bytes is not None
        expired += is_expired(created, ttl, now)
    found.namespaces, found.entries = dict(sorted(spaces.items())), spaces.total()
    found.searchable, found.expired = searchable, expired


def _strangers(db: sqlite3.Connection, found: Findings) -> None:
    ours = layout.made(found.schema_version or 0)
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_master ORDER BY name")]
    added, gone = [name for name in names if name not in ours], [name for name in ours if name not in names]
    if added:
        found.problems.append(f"it holds tables, views or triggers that Mneme did not make: {', '.join(added)}")
    if gone:
        found.problems.append(f"tables or indexes are missing: {', '.join(gone)}")


def _integrity(db: sqlite3.Connection, found: Findings) -> None:
    for (line,) in db.execute(f"PRAGMA integrity_check({MOST_COMPLAINTS})"):  # which may itself end in an error
        if line != "ok":
            found.integrity.append(line)
