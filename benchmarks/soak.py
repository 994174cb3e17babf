"""Several processes over one store, doing everything at once: no wrong answer, one state in the end, memory flat.

    python -m benchmarks.soak --store sqlite|postgres|redis [--minutes 15] [--processes 4]

Each process gets, puts, deletes, clears and vacuums at random over the same 400 questions in two namespaces. An exact
hit must be an answer to that very question; when all have stopped, all must hold the same entries. Fails where not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks.truth import resident_bytes
from mneme import SemanticCache, SQLiteStore, Threshold
from mneme.stores.base import Store
from mneme.testing import WordEmbedder, servers

WARM_UP, SETTLE = 0.2, 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", choices=["sqlite", "postgres", "redis"], required=True)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--worker", nargs=2, metavar=("WHERE", "SEED"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(work(options.store, options.worker[0], int(options.worker[1]), options.minutes * 60)))
        return
    if options.store == "sqlite":
        folder = tempfile.mkdtemp(prefix="mneme-soak-")
        soak(options, f"{folder}/cache.db")
        shutil.rmtree(folder, ignore_errors=True)
    elif options.store == "redis":
        with servers.valkey() as server:
            soak(options, server.url)
    else:
        with servers.postgres() as server:
            soak(options, server.get_uri())


def soak(options: argparse.Namespace, where: str) -> None:
    command = [sys.executable, "-m", "benchmarks.soak", "--store", options.store, "--minutes", str(options.minutes)]
    running = [
        subprocess.Popen([*command, "--worker", where, str(seed)], stdout=subprocess.PIPE, text=True)
        for seed in range(options.processes)
    ]
    found = [json.loads(process.communicate()[0]) for process in running]
    for one in found:
        grown = (one["rss_end"] / one["rss_warm"] - 1) * 100 if one["rss_warm"] else float("nan")
        print(
            f"{options.store}: {one['calls']:,} calls, {one['hits']:,} exact hits, {one['wrong']} wrong, "
            f"{one['errors']} errors; {one['entries']} entries in the end; memory {one['rss_end'] / 1e6:.0f} MB, "
            f"{grown:+.1f} % since a fifth of the time"
        )
    if any(one["wrong"] for one in found) or len({one["state"] for one in found}) != 1:
        raise SystemExit("wrong answers, or the processes do not hold the same entries")


class Forgetful(WordEmbedder):
    """Does not keep what it was asked, which would be counted as memory of the cache."""

    def embed(self, text: str) -> Any:
        self.calls.clear()
        return super().embed(text)


def work(kind: str, where: str, seed: int, seconds: float) -> dict[str, Any]:
    chance = random.Random(seed)
    cache = SemanticCache(store=store(kind, where), embedder=Forgetful(64), policy=Threshold(0.7), max_entries=300)
    counts = dict.fromkeys(("calls", "hits", "wrong", "errors"), 0)
    start = time.monotonic()
    warm = 0
    while (spent := time.monotonic() - start) < seconds:
        if not warm and spent > WARM_UP * seconds:
            warm = resident_bytes() or 0
        counts["calls"] += 1
        try:
            step(cache, chance, counts)
        except Exception as error:  # counted, and the last one shown
            counts["errors"] += 1
            print(type(error).__name__, error, file=sys.stderr)
    time.sleep(SETTLE)
    cache.get("settle")  # catches up
    spaces = {space: sorted(cache.list_queries(namespace=space)) for space in ("a", "b")}
    answers = [(space, query, answer(cache, query, space)) for space, queries in spaces.items() for query in queries]
    state = hashlib.sha256(json.dumps(answers).encode()).hexdigest()
    result = {**counts, "entries": len(answers), "state": state, "rss_warm": warm, "rss_end": resident_bytes() or 0}
    cache.close()
    return result


def step(cache: SemanticCache, chance: random.Random, counts: dict[str, int]) -> None:
    number, space, what = chance.randrange(400), chance.choice("ab"), chance.random()
    query = f"question {number} of the soak"
    if what < 0.6:
        hit = cache.get(query, namespace=space)
        if hit is not None and hit.layer == "exact":
            counts["hits"] += 1
            counts["wrong"] += not hit.response.startswith(f"{space} {number} ")
    elif what < 0.94:
        cache.put(query, f"{space} {number} {chance.random()}", namespace=space)
    elif what < 0.99:
        cache.delete(query, namespace=space)
    elif what < 0.999:
        cache.vacuum(compact=False)
    else:
        cache.clear_namespace(space)


def answer(cache: SemanticCache, query: str, space: str) -> str | None:
    hit = cache.get(query, namespace=space, mode="exact")
    return None if hit is None else hit.response


def store(kind: str, where: str) -> Store:
    if kind == "sqlite":
        return SQLiteStore(where, timeout=30.0)
    if kind == "postgres":
        from mneme.stores.postgres import PostgresStore

        return PostgresStore(where, schema="soak", timeout=30.0)
    from mneme.stores.redis import RedisStore

    return RedisStore(where, name="soak", timeout=30.0)


if __name__ == "__main__":
    main()
