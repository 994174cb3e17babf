"""Decorated generators: kept when they end, replayed chunk for chunk, shared while they run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from mneme import MnemeError, SemanticCache
from mneme_decorator import CachedGenerator, CachedStream, cached, is_complete_stream


@pytest.fixture
def calls() -> list[str]:
    return []


@pytest.fixture
def words(cache: SemanticCache, calls: list[str]) -> Any:
    @cached(cache)
    async def words(prompt: str, *, model: str = "m") -> AsyncIterator[str]:
        calls.append(prompt)
        for word in ("an", "answer", str(len(calls))):
            await asyncio.sleep(0)
            yield word

    return words


@pytest.fixture
def sync_words(cache: SemanticCache, calls: list[str]) -> Any:
    @cached(cache)
    def words(prompt: str, *, model: str = "m") -> Iterator[str]:
        calls.append(prompt)
        yield from ("an", "answer", str(len(calls)))

    return words


async def all_of(stream: Any) -> list[Any]:
    return [chunk async for chunk in stream]


async def test_an_async_generator_is_replayed(words: Any, calls: list[str]) -> None:
    streams = [await all_of(words(prompt)) for prompt in ("one two", "one two", "two one")]
    other = await all_of(words("one two", model="n"))
    info = words.cache_info()

    assert isinstance(words, CachedStream)
    assert (streams, other) == ([["an", "answer", "1"]] * 3, ["an", "answer", "2"])
    assert (info.misses, info.hits_exact, info.hits_semantic, len(calls)) == (2, 1, 1, 2)


def test_a_generator_is_replayed(sync_words: Any, calls: list[str]) -> None:
    streams = [list(sync_words(prompt)) for prompt in ("one two", "one two", "two one")]
    info = sync_words.cache_info()

    assert isinstance(sync_words, CachedGenerator)
    assert (streams, len(calls)) == ([["an", "answer", "1"]] * 3, 1)
    assert (info.misses, info.hits_exact, info.hits_semantic) == (1, 1, 1)


async def test_equal_streams_at_once_run_the_function_once(words: Any, calls: list[str]) -> None:
    streams = await asyncio.gather(*(all_of(words("the same")) for _ in range(50)))
    info = words.cache_info()

    assert (streams, calls) == ([["an", "answer", "1"]] * 50, ["the same"])
    assert (info.misses, info.shared) == (1, 49)


async def test_a_stream_left_early_is_not_kept(words: Any, calls: list[str]) -> None:
    stream = words("a question")
    left = await anext(stream)
    await stream.aclose()
    whole = await all_of(words("a question"))

    assert (left, whole, len(calls)) == ("an", ["an", "answer", "2"], 2)


async def test_options_lookup_and_invalidate(words: Any, sync_words: Any, calls: list[str]) -> None:
    await all_of(words("q")), list(sync_words("q"))
    found = [await words.lookup("q"), sync_words.lookup("q")]
    refreshed = await all_of(words.options(refresh=True)("q"))
    gone = [await words.invalidate("q"), sync_words.invalidate("q")]

    assert ([hit.layer for hit in found], refreshed, gone) == (["exact"] * 2, ["an", "answer", "3"], [True, True])
    assert [await words.lookup("q"), sync_words.lookup("q")] == [None, None]


async def test_methods_of_both_kinds_are_bound(cache: SemanticCache) -> None:
    class Model:
        @cached(cache)
        async def astream(self, prompt: str) -> AsyncIterator[str]:
            yield prompt

        @cached(cache)
        def stream(self, prompt: str) -> Iterator[str]:
            yield prompt

    model = Model()

    assert [await all_of(model.astream("q")) for _ in range(2)] == [["q"]] * 2
    assert [list(model.stream("q")) for _ in range(2)] == [["q"]] * 2
    assert [await model.astream.lookup("q") is None, model.stream.lookup("q") is None] == [False, False]


async def test_an_error_after_some_chunks_is_raised_and_nothing_kept(cache: SemanticCache) -> None:
    @cached(cache)
    async def broken(prompt: str) -> AsyncIterator[str]:
        yield "an"
        raise ValueError("broken")

    seen = []
    with pytest.raises(ValueError, match="broken"):
        async for chunk in broken("q"):
            seen.append(chunk)

    assert (seen, cache.stats().entries) == (["an"], 0)


async def test_a_failing_cache_fails_no_stream(words: Any, sync_words: Any, cache: SemanticCache) -> None:
    cache.close()

    assert (await all_of(words("q")), list(sync_words("q"))) == (["an", "answer", "1"], ["an", "answer", "2"])


async def test_an_error_of_the_function_is_not_taken_for_one_of_the_cache(cache: SemanticCache) -> None:
    calls = []

    @cached(cache)
    async def ask(prompt: str) -> AsyncIterator[str]:
        calls.append(prompt)
        yield "an"
        raise MnemeError("from within")

    with pytest.raises(MnemeError, match="from within"):
        await all_of(ask("q"))

    assert calls == ["q"]


@pytest.mark.parametrize(
    ("chunks", "whole"),
    [
        ([], False),
        (["", " "], False),
        (["a", ""], True),
        ([{"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}]}], False),
        ([{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, {"choices": []}], True),
        ([{"choices": [{"index": 0, "delta": {"refusal": "no"}, "finish_reason": "stop"}]}], False),
        ([{"choices": [{"index": at, "delta": {}, "finish_reason": r} for at, r in enumerate(["stop", None])]}], False),
        ([{"type": "message_start"}, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}], False),
        ([{"type": "response.created"}, {"type": "response.completed"}], True),
        ([{"type": "response.created"}, {"type": "response.incomplete"}], False),
        ([{"n": 1}], True),
    ],
)
def test_only_whole_streams_are_complete(chunks: list[Any], whole: bool) -> None:
    assert is_complete_stream(chunks) is whole
