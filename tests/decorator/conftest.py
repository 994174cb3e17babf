"""A cache without a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mneme import AsyncSemanticCache, MemoryStore, SemanticCache
from mneme.testing import AsyncWordEmbedder, FakeClock, WordEmbedder


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def cache(embedder: WordEmbedder, clock: FakeClock) -> Iterator[SemanticCache]:
    with SemanticCache(store=MemoryStore(), embedder=embedder, clock=clock) as opened:
        yield opened


@pytest.fixture
async def async_cache(clock: FakeClock) -> Any:
    async with AsyncSemanticCache(store=MemoryStore(), embedder=AsyncWordEmbedder(), clock=clock) as opened:
        yield opened
