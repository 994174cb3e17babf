"""What the tables of a damaged file are, and where they begin."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from mneme.errors import CorruptCacheError, SchemaMigrationError
from mneme.stores.sqlite import schema
from mneme.stores.sqlite.connection import PAGE_BYTES, STEPWISE
from mneme.tools.salvage.pages import MAGIC, Pages
from mneme.tools.salvage.trees import INTERIOR_TABLE, LEAF_TABLE, Trees

KEYS: Final = "sqlite_autoindex_entries_1"
"""The index that knows the key and the row id of every entry."""


@dataclass(frozen=True, slots=True)
class Table:
    """How rows of a table lie in the file."""

    name: str
    root: int
    columns: tuple[str, ...]
    """In the order of the record."""
    rowid: int | None
    """The place of the column that is the row id, which the record itself leaves out."""

    def insert(self, number: int) -> str:
        """Return the statement for a row of the first columns, in place of one that has its key."""
        columns = ", ".join(self.columns[:number])
        places = ", ".join("?" * number)
        return f"INSERT OR REPLACE INTO {self.name} ({columns}) VALUES ({places})"  # noqa: S608  # names of our schema


@dataclass(frozen=True, slots=True)
class Layout:
    """The version of a file and its tables."""

    version: int
    tables: tuple[Table, ...]
    keys: int
    """The page at which the index of keys begins."""


def layout_of(pages: Pages) -> Layout:
    """Return the layout of a file; where its own schema is lost, that of a file which this Mneme makes.

    Raises CorruptCacheError for another program's database, SchemaMigrationError for a newer Mneme's.
    """
    trees = Trees(pages)
    found = {name: (root, sql) for name, root, sql in _schema(trees)}
    is_whole = not (trees.bad_pages or trees.bad_rows) and KEYS in found
    version = _version(pages.header, {name: sql for name, (_, sql) in found.items()})
    with closing(sqlite3.connect(":memory:")) as db:
        _make(db, version, stepwise=_is_stepwise(pages))
        usual: dict[str, int] = dict(db.execute("SELECT name, rootpage FROM sqlite_master"))
        roots = {} if is_whole else usual
        roots = roots | {name: root for name, (root, _) in found.items() if isinstance(root, int)}
        tables = tuple(_table(db, name, roots[name]) for name in _names(db) if name in roots)
    return Layout(version, tables, roots[KEYS])


def _schema(trees: Trees) -> Iterator[tuple[str, Any, Any]]:
    for _, values in trees.rows(1):
        if len(values) == 5 and isinstance(values[1], str):
            yield values[1], values[3], values[4]


def _version(header: bytes, found: Mapping[str, object]) -> int:
    newest = len(schema.MIGRATIONS)
    if header.startswith(MAGIC):
        said, application = (int.from_bytes(header[at : at + 4], "big") for at in (60, 68))
        if application != schema.APPLICATION_ID and "entries" not in found:
            raise CorruptCacheError(f"this is a SQLite database of another program (application id {application:#x}).")
        if application == schema.APPLICATION_ID and said > newest:
            raise SchemaMigrationError(
                f"the file has schema version {said}, this Mneme knows up to {newest}. Upgrade mneme-middleware."
            )
        if application == schema.APPLICATION_ID and said:
            return said
    return next((version for version in range(newest, 0, -1) if made(version) == found), newest)


def made(version: int) -> dict[str, str | None]:
    """Return name -> SQL of everything in a file of this version."""
    with closing(sqlite3.connect(":memory:")) as db:
        _make(db, version, stepwise=True)
        return dict(db.execute("SELECT name, sql FROM sqlite_master"))


def _is_stepwise(pages: Pages) -> bool:
    """Return whether the file gives pages back in steps, as far as can be seen: then its second page is a map.

    Of another the entries begin at the third page, where this one has `meta`, which is an index.
    """
    return (pages.page(3) or b"\x00")[0] not in (INTERIOR_TABLE, LEAF_TABLE)


def _make(db: sqlite3.Connection, version: int, *, stepwise: bool) -> None:
    db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    if stepwise:
        db.execute(STEPWISE)
    for script in schema.MIGRATIONS[:version]:
        db.executescript(script)


def _names(db: sqlite3.Connection) -> list[str]:
    return [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rootpage")]


def _table(db: sqlite3.Connection, name: str, root: int) -> Table:
    (sql,) = db.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    columns = db.execute(f"PRAGMA table_info({name})").fetchall()
    numbered = [place for place, column in enumerate(columns) if column[5] and column[2] == "INTEGER"]
    if "WITHOUT ROWID" in sql.upper():  # then the primary key comes first
        columns.sort(key=lambda column: (column[5] == 0, column[5]))
        numbered = []
    return Table(name, root, tuple(column[1] for column in columns), numbered[0] if numbered else None)
