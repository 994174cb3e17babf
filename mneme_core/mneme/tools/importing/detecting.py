"""Which cache wrote a file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import NamedTuple

from mneme.embedders.base import Embedder
from mneme.errors import InvalidArgumentError
from mneme.tools.importing import gptcache, langchain, mneme_cache
from mneme.tools.importing.found import Reader, Tables
from mneme.tools.importing.source import tables_of


class Format(NamedTuple):
    """How one kind of file is told and read."""

    fits: Callable[[Tables], bool]
    reader: Callable[[sqlite3.Connection, Tables, Embedder], Reader]


def _mneme_cache(db: sqlite3.Connection, _: Tables, embedder: Embedder) -> Reader:
    return mneme_cache.MnemeCacheReader(db, embedder.fingerprint, embedder.dim)


FORMATS = {
    mneme_cache.NAME: Format(mneme_cache.fits, _mneme_cache),
    gptcache.NAME: Format(gptcache.fits, lambda db, tables, _: gptcache.GPTCacheReader(db, tables)),
    langchain.NAME: Format(langchain.fits, lambda db, tables, _: langchain.LangChainReader(db, tables)),
}
# Names shown of a file that is none of these.
SHOWN = 8


def formats_of(tables: Tables) -> list[str]:
    """Return the names of the formats that a file's tables fit."""
    return [name for name in FORMATS if FORMATS[name].fits(tables)]


def reader_of(db: sqlite3.Connection, format: str | None, embedder: Embedder) -> tuple[str, Reader]:
    """Return the name of the file's format and its reader. format: None to look which it is.

    Raises InvalidArgumentError for a format that is not known, a file that is not of it, of none, or of several.
    """
    if format is not None and format not in FORMATS:
        raise InvalidArgumentError(f"format is {format!r}; it is one of {', '.join(FORMATS)}.")
    tables = tables_of(db)
    fitting = formats_of(tables)
    if format is not None:
        fitting = [name for name in fitting if name == format]
    if len(fitting) > 1:
        raise InvalidArgumentError(f"the file is of several formats, {' and '.join(fitting)}; name the one to read.")
    if not fitting:
        has = ", ".join(sorted(tables)[:SHOWN]) + (" …" if len(tables) > SHOWN else "") if tables else "none"
        raise InvalidArgumentError(
            f"the file is not of the format {format or ', '.join(FORMATS)}: its tables ({has}) are others, "
            "or lack columns. Was it written by another version?"
        )
    return fitting[0], FORMATS[fitting[0]].reader(db, tables, embedder)
