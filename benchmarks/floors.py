"""The least that the work could cost, written out by hand: no checks, no events, no statistics, no time to live."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
import unicodedata
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any

import numpy as np


def exact_layer() -> tuple[Callable[[str], str | None], Callable[[str, str], None]]:
    """Return a lookup that normalises, hashes, takes a lock, probes a dict and reads the clock; and what fills it."""
    partition = blake2b(b"default", digest_size=16).digest()
    lock, clock = threading.Lock(), time.time
    table: dict[bytes, tuple[str, float]] = {}

    def key(query: str) -> bytes:
        if query.isascii():
            text = " ".join(query.split()).lower()
        else:
            text = " ".join(unicodedata.normalize("NFC", query).split()).casefold()
        return blake2b(partition + text.encode(), digest_size=16).digest()

    def lookup(query: str) -> str | None:
        found = key(query)
        with lock:
            entry = table.get(found)
            now = clock()
        return entry[0] if entry is not None and entry[1] <= now else None

    def keep(query: str, response: str) -> None:
        with lock:
            table[key(query)] = (response, clock())

    return lookup, keep


def exact_lookup(pairs: Iterable[tuple[str, str]]) -> Callable[[str], str | None]:
    """Return the lookup, filled."""
    lookup, keep = exact_layer()
    for query, response in pairs:
        keep(query, response)
    return lookup


async def gather_nothing(count: int) -> None:
    """Wait for `count` coroutines that do nothing: what asyncio asks for each task."""

    async def nothing() -> None:
        return None

    await asyncio.gather(*(nothing() for _ in range(count)))


# What the exact index keeps of every row beside the vector, and what it reads of it in every search: float32.
PREFIX_BYTES, FIRST_PREFIX_BYTES = 64 * 4, 32 * 4


def reader(rows: int, row_bytes: int) -> Callable[[Any], Any]:
    """Return what reads so many bytes of each row once, in the way that NumPy does fastest: for their maximum."""
    data = np.ones(rows * row_bytes // 8, np.uint64)
    return lambda _: data.max()


def sqlite_put(path: str) -> Callable[[tuple[str, str, bytes]], None]:
    """Return a put that inserts one row and commits, as durably as the cache does: WAL, synchronous=NORMAL."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute(
        "CREATE TABLE IF NOT EXISTS entries (id INTEGER PRIMARY KEY, key BLOB UNIQUE, query, response, vector BLOB)"
    )

    def put(row: tuple[str, str, bytes]) -> None:
        query, response, vector = row
        key = blake2b(query.encode(), digest_size=16).digest()
        db.execute("INSERT INTO entries VALUES (NULL, ?, ?, ?, ?)", (key, query, response, vector))

    return put
