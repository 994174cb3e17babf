"""Tags and staleness of decorated functions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from mneme import AsyncSemanticCache, InvalidArgumentError, SemanticCache
from mneme.testing import AsyncWordEmbedder, FakeClock, WordEmbedder
from mneme.testing.waiting import aeventually, eventually
from mneme_decorator import cached


def test_an_answer_carries_the_tags_that_were_given():
    cache = SemanticCache.open("memory:", embedder=WordEmbedder())

    @cached(cache, tags=["prices"])
    def ask(prompt: str) -> str:
        return f"answer to {prompt}"

    ask("what does it cost")
    assert (cache.invalidate(tags=["other"]), cache.invalidate(tags=["prices"])) == (0, 1)
    assert ask.lookup("what does it cost") is None


def test_tags_may_come_of_the_answer():
    cache = SemanticCache.open("memory:", embedder=WordEmbedder())

    @cached(cache, tags=lambda answer: answer["documents"])
    def ask(prompt: str) -> dict:
        return {"text": prompt, "documents": ["doc:1", "doc:2"]}

    ask("what does it cost")
    assert cache.invalidate(tags=["doc:2"]) == 1


@pytest.mark.parametrize("version", [{"handbook": "7"}, lambda answer: {"handbook": answer[-1]}])
def test_an_answer_knows_the_versions_of_its_sources(version):
    cache = SemanticCache.open("memory:", embedder=WordEmbedder())

    @cached(cache, source_version=version)
    def ask(prompt: str) -> str:
        return f"{prompt}: edition 7"

    ask("what does it cost")
    assert cache.invalidate(source={"handbook": "7"}) == 0
    assert cache.invalidate(source={"handbook": "8"}) == 1


def test_an_answer_that_may_not_be_kept_is_counted_as_refused_when_it_is_given_again():
    cache = SemanticCache.open("memory:", embedder=WordEmbedder(), negative_ttl=60)

    @cached(cache, cache_if=lambda answer: False)
    def ask(prompt: str) -> str:
        return prompt

    assert [ask("what does it cost") for _ in range(3)] == ["what does it cost"] * 3
    info = ask.cache_info()
    assert (info.misses, info.refused, info.shared) == (1, 2, 0)


async def test_a_stream_carries_tags_too():
    cache = AsyncSemanticCache.open("memory:", embedder=AsyncWordEmbedder())

    @cached(cache, tags=lambda chunks: [f"{len(chunks)} chunks"])
    async def ask(prompt: str) -> AsyncIterator[str]:
        for word in prompt.split():
            yield word

    assert [word async for word in ask("what does it cost")] == ["what", "does", "it", "cost"]
    assert await aeventually(lambda: cache.stats().entries == 1)
    assert await cache.invalidate(tags=["4 chunks"]) == 1


def test_a_stale_answer_is_given_and_replaced():
    clock, answers = FakeClock(), iter(["old", "new", "newest"])
    cache = SemanticCache.open("memory:", embedder=WordEmbedder(), clock=clock)

    @cached(cache, ttl=10, stale_while_revalidate=60)
    def ask(prompt: str) -> str:
        return next(answers)

    assert ask("what is on") == "old"
    clock.advance(20)
    assert ask("what is on") == "old"
    assert eventually(lambda: ask.lookup("what is on") is not None)
    assert ask("what is on") == "new"
    assert ask.cache_info().hits_exact == 2


def test_what_cannot_be_is_refused():
    cache = SemanticCache.open("memory:", embedder=WordEmbedder())

    with pytest.raises(InvalidArgumentError, match="stale_while_revalidate"):
        cached(cache, stale_while_revalidate=0)
    with pytest.raises(InvalidArgumentError, match="tags"):
        cached(cache, tags="prices")
    with pytest.raises(InvalidArgumentError, match="source_version"):
        cached(cache, source_version="7")
    with pytest.raises(TypeError, match="generator"):

        @cached(cache, stale_while_revalidate=5)
        def stream(prompt: str) -> Iterator[str]:
            yield prompt


def test_options_keep_the_tags():
    cache = SemanticCache.open("memory:", embedder=WordEmbedder())

    @cached(cache, tags=["t"])
    def ask(prompt: str) -> str:
        return prompt

    ask.options(namespace="n", ttl=5)("what does it cost")
    assert cache.invalidate(tags=["t"], namespace="n") == 1
