"""One text, four caches: a test of behaviour runs in both facades, over memory and over SQLite."""

from __future__ import annotations

import inspect
import math
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from mneme import AsyncSemanticCache, MemoryStore, SemanticCache, SQLiteStore
from mneme.testing import AsyncWordEmbedder, FakeClock, WordEmbedder
from mneme.testing.searching_store import SearchingStore

# Repeatable: the examples are derived from the test, not drawn.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

DIM = 64
NOT_OF_SERVERS = {
    "test_a_miss_says_why": "whether a partition holds anything is not asked for",
    "test_the_reason_of_each_refusal_is_given": "whether a partition holds anything is not asked for",
    "test_an_error_text_is_not_served_to_other_questions_and_removed": "the store counts, after its next write",
    "test_a_failing_index_makes_a_miss": "there is no index",
    "test_health_is_answered_from_memory": "the oldest entry is not known",
}


class Events(list[tuple[str, dict[str, Any]]]):
    """A metrics hook that keeps what it is told."""

    def __call__(self, event: str, attributes: dict[str, Any]) -> None:
        self.append((event, attributes))


class Either:
    """A cache of either facade with every method awaited; `plain` is the cache itself."""

    def __init__(self, plain: SemanticCache | AsyncSemanticCache) -> None:
        self.plain = plain

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self.plain, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            result = method(*arguments, **options)
            return await result if inspect.isawaitable(result) else result

        return call


class Opening:
    """Opens caches of one facade over one store; calling it again opens the same entries."""

    def __init__(self, colour: str, store: str, directory: Path, clock: FakeClock) -> None:
        self.colour = colour
        self.store = store
        self.path = directory / "cache.db"
        self.clock = clock
        self.memory = SearchingStore() if store == "server" else MemoryStore()
        self.embedder = WordEmbedder(DIM) if colour == "sync" else AsyncWordEmbedder(DIM)
        self._opened: list[SemanticCache] = []

    def __call__(self, **options: Any) -> Either:
        options = {"embedder": self.embedder, "clock": self.clock} | options
        if self.store == "server" and not {"max_entries", "namespace_quotas", "max_bytes"}.isdisjoint(options):
            pytest.skip("a store that searches for itself keeps no limits")
        if "store" not in options:
            options["store"] = SQLiteStore(self.path) if self.store == "sqlite" else self.memory
        facade = SemanticCache if self.colour == "sync" else AsyncSemanticCache
        cache = facade(**options)
        self._opened.append(cache.as_sync())
        return Either(cache)

    def close(self) -> None:
        for cache in self._opened:
            cache.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture(params=["sync-memory", "sync-sqlite", "async-memory", "async-sqlite", "sync-server", "async-server"])
def opening(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Opening]:
    function = request.node.originalname
    if "server" in request.param and function in NOT_OF_SERVERS:
        pytest.skip(NOT_OF_SERVERS[function])
    opening = Opening(*request.param.split("-"), tmp_path, clock)
    yield opening
    opening.close()


@pytest.fixture
def cache(opening: Opening) -> Either:
    return opening()


@pytest.fixture
def direction() -> Callable[[float], list[float]]:
    """A function that gives a vector whose cosine to that of `direction(1.0)` is its argument."""

    def vector(similarity: float) -> list[float]:
        numbers = np.zeros(DIM)
        numbers[:2] = similarity, math.sqrt(1 - similarity**2)
        return list(numbers)

    return vector
