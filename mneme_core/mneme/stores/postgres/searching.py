"""Searches on the server, for caches that hold no replica."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from psycopg import Connection, sql

from mneme.model import StoredEntry
from mneme.stores.postgres import log
from mneme.stores.postgres.bounded import patient
from mneme.stores.postgres.building import Builder, column
from mneme.stores.postgres.pool import Pool
from mneme.stores.postgres.vectors import MOST_FULL, packed

CONNECTIONS = 4
# Counting a million entries of a cold table takes longer than a lookup may.
COUNT_SECONDS = 120
# Numbers of the log between two looks whether the vectors have become enough for an index.
CONSIDER_EVERY = 1_000
# So many times k are sought, and the best k kept: of a partition of a tenth the search meets few, and its last ones are
# often not the nearest. Measured by benchmarks.server_search: recall at 8 rises from 0.978 to 0.988 there.
WIDER = 3
# By how much a distance as the server reckons it may differ from the exact one.
SLACK = 1e-4

# A plan made once for all partitions would scan the large ones, or search the index for the small ones, which is not
# exact. A search that goes on keeps what it meets late ("relaxed"), since the order is made afterwards. Compiling takes
# longer than the search.
SETTINGS = """
SET hnsw.ef_search = 200;
SET hnsw.iterative_scan = relaxed_order;
SET hnsw.scan_mem_multiplier = 8;
SET plan_cache_mode = force_custom_plan;
SET join_collapse_limit = 1;
SET jit = off
"""
FIND = "SELECT" + log.FIELDS.format(vector="NULL") + "FROM entries e LEFT JOIN usage u USING (seq) WHERE e.key = %s"
# Entries are joined by their own partition: no row of `vectors` can bring another tenant's.
NEAREST = f"""
SELECT held.rows, near.seq, {log.FIELDS}
FROM (SELECT count(*) AS rows FROM (SELECT FROM vectors WHERE partition = %(partition)s LIMIT %(k)s) AS counted) AS held
LEFT JOIN (
  SELECT * FROM (
    SELECT seq, embedding OPERATOR({{place}}.<=>) %(query)s::{{place}}.vector AS distance
    FROM vectors WHERE partition = %(partition)s ORDER BY {{order}} LIMIT %(wide)s
  ) AS candidates ORDER BY distance + 0 LIMIT %(k)s
) AS near ON true
LEFT JOIN entries e ON e.seq = near.seq AND e.partition = %(partition)s AND near.distance <= %(most)s
LEFT JOIN usage u ON u.seq = e.seq
"""  # noqa: S608  # of constants
APPROXIMATE = "{column} OPERATOR({place}.<=>) %(query)s::{place}.{kind}"
EXACT = "(embedding OPERATOR({place}.<=>) %(query)s::{place}.vector) + 0"  # an expression that no index is of
SIZES = "SELECT namespace, count(*) FROM entries GROUP BY namespace"


class Search:
    """Reads a schema that is searchable, through connections of its own.

    place: the schema that pgvector is in. Raises the client's errors.
    """

    def __init__(
        self, connect: Callable[[], Connection[Any]], schema: str, *, place: str, dim: int, timeout: float
    ) -> None:
        self._again = partial(Search, connect, schema, place=place, dim=dim, timeout=timeout)
        self.builder = Builder(connect, schema, place, dim)
        self._open = connect
        self._pool = Pool(self._connect, size=CONNECTIONS, timeout=timeout)
        self._nearest, self._exact = _queries(sql.Identifier(place), dim)
        self._considered = 0

    def find(self, key: str) -> StoredEntry | None:
        """Return the entry of a key."""
        with self._pool.connection() as db:
            found = db.cursor(binary=True).execute(FIND, (bytes.fromhex(key),)).fetchone()
        return None if found is None else log.entry_of(found)

    def nearest(self, partition: bytes, vector: bytes, k: int, floor: float) -> list[tuple[StoredEntry, float]]:
        """Return the most similar entries of a partition with their cosines, best first."""
        values = {
            "partition": partition,
            "query": packed(vector),
            "k": k,
            "wide": WIDER * k,
            "most": 1.0 - floor + SLACK,
        }
        with self._pool.connection() as db:
            rows = db.cursor(binary=True).execute(self._nearest, values).fetchall()
            if sum(row[1] is not None for row in rows) < rows[0][0]:
                # The index was left before enough of this partition were met.
                rows = db.cursor(binary=True).execute(self._exact, values).fetchall()
        query = np.frombuffer(vector, np.float32)
        found = []
        for row in rows:
            if row[2] is not None:
                cosine = float(np.frombuffer(row[7], np.float32) @ query)
                if cosine >= floor:
                    found.append((log.entry_of((*row[2:7], None, *row[8:])), cosine))
        found.sort(key=lambda pair: (-pair[1], pair[0].id))
        return found

    def sizes(self) -> Mapping[str, int]:
        """Count the entries of every namespace."""
        with self._pool.connection() as db, patient(db, 1.25 * COUNT_SECONDS), db.transaction():
            db.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(COUNT_SECONDS * 1_000))
            return {bytes(space).decode(): count for space, count in db.execute(SIZES).fetchall()}

    def grew(self, newest: int) -> None:
        """Note how far the log has come: the index is built once there are enough vectors."""
        if newest // CONSIDER_EVERY != self._considered:
            self._considered = newest // CONSIDER_EVERY
            self.builder.consider()

    def again(self) -> Search:
        """Return one like this, for the child of a fork: it has connections of its own."""
        return self._again()

    def close(self) -> None:
        """Disconnect; what the server builds it finishes."""
        self.builder.stop()
        self._pool.close()

    def _connect(self) -> Connection[Any]:
        db = self._open()
        db.execute(SETTINGS)
        return db


def _queries(place: sql.Identifier, dim: int) -> tuple[sql.Composed, sql.Composed]:
    """Return the search by the index, where there is one and the server thinks it worth it, and the exact one."""
    kind = sql.SQL("vector" if dim <= MOST_FULL else "halfvec")
    approximate = sql.SQL(APPROXIMATE).format(column=column(place, dim), place=place, kind=kind)
    nearest, vector = sql.SQL(NEAREST), sql.SQL("e.vector")
    return (
        nearest.format(place=place, order=approximate, vector=vector),
        nearest.format(place=place, order=sql.SQL(EXACT).format(place=place), vector=vector),
    )
