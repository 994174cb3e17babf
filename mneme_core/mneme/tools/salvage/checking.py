"""Keeping of recovered rows those that a cache can have written, as opening one would find."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mneme.embedders.base import AsyncEmbedder, Embedder
from mneme.engine.canonical import canonical_text
from mneme.engine.keys import key_of
from mneme.engine.turns import TURNS
from mneme.errors import CorruptCacheError
from mneme.stores.base import Identity
from mneme.stores.memory import check_identity
from mneme.stores.sqlite import rows
from mneme.stores.sqlite.connection import connect
from mneme.stores.sqlite.log import BATCH
from mneme.stores.sqlite.transactions import alone

# How far the length of a vector may be from 1: float32 rounds by a ten-thousandth of this.
LENGTH_TOLERANCE = 1e-3
# Entries whose keys are looked at to learn how canonical queries were made.
LOOKED_AT = 100
VECTORS = "SELECT seq, vector FROM entries WHERE length(vector) = ? AND typeof(vector) = 'blob'"
COMMONEST_LENGTH = """
SELECT length(vector) FROM entries WHERE typeof(vector) = 'blob' GROUP BY 1 ORDER BY count(*) DESC LIMIT 1
"""


def finish(copy: Path, embedder: Embedder | AsyncEmbedder | None) -> tuple[Identity, int, int]:
    """Upgrade a filled file and drop what is no entry; return its identity, the rows dropped and the entries left.

    Raises CorruptCacheError where the file does not say of which embedder it is and nobody else does.
    """
    db, _ = connect(copy, timeout=5.0, cache_size_kb=10_000)
    with closing(db), alone(db):
        db.execute("BEGIN IMMEDIATE")
        identity = _identity(db, embedder)
        wrong = [*wrong_rows(db, 4 * identity.dim), *wrong_vectors(db, identity)]
        for table in ("usage", "entries"):
            db.executemany(f"DELETE FROM {table} WHERE seq = ?", ((number,) for number in wrong))  # noqa: S608
        (entries,) = db.execute("SELECT count(*) FROM entries").fetchone()
        return identity, len(set(wrong)), entries


def _identity(db: sqlite3.Connection, embedder: Embedder | AsyncEmbedder | None) -> Identity:
    meta = dict(db.execute("SELECT name, value FROM meta"))
    said = meta.get("fingerprint"), meta.get("dim"), meta.get("normalize")
    if isinstance(said[0], str) and isinstance(said[1], int) and said[1] > 0 and said[2] in _WORDS:
        found = Identity(said[0], said[1], said[2])
        if embedder is not None:
            named = Identity(embedder.fingerprint, embedder.dim, found.normalize)
            check_identity(found, named.sealed() if found.is_sealed else named, "the damaged file")
        return found
    if embedder is None:
        raise CorruptCacheError(
            "the part that says which embedder filled the file is lost. Name the embedder: --embedder MODULE:ATTRIBUTE."
        )
    found = Identity(embedder.fingerprint, embedder.dim, _normalize(db))
    (held,) = db.execute(COMMONEST_LENGTH).fetchone() or (4 * found.dim,)
    if held == 4 * found.sealed().dim:
        found = found.sealed()
    check_identity(Identity(found.fingerprint, held // 4, found.normalize), found, "the damaged file")
    values = (("fingerprint", found.fingerprint), ("dim", found.dim), ("normalize", found.normalize))
    db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values)
    return found


_WORDS = ("default", "none", "custom")


def _normalize(db: sqlite3.Connection) -> str:
    """Return how canonical queries were made: as the keys of some entries show."""
    found = db.execute("SELECT key, partition, query, metadata FROM entries ORDER BY seq DESC LIMIT ?", (LOOKED_AT,))
    asked = [row[:3] for row in found if TURNS not in (row[3] or "")]
    agree = {
        "default": sum(key == key_of(partition, canonical_text(query)) for key, partition, query in asked),
        "none": sum(key == key_of(partition, query) for key, partition, query in asked),
    }
    best = max(agree, key=lambda word: agree[word])
    return best if 2 * agree[best] > len(asked) else "custom"


def wrong_rows(db: sqlite3.Connection, vector_bytes: int) -> Iterator[int]:
    """Yield the ids of rows that opening would refuse."""
    found = db.execute(rows.SELECT_ALL)
    while batch := found.fetchmany(BATCH):
        if not _fits(batch, vector_bytes):
            yield from (row[0] for row in batch if not _fits([row], vector_bytes))


def _fits(batch: Sequence[Any], vector_bytes: int) -> bool:
    try:
        rows.check(batch, vector_bytes)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def wrong_vectors(db: sqlite3.Connection, identity: Identity) -> Iterator[int]:
    """Yield the ids of rows whose vector has no unit length: a part of the row was overwritten.

    Encrypted ones are left: whoever has the key sees whether they open.
    """
    dim = identity.dim
    found = db.execute(VECTORS, (-1 if identity.is_sealed else 4 * dim,))
    while batch := list(islice(found, BATCH)):
        vectors = np.frombuffer(b"".join(vector for _, vector in batch), np.float32).reshape(-1, dim)
        with np.errstate(over="ignore", invalid="ignore"):
            lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
            right = np.abs(lengths - 1) < LENGTH_TOLERANCE
        yield from (number for (number, _), fits in zip(batch, right, strict=True) if not fits)
