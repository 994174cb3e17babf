"""Mneme over Redis beside redisvl's SemanticCache and langchain-redis, on the same server and vectors.

    python -m benchmarks.redis_peers --peers ENVIRONMENT/bin/python [--entries 10000]

ENVIRONMENT has redisvl and langchain-redis. Starts a server of its own (Redis 8 with RediSearch) and stops it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.machine import describe, load
from benchmarks.server_search_redis import running
from benchmarks.truth import ConstantEmbedder
from benchmarks.vectors import problem
from mneme import SemanticCache, Threshold
from mneme.stores.redis import RedisStore

ASKED, FLOOR = 400, 0.85

# Fills a cache with rows of vectors.npy, asks with asked.npy, and prints seconds for each ask and what came.
PEER = """
import json, sys, time
import numpy as np
kind, url, folder = sys.argv[1:]
stored, asked = np.load(folder + "/stored.npy"), np.load(folder + "/asked.npy")
held = {f"question {n}": row for n, row in enumerate(stored)} | {f"asked {n}": row for n, row in enumerate(asked)}

if kind == "redisvl":
    from redisvl.extensions.cache.llm import SemanticCache
    from redisvl.utils.vectorize import CustomTextVectorizer
    embed = CustomTextVectorizer(embed=lambda text, **_: held.get(text, stored[0]).tolist())
    cache = SemanticCache(name="peer", redis_url=url, vectorizer=embed, distance_threshold=0.15)
    put = lambda n: cache.store(f"question {n}", f"answer {n}", vector=stored[n].tolist())
    ask = lambda n: [hit["response"] for hit in cache.check(vector=asked[n].tolist(), num_results=1)]
else:
    from langchain_core.embeddings import Embeddings
    from langchain_core.outputs import Generation
    from langchain_redis import RedisSemanticCache

    class Known(Embeddings):
        def embed_query(self, text):
            return held.get(text, stored[0]).tolist()

        def embed_documents(self, texts):
            return [self.embed_query(text) for text in texts]

    cache = RedisSemanticCache(embeddings=Known(), redis_url=url, name="langchain", distance_threshold=0.15)
    put = lambda n: cache.update(f"question {n}", "model", [Generation(text=f"answer {n}")])
    ask = lambda n: [each.text for each in cache.lookup(f"asked {n}", "model") or []]

started = time.perf_counter()
for n in range(len(stored)):
    put(n)
putting = (time.perf_counter() - started) / len(stored)
time.sleep(1)
took, came = [], []
for n in range(len(asked)):
    started = time.perf_counter()
    answers = ask(n)
    took.append(time.perf_counter() - started)
    came.append(answers[0] if answers else None)
print(json.dumps({"put": putting, "took": took, "came": came}))
"""


def main() -> None:
    """Ask all of them the same questions, and check that every answer is the right one."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--peers", required=True)
    arguments.add_argument("--entries", type=int, default=10_000)
    chosen = arguments.parse_args()
    print(*(f"{name}: {value}" for name, value in describe().items() if name != "peer"), sep="; ")
    made = problem("sentences", chosen.entries, ASKED)
    stored, asked, targets = made.vectors, made.hits, made.answers
    expected = [f"answer {target}" for target in targets]
    rows: list[tuple[str, float, list[float], list[str | None]]] = []
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder, "stored.npy"), stored)
        np.save(Path(folder, "asked.npy"), asked)
        for kind in ("redisvl", "langchain-redis"):
            with running(with_module=True) as url:
                command = [chosen.peers, "-c", PEER, kind, url, folder]
                done = json.loads(
                    subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
                )
            rows.append((kind, done["put"], done["took"], done["came"]))
    for mode in ("replica", "server"):
        with running(with_module=True) as url:
            rows.append((f"mneme, mode={mode!r}", *ours(url, mode, stored, asked)))
            if mode == "replica":
                rows.append(("mneme, the same words", rows[-1][1], *exact(url, targets)))
    print(f"{chosen.entries:,} entries of 384 numbers, {ASKED} questions; microseconds of a hit; of a put")
    for name, putting, took, came in rows:
        right = sum(answer == wanted for answer, wanted in zip(came, expected, strict=True))
        worst = float(np.percentile(took, 99))
        print(
            f"{name:<26} {1e6 * median(took):9.1f}  p99 {1e6 * worst:9.1f}  put {1e6 * putting:8.1f}  "
            f"right {right / len(expected):.1%}"
        )
        assert right / len(expected) >= 0.9, (name, right)
    print("load:", load())


def ours(url: str, mode: str, stored: np.ndarray, asked: np.ndarray) -> tuple[float, list[float], list[str | None]]:
    """Fill a cache one by one and ask it, with the vectors given."""
    store = RedisStore(url, mode=mode)  # type: ignore[arg-type]  # one of its words
    with SemanticCache(store=store, embedder=ConstantEmbedder(), policy=Threshold(FLOOR)) as cache:
        started = time.perf_counter()
        for number, row in enumerate(stored):
            cache.put(f"question {number}", f"answer {number}", embedding=row)
        putting = (time.perf_counter() - started) / len(stored)
        took, came = _timed(
            [lambda row=row, n=n: cache.get(f"asked {n}", embedding=row) for n, row in enumerate(asked)]
        )
    return putting, took, came


def exact(url: str, targets: np.ndarray) -> tuple[list[float], list[str | None]]:
    """Ask a replica for the same words."""
    store = RedisStore(url, mode="replica")
    with SemanticCache(store=store, embedder=ConstantEmbedder(), policy=Threshold(FLOOR)) as cache:
        return _timed([lambda n=n: cache.get(f"question {n}") for n in targets])


def _timed(asks: list[Callable[[], object]]) -> tuple[list[float], list[str | None]]:
    took, came = [], []
    for ask in asks:
        started = time.perf_counter()
        hit = ask()
        took.append(time.perf_counter() - started)
        came.append(None if hit is None else hit.response)  # type: ignore[attr-defined]  # a Hit
    return took, came


if __name__ == "__main__":
    main()
