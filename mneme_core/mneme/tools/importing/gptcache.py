"""Reads the scalar store of GPTCache in SQLite; the schema is that of version 0.1.44."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from mneme.errors import InvalidArgumentError
from mneme.tools.importing.found import Found, Item, Skipped, Tables
from mneme.tools.importing.source import quoted
from mneme.tools.importing.values import is_text, seconds_of

NAME = "gptcache"
QUESTION = frozenset({"id", "question", "create_on", "last_access", "deleted"})
ANSWER = frozenset({"question_id", "answer", "answer_type"})
TEXT = 0  # of answer_type; the others are images

# SQLite makes an index of the answers for this query, in a temporary file where it is large.
SELECT = """
SELECT q.id, q.question, q.create_on, q.last_access, q.deleted, {depends}, {asked_in}, a.answer, a.answer_type
FROM {question} q LEFT JOIN {answer} a ON a.question_id = q.id ORDER BY q.id
"""


def fits(tables: Tables) -> bool:
    """Return whether a file with these tables is one."""
    return bool(_prefixes(tables))


def _prefixes(tables: Tables) -> list[str]:
    """Return what the tables' names begin with: `table_name` of the store, "gptcache" unless it was given."""
    names = [name.removesuffix("_question") for name in tables if name.endswith("_question")]
    return [
        name
        for name in names
        if tables[f"{name}_question"] >= QUESTION and tables.get(f"{name}_answer", frozenset()) >= ANSWER
    ]


class GPTCacheReader:
    """Yields questions that have one answer of text. Vectors are not reused: of which embedder is not recorded.

    What belongs to a session, or depends on data beside the question, was not for everyone who asks the question.
    """

    normalize = "default"
    has_namespaces = False

    def __init__(self, db: sqlite3.Connection, tables: Tables) -> None:
        prefixes = _prefixes(tables)
        if len(prefixes) != 1:
            raise InvalidArgumentError(
                f"the file holds several GPTCache stores ({', '.join(prefixes)}). Move each into a file of its own."
            )
        self._db, self._prefix, self._tables = db, prefixes[0], tables

    def count(self) -> int:
        """Return the number of questions."""
        (number,) = self._db.execute(f"SELECT count(*) FROM {self._named('question')}").fetchone()  # noqa: S608  # quoted
        return int(number)

    def items(self) -> Iterator[Item]:
        """Yield the questions in the order they were put."""
        statement = SELECT.format(
            question=self._named("question"),
            answer=self._named("answer"),
            depends=self._listed_in("question_dep"),
            asked_in=self._listed_in("session"),
        )
        for _, group in groupby(self._db.execute(statement), key=itemgetter(0)):
            yield self._item(list(group))

    def _named(self, table: str) -> str:
        return quoted(f"{self._prefix}_{table}")

    def _listed_in(self, table: str) -> str:
        if "question_id" not in self._tables.get(f"{self._prefix}_{table}", ()):
            return "0"
        return f"q.id IN (SELECT question_id FROM {self._named(table)})"  # noqa: S608  # quoted

    def _item(self, rows: list[tuple[Any, ...]]) -> Item:
        number, question, created, accessed, deleted, depends, asked_in, answer, kind = rows[0]
        place = f"{self._prefix}_question, row {number}"
        reason = (
            ("deleted" if deleted else "")
            or ("depends on other data" if depends else "")
            or ("belongs to a session" if asked_in else "")
            or ("more than one answer" if len(rows) > 1 else "")
            or ("no answer" if kind is None else "")
            or ("answer that is not text" if kind != TEXT else "")
        )
        if reason:
            return Skipped(reason, place)
        if not is_text(question, answer):
            return Skipped("column of the wrong type", place, "a text is none, or is not UTF-8")
        try:
            return Found(
                place=place,
                query=question,
                response=answer,
                created_at=seconds_of(created),
                last_accessed_at=seconds_of(accessed),
            )
        except ValueError:
            return Skipped("column of the wrong type", place, "a time cannot be read")
