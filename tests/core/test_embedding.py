"""Where a cache embeds, and what it remembers of it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from mneme import AsyncSemanticCache, InvalidArgumentError, MemoryStore, SemanticCache
from mneme.embedders import Batching
from mneme.runtime.embedding import RECENT_BYTES, Embeddings
from mneme.testing import WordEmbedder


class Inline(WordEmbedder):
    inline = True

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[str] = set()

    def embed(self, text: str) -> Any:
        self.threads.add(threading.current_thread().name)
        return super().embed(text)


async def test_an_embedder_that_says_it_is_quick_is_called_in_the_loop():
    embedder = Inline()
    async with AsyncSemanticCache(store=MemoryStore(), embedder=embedder) as cache:
        await cache.put("one two", "r")
        lookup = cache.get("two one")
        with pytest.raises(StopIteration) as stop:
            lookup.send(None)

    assert (stop.value.value.layer, embedder.threads) == ("semantic", {threading.current_thread().name})


async def test_any_other_sync_embedder_leaves_the_loop():
    class Watched(Inline):
        inline = False

    embedder = Watched()
    async with AsyncSemanticCache(store=MemoryStore(), embedder=embedder) as cache:
        await cache.get("two one")

    assert {name.rpartition("_")[0] for name in embedder.threads} == {"mneme-embed"}


def test_recent_embeddings_are_remembered_up_to_a_number_of_bytes():
    embeddings, embedder = Embeddings(64), WordEmbedder()
    long = "x" * (RECENT_BYTES // 4)
    for number in range(5):
        embeddings.of(f"{number}{long}", embedder)
    again = len(embedder.calls)
    embeddings.of(f"4{long}", embedder)
    embeddings.of(f"0{long}", embedder)

    assert (again, len(embedder.calls)) == (5, 6)


def test_a_thousand_questions_are_remembered():
    embeddings, embedder = Embeddings(64), WordEmbedder()
    for _ in range(2):
        for number in range(1_000):
            embeddings.of(f"question number {number}", embedder)

    assert len(embedder.calls) == 1_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"texts": 0}, "texts of Batching is 0; it is a whole number from 1 on"),
        ({"at_once": True}, "at_once of Batching is True"),
        ({"window": -0.1}, "window of Batching is -0.1; it is a number of seconds from 0 on"),
        ({"window": float("inf")}, "window of Batching is inf"),
    ],
)
def test_batching_refuses_what_cannot_be(options, message):
    with pytest.raises(InvalidArgumentError, match=message):
        Batching(**options)


def test_a_cache_refuses_another_kind_of_batching():
    with pytest.raises(InvalidArgumentError, match=r"batching is 8; it is a Batching"):
        SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), batching=8)
