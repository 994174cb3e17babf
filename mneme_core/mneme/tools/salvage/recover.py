"""Making a new cache of all that can be read of a damaged one."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory

from mneme.embedders.base import AsyncEmbedder, Embedder
from mneme.errors import CorruptCacheError, InvalidArgumentError, StoreBackendError
from mneme.stores.base import Identity
from mneme.stores.sqlite import schema
from mneme.stores.sqlite.connection import PAGE_BYTES, STEPWISE, translated
from mneme.stores.sqlite.replacing import sync_directory
from mneme.stores.sqlite.transactions import alone
from mneme.tools.salvage import checking
from mneme.tools.salvage.layout import Layout, Table, layout_of
from mneme.tools.salvage.pages import Pages
from mneme.tools.salvage.trees import Row, Trees


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of a damaged file."""

    entries: int
    """In the new file."""
    lost_entries: int
    """Those that the file's index of keys still knew and nothing else."""
    is_lost_exact: bool
    """Whether that index was whole; else more may be lost."""
    refused_rows: int
    """Rows, of any table, that were there and cannot have been written so."""
    unreadable_bytes: int
    """In pages of tables and indexes that are damaged or missing."""
    missing_bytes: int
    """By how much the file is shorter than its header says."""
    identity: Identity


def salvage(
    source: str | PathLike[str], dest: str | PathLike[str], *, embedder: Embedder | AsyncEmbedder | None = None
) -> Recovered:
    """Write every row that can be read of the damaged cache `source`, and its log, into the new cache `dest`.

    The source is only read. The destination appears when it is whole. Close every cache over the source first.
    Answers that were deleted or replaced do not come back: a row counts that its table leads to, or that the index
    of keys knows where the way to it is lost.
    embedder: says what the vectors are of, for a file that no longer does.
    Raises FileNotFoundError for a missing source, InvalidArgumentError for a destination that exists,
    CorruptCacheError where nothing can be recovered, SchemaMigrationError for a newer Mneme's file.
    """
    source_path, dest_path = Path(source).resolve(), Path(dest).resolve()
    if not source_path.is_file():
        raise FileNotFoundError(f"there is no file at {source_path} to read from.")
    _check_free(dest_path)
    with (
        closing(Pages(source_path, PAGE_BYTES)) as pages,
        translated(dest_path, "writing"),
        TemporaryDirectory(prefix=f".{dest_path.name}.", dir=dest_path.parent) as beside,
    ):
        copy = Path(beside, "copy.db")
        layout = layout_of(pages)
        filling = _Filling(pages, layout)
        _make(copy, layout.version)
        with closing(sqlite3.connect(copy, isolation_level=None)) as db:
            db.execute("PRAGMA synchronous = OFF")
            with alone(db):
                db.execute("BEGIN IMMEDIATE")
                filling.fill(db)
        identity, refused, entries = checking.finish(copy, embedder)
        if not entries:
            raise CorruptCacheError(f"no entry of {source_path} can be read. Nothing was written.")
        _put_in_place(copy, dest_path)
    size = pages.size + pages.missing_bytes  # what overwrites a page may point anywhere
    return Recovered(
        entries=entries,
        lost_entries=max(0, filling.known - entries),
        is_lost_exact=filling.is_known_whole,
        refused_rows=filling.refused + refused,
        unreadable_bytes=pages.page_bytes * sum(number * pages.page_bytes <= size for number in filling.bad_pages),
        missing_bytes=pages.missing_bytes,
        identity=identity,
    )


class _Filling:
    """Copies tables row by row."""

    def __init__(self, pages: Pages, layout: Layout) -> None:
        self._layout = layout
        self._trees, self._keys = Trees(pages), Trees(pages)
        self._refused = 0
        self.known = 0
        """Entries that the index of keys has, or else that were copied."""

    def fill(self, db: sqlite3.Connection) -> None:
        """Copy what the tables lead to, then what only the index of keys knows."""
        for table in self._layout.tables:
            for row in self._trees.rows(table.root):
                self._refused += not _copy(db, table, row)
        db.execute("CREATE TEMP TABLE live (seq INTEGER PRIMARY KEY, key BLOB)")
        db.executemany("INSERT OR IGNORE INTO live VALUES (?, ?)", self._live())
        if self._trees.bad_pages:
            self._add_strays(db)
        db.execute("DELETE FROM entries WHERE key <> (SELECT key FROM live WHERE live.seq = entries.seq)")
        db.execute("DELETE FROM usage WHERE seq NOT IN (SELECT seq FROM entries)")
        (self.known,) = db.execute(
            "SELECT count(*) FROM (SELECT seq FROM live UNION SELECT seq FROM entries)"
        ).fetchone()

    def _live(self) -> Iterator[tuple[int, bytes]]:
        for _, values in self._keys.rows(self._layout.keys):
            if len(values) == 2 and isinstance(values[0], bytes) and isinstance(values[1], int):
                yield values[1], values[0]
            else:
                self._keys.bad_rows += 1

    def _add_strays(self, db: sqlite3.Connection) -> None:
        (table,) = (table for table in self._layout.tables if table.name == "entries")
        place = table.columns.index("key")
        for rowid, values in self._trees.strays():
            if len(values) == len(table.columns):
                known = db.execute("SELECT key FROM live WHERE seq = ?", (rowid,)).fetchone()
                if known is not None and known[0] == values[place]:
                    _copy(db, table, (rowid, values))

    @property
    def is_known_whole(self) -> bool:
        return not (self._keys.bad_pages or self._keys.bad_rows)

    @property
    def bad_pages(self) -> set[int]:
        return self._trees.bad_pages | self._keys.bad_pages

    @property
    def refused(self) -> int:
        return self._refused + self._trees.bad_rows


def _copy(db: sqlite3.Connection, table: Table, row: Row) -> bool:
    rowid, values = row
    if not 0 < len(values) <= len(table.columns):
        return False
    if table.rowid is not None:
        values[table.rowid] = rowid
    try:
        db.execute(table.insert(len(values)), values)
    except sqlite3.IntegrityError:
        return False
    return True


def _make(copy: Path, version: int) -> None:
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(copy)) as db:
        db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        db.execute(STEPWISE)
        for script in schema.MIGRATIONS[:version]:
            db.executescript(script)
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {version}")


def _check_free(dest: Path) -> None:
    if not dest.parent.is_dir():
        raise FileNotFoundError(f"the directory {dest.parent} does not exist. Create it first.")
    # SQLite would replay a log that it finds beside the new file.
    for file in (dest, Path(f"{dest}-wal")):
        if file.exists():
            raise InvalidArgumentError(f"{file} exists, and nothing is overwritten. Choose a new path.")


def _put_in_place(copy: Path, dest: Path) -> None:
    if Path(f"{copy}-wal").exists():
        raise StoreBackendError(f"SQLite did not fold the log of {copy} into it. Is the disk full? Try again.")
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    _check_free(dest)
    os.replace(copy, dest)  # noqa: PTH105  # says what it does
    sync_directory(dest.parent)
