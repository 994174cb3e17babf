"""Reads the SQLite caches of LangChain; the schema is that of langchain-community 0.4.2."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

from mneme.tools.importing.found import Found, Item, Skipped, Tables
from mneme.tools.importing.source import quoted
from mneme.tools.importing.values import is_text

NAME = "langchain"
COLUMNS = frozenset({"prompt", "llm", "idx", "response"})
# Of SQLiteCache, and of SQLAlchemyMd5Cache; whichever is used makes both.
TABLES = ("full_llm_cache", "full_md5_llm_cache")

SELECT = "SELECT prompt, llm, {number}, response FROM {table} ORDER BY prompt, llm, idx, 3"
# A row of a table WITHOUT ROWID is named by its place.
PLACE = "row_number() OVER (ORDER BY prompt, llm, idx)"
COUNT = "SELECT count(*) FROM (SELECT 1 FROM {table} GROUP BY prompt, llm)"


def fits(tables: Tables) -> bool:
    """Return whether a file with these tables is one."""
    return bool(_present(tables))


def _present(tables: Tables) -> list[str]:
    return [name for name in TABLES if tables.get(name, frozenset()) >= COLUMNS]


class LangChainReader:
    """Yields what `mneme_langchain.MnemeCache` finds; the source has no times.

    Raises ImportError where langchain-core is not installed.
    """

    normalize = "default"
    has_namespaces = False

    def __init__(self, db: sqlite3.Connection, tables: Tables) -> None:
        self._db, self._tables = db, _present(tables)
        try:
            from mneme_langchain.importing import NotImportedError, entry_of_texts
        except ImportError as error:
            raise ImportError(
                f'a LangChain cache is read with langchain-core: pip install "mneme-middleware[langchain]" ({error})'
            ) from error
        self._entry_of, self._refusal = entry_of_texts, NotImportedError

    def count(self) -> int:
        """Return the number of requests."""
        return sum(self._db.execute(COUNT.format(table=quoted(name))).fetchone()[0] for name in self._tables)

    def items(self) -> Iterator[Item]:
        """Yield the requests, by prompt."""
        for table in self._tables:
            found = self._db.execute(SELECT.format(table=quoted(table), number=self._number(table)))
            yield from map(partial(self._item, table), groupby(found, key=itemgetter(0, 1)))

    def _number(self, table: str) -> str:
        """Return what numbers the table's rows."""
        try:
            self._db.execute(f"SELECT rowid FROM {quoted(table)} LIMIT 0")  # noqa: S608  # quoted
        except sqlite3.OperationalError:
            return PLACE
        return "rowid"

    def _item(self, table: str, group: tuple[tuple[Any, Any], Iterator[tuple[Any, ...]]]) -> Item:
        (prompt, llm), rows = group
        (*_, number, first), *others = list(rows)
        place = f"{table}, row {number}"
        answers = [first, *(answer for *_, answer in others)]
        if not is_text(prompt, llm, *answers):
            return Skipped("column of the wrong type", place, "a text is none, or is not UTF-8")
        try:
            entry = self._entry_of(prompt, llm, answers)
        except self._refusal as refused:
            return Skipped(refused.reason, place, refused.detail)
        return Found(place=place, query=entry.query, response=entry.response, vary=entry.vary, mode=entry.mode)
