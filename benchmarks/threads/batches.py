"""64 questions asked at once: gathered into batches, and each embedded by a call of its own.

By a stand-in for a server that takes 20 ms a call, and by the bundled model where it is installed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from benchmarks.threads.setting import medians
from mneme import default_embedder, to_async_embedder
from mneme.embedders import Batching
from mneme.runtime.embedding import Embeddings

CALL_SECONDS = 0.02
TOGETHER = 64
LENGTHS = ("how do i {}", "what is the best way to {} before the end of the month", "is it allowed to {} at home", "{}")

fresh = count()


class Server:
    """A server that takes as long for many texts as for one, and what of it is counted."""

    dim = 64
    fingerprint = "benchmark:server"

    def __init__(self) -> None:
        self.calls = 0

    def embed(self, text: str) -> Any:
        """Return the vector of a text."""
        return self.embed_many([text])[0]

    def embed_many(self, texts: Sequence[str]) -> Any:
        """Return the vectors of texts."""
        self.calls += 1
        time.sleep(CALL_SECONDS)
        return np.stack([vector_of(text) for text in texts])


class AsyncServer(Server):
    """The same, awaited."""

    async def embed(self, text: str) -> Any:
        """Return the vector of a text."""
        return (await self.embed_many([text]))[0]

    async def embed_many(self, texts: Sequence[str]) -> Any:
        """Return the vectors of texts."""
        self.calls += 1
        await asyncio.sleep(CALL_SECONDS)
        return np.stack([vector_of(text) for text in texts])


def vector_of(text: str) -> Any:
    """Return a vector that only this text has."""
    numbers = np.frombuffer(text.encode().ljust(Server.dim)[-Server.dim :], np.uint8).astype(np.float32)
    return numbers / np.linalg.norm(numbers)


def measure(*, quick: bool) -> Iterator[str]:
    """Yield a line for each embedder and colour."""
    rounds = 1 if quick else 5
    for colour, run in (("threads", in_threads), ("tasks", in_tasks)):
        yield from compared(
            f"server, {colour}", run, AsyncServer() if colour == "tasks" else Server(), vector_of, rounds
        )
    try:
        model = default_embedder()
    except ImportError:
        yield "the bundled model is not installed"
        return
    for colour, run in (("threads", in_threads), ("tasks", in_tasks)):
        embedder = to_async_embedder(model) if colour == "tasks" else model
        yield from compared(f"bundled, {colour}", run, embedder, model.embed, rounds)


def compared(
    name: str, run: Callable[..., float], embedder: Any, truth: Callable[[str], Any], rounds: int
) -> Iterator[str]:
    """Yield how long all wait, gathered and not."""
    sides = {
        "gathered": partial(run, embedder, truth, None),
        "each alone": partial(run, embedder, truth, Batching(texts=1)),
    }
    for side in sides.values():
        side()
    calls = {}
    if hasattr(embedder, "calls"):
        for side_name, side in sides.items():
            before = embedder.calls
            side()
            calls[side_name] = f" in {embedder.calls - before} calls"
    seconds = medians(rounds, **sides)
    each = ", ".join(f"{side} {1_000 * seconds[side]:.0f} ms{calls.get(side, '')}" for side in sides)
    yield f"{name:<16} {each}: {seconds['each alone'] / seconds['gathered']:.2f} x as fast"


def questions() -> list[str]:
    """Return 64 questions of several lengths, never asked before."""
    return [LENGTHS[at % len(LENGTHS)].format(f"thing number {next(fresh)}") for at in range(TOGETHER)]


def in_threads(embedder: Any, truth: Callable[[str], Any], batching: Batching | None) -> float:
    """Return the seconds until 64 threads have their vectors."""
    embeddings, texts = Embeddings(embedder.dim, batching), questions()
    with ThreadPoolExecutor(TOGETHER) as pool:
        list(pool.map(time.sleep, [0.001] * TOGETHER))
        started = time.perf_counter()
        vectors = list(pool.map(lambda text: embeddings.of(text, embedder), texts))
        seconds = time.perf_counter() - started
    _check(vectors, texts, truth)
    return seconds


def in_tasks(embedder: Any, truth: Callable[[str], Any], batching: Batching | None) -> float:
    """The same for 64 tasks."""
    embeddings, texts = Embeddings(embedder.dim, batching), questions()

    async def main() -> tuple[float, list[Any]]:
        started = time.perf_counter()
        vectors = await asyncio.gather(*(embeddings.aof(text, embedder) for text in texts))
        return time.perf_counter() - started, vectors

    seconds, vectors = asyncio.run(main())
    _check(vectors, texts, truth)
    return seconds


def _check(vectors: list[Any], texts: list[str], truth: Callable[[str], Any]) -> None:
    np.testing.assert_allclose(vectors[:8], [truth(text) for text in texts[:8]], atol=1e-6)
