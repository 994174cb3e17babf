"""Texts that are asked for while the embedder is busy are embedded together, in both colours."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mneme import AsyncSemanticCache, InvalidArgumentError, MemoryStore, SemanticCache
from mneme.embedders import Batching, default_embedder, to_async_embedder, to_sync_embedder
from mneme.runtime.embedding import Embeddings
from mneme.testing import AsyncWordEmbedder, WordEmbedder
from mneme.testing.waiting import eventually

ONE = Batching(at_once=1)


class Batches:
    """What both fakes share: keeps the texts of each call; a text with "bad" in it fails whatever call it is in."""

    batching = ONE

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[str]] = []

    def begin(self, texts: list[str]) -> None:
        self.batches.append(texts)

    def end(self, texts: list[str]) -> np.ndarray:
        bad = [text for text in texts if "bad" in text]
        if bad:
            raise ConnectionError(f"refused: {bad}")
        return np.stack([WordEmbedder().embed(text) for text in texts])


class Gated(Batches, WordEmbedder):
    """A sync embedder whose first call waits for `go`."""

    def __init__(self) -> None:
        super().__init__()
        self.go, self.begun = threading.Event(), threading.Event()

    def embed(self, text: str) -> Any:
        return self.embed_many([text])[0]

    def embed_many(self, texts: list[str]) -> Any:
        self.begin(texts)
        self.begun.set()
        assert self.go.wait(10)
        return self.end(texts)


class AsyncGated(Batches, AsyncWordEmbedder):
    """The same, awaited."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()

    async def embed(self, text: str) -> Any:  # type: ignore[override]
        return (await self.embed_many([text]))[0]

    async def embed_many(self, texts: list[str]) -> Any:
        self.begin(texts)
        await self.go.wait()
        return self.end(texts)


def waiting(embeddings: Embeddings) -> int:
    assert embeddings._threads is not None
    return len(embeddings._threads._queue._waiting)


def in_threads(texts: list[str], embedder: Gated, batching: Batching | None = None) -> list[Any]:
    """Embed the first text, then, while that is under way, the others in their order; return vectors or errors."""
    embeddings = Embeddings(64, batching)

    def one(text: str) -> Any:
        try:
            return embeddings.of(text, embedder)
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(texts)) as pool:
        asked = [pool.submit(one, texts[0])]
        assert embedder.begun.wait(10)
        for number, text in enumerate(texts[1:], start=1):
            asked.append(pool.submit(one, text))
            assert eventually(lambda: len(embedder.batches) + waiting(embeddings) == number + 1)  # noqa: B023  # called at once
        embedder.go.set()
        return [future.result(10) for future in asked]


async def in_tasks(texts: list[str], embedder: AsyncGated, batching: Batching | None = None) -> list[Any]:
    embeddings = Embeddings(64, batching)
    asked = [asyncio.create_task(embeddings.aof(texts[0], embedder))]
    await turns()
    asked += [asyncio.create_task(embeddings.aof(text, embedder)) for text in texts[1:]]
    await turns()
    embedder.go.set()
    return await asyncio.gather(*asked, return_exceptions=True)


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.fixture(params=["threads", "tasks"])
def run(request: pytest.FixtureRequest) -> Callable[..., tuple[list[Any], list[list[str]]]]:
    """A function that asks for texts at once, the first of them a moment before; gives results and batches."""

    def run(texts: list[str], batching: Batching | None = None) -> tuple[list[Any], list[list[str]]]:
        if request.param == "threads":
            embedder = Gated()
            return in_threads(texts, embedder, batching), embedder.batches

        async def main() -> tuple[list[Any], list[list[str]]]:
            embedder = AsyncGated()
            return await in_tasks(texts, embedder, batching), embedder.batches

        return asyncio.run(main())

    return run


def alone(text: str) -> Any:
    return Embeddings(64).of(text, WordEmbedder())


def test_what_comes_while_the_embedder_is_busy_is_embedded_together(run):
    texts = [f"question {number}" for number in range(9)]
    vectors, batches = run(texts)

    assert batches == [texts[:1], texts[1:]]
    np.testing.assert_array_equal(vectors, [alone(text) for text in texts])


def test_no_batch_is_larger_than_allowed(run):
    texts = [f"question {number}" for number in range(8)]
    vectors, batches = run(texts, Batching(texts=3, at_once=1))

    assert batches == [texts[:1], texts[1:4], texts[4:7], texts[7:]]
    np.testing.assert_array_equal(vectors, [alone(text) for text in texts])


def test_a_bad_text_fails_its_own_caller_alone(run):
    vectors, batches = run(["first", "good", "bad", "fine"])

    assert batches[:2] == [["first"], ["good", "bad", "fine"]]
    assert sorted(batches[2:]) == [["bad"], ["fine"], ["good"]]
    assert isinstance(vectors.pop(2), ConnectionError)
    np.testing.assert_array_equal(vectors, [alone(text) for text in ("first", "good", "fine")])


def test_a_text_that_fails_alone_is_tried_once(run):
    vectors, batches = run(["bad"])

    assert (batches, str(vectors[0])) == ([["bad"]], "refused: ['bad']")


def test_calls_of_an_idle_embedder_do_not_wait_for_one_another(run):
    _, batches = run(["a", "b"], Batching(at_once=2))

    assert batches == [["a"], ["b"]]


def test_identical_texts_are_asked_for_once():
    async def main() -> list[list[str]]:
        embedder = AsyncGated()
        await in_tasks(["first", "same", "same", "other", "same"], embedder)
        return embedder.batches

    assert asyncio.run(main()) == [["first"], ["same", "other"]]


def test_a_batch_of_the_wrong_length_is_not_believed(run, monkeypatch):
    right = Batches.end
    monkeypatch.setattr(Batches, "end", lambda self, texts: right(self, texts)[: 1 if len(texts) == 1 else -1])
    vectors, batches = run(["first", "b", "c"])

    assert (batches[1], sorted(batches[2:])) == (["b", "c"], [["b"], ["c"]])
    np.testing.assert_array_equal(vectors, [alone(text) for text in ("first", "b", "c")])


def test_a_vector_that_is_none_fails_its_own_caller(run, monkeypatch):
    def end(_: Batches, texts: list[str]) -> np.ndarray:
        return np.stack([WordEmbedder().embed(text) * (np.nan if text == "b" else 1.0) for text in texts])

    monkeypatch.setattr(Batches, "end", end)
    vectors, batches = run(["first", "b", "c"])

    assert (batches, type(vectors[1])) == ([["first"], ["b", "c"]], InvalidArgumentError)
    np.testing.assert_array_equal(vectors[2], alone("c"))


async def test_tasks_that_ask_in_one_turn_of_the_loop_share_the_first_call():
    embedder = AsyncGated()
    embedder.go.set()
    embeddings = Embeddings(64)
    await asyncio.gather(*(embeddings.aof(f"t{number}", embedder) for number in range(40)))

    assert [len(batch) for batch in embedder.batches] == [32, 8]


async def test_a_window_lets_an_idle_embedder_wait_for_others():
    embedder = AsyncGated()
    embedder.go.set()
    embeddings = Embeddings(64, Batching(window=0.01))
    first = asyncio.create_task(embeddings.aof("a", embedder))
    await turns()
    await asyncio.gather(first, embeddings.aof("b", embedder))

    assert embedder.batches == [["a", "b"]]


def test_a_window_lets_a_thread_wait_for_others(monkeypatch):
    embedder, embeddings = Gated(), Embeddings(64, Batching(window=0.01))
    embedder.go.set()
    with ThreadPoolExecutor(1) as pool:

        def sleep(seconds: float) -> None:
            other.append(pool.submit(embeddings.of, "b", embedder))
            assert eventually(lambda: waiting(embeddings) == 2)
            slept.append(seconds)

        other, slept = [], []
        monkeypatch.setattr("mneme.runtime.gathering.time.sleep", sleep)
        embeddings.of("a", embedder)
        other[0].result(10)

    assert (embedder.batches, slept) == ([["a", "b"]], [0.01])


# ---------------------------------------------------------------------- those who leave


async def test_a_cancelled_waiter_harms_no_other_and_is_not_embedded():
    embedder, embeddings = AsyncGated(), Embeddings(64)
    tasks = [asyncio.create_task(embeddings.aof("first", embedder))]
    await turns()
    tasks += [asyncio.create_task(embeddings.aof(text, embedder)) for text in ("a", "b", "c")]
    await turns()
    tasks[1].cancel()
    await turns()
    embedder.go.set()
    vectors = await asyncio.gather(*tasks, return_exceptions=True)

    assert (embedder.batches, type(vectors.pop(1))) == ([["first"], ["b", "c"]], asyncio.CancelledError)
    np.testing.assert_array_equal(vectors, [alone(text) for text in ("first", "b", "c")])


@pytest.mark.parametrize("leaver", [0, 1, 2])
async def test_one_who_is_cancelled_while_the_batch_is_under_way_harms_no_other(leaver):
    embedder, embeddings = AsyncGated(), Embeddings(64)
    texts = ["a", "b", "c"]
    tasks = [asyncio.create_task(embeddings.aof(text, embedder)) for text in texts]
    await turns()
    tasks[leaver].cancel()
    await turns()
    embedder.go.set()
    vectors = await asyncio.gather(*tasks, return_exceptions=True)

    assert (embedder.batches, type(vectors.pop(leaver))) == ([texts], asyncio.CancelledError)
    np.testing.assert_array_equal(vectors, [alone(text) for text in texts if text != texts[leaver]])


@pytest.mark.parametrize("steps", range(1, 6))
async def test_a_loop_whose_tasks_were_all_cancelled_embeds_what_comes_later(steps):
    embedder = AsyncGated()
    embeddings = Embeddings(64)
    asked = asyncio.create_task(embeddings.aof("a", embedder))
    for _ in range(steps):
        await asyncio.sleep(0)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.wait([asked])
    embedder.go.set()

    np.testing.assert_array_equal(await asyncio.wait_for(embeddings.aof("b", embedder), 10), alone("b"))


async def test_a_call_that_nobody_waits_for_is_cancelled_and_makes_way():
    embedder, embeddings = AsyncGated(), Embeddings(64)
    tasks = [asyncio.create_task(embeddings.aof(text, embedder)) for text in ("a", "b")]
    await turns()
    other = asyncio.create_task(embeddings.aof("c", embedder))
    await turns()
    for task in tasks:
        task.cancel()
    await turns()

    assert embedder.batches == [["a", "b"], ["c"]]
    embedder.go.set()
    np.testing.assert_array_equal(await other, alone("c"))


def test_a_thread_that_is_interrupted_while_it_waits_leaves_its_place(monkeypatch):
    embedder, embeddings = Gated(), Embeddings(64, Batching(at_once=1, window=1.0))
    embedder.go.set()

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mneme.runtime.gathering.time.sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        embeddings.of("a", embedder)
    monkeypatch.setattr("mneme.runtime.gathering.time.sleep", lambda _: None)

    np.testing.assert_array_equal(embeddings.of("b", embedder), alone("b"))
    assert embedder.batches == [["b"]]


def test_an_interrupt_in_the_embedder_leaves_the_others_to_embed_alone(monkeypatch):
    embedder = Gated()
    right = Batches.end

    def end(self: Batches, texts: list[str]) -> np.ndarray:
        if len(texts) > 1:
            raise KeyboardInterrupt
        return right(self, texts)

    monkeypatch.setattr(Batches, "end", end)
    embeddings = Embeddings(64)
    results: dict[str, Any] = {}

    def one(text: str) -> None:
        try:
            results[text] = embeddings.of(text, embedder)
        except KeyboardInterrupt:
            results[text] = "interrupted"

    threads = [threading.Thread(target=one, args=(text,)) for text in ("first", "a", "b", "c")]
    for number, thread in enumerate(threads):
        thread.start()
        assert eventually(embedder.begun.is_set if number == 0 else lambda: waiting(embeddings) == number)  # noqa: B023
    embedder.go.set()
    for thread in threads:
        thread.join(10)

    assert (results.pop("a"), sorted(embedder.batches[2:])) == ("interrupted", [["b"], ["c"]])
    np.testing.assert_array_equal([results[text] for text in ("b", "c")], [alone(text) for text in ("b", "c")])


def test_a_loop_that_was_closed_in_the_middle_holds_up_no_other():
    embedder, embeddings = AsyncGated(), Embeddings(64)

    async def ask() -> Any:
        return await embeddings.aof("a", embedder)

    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(ask(), 0.01))
    embedder.go = asyncio.Event()
    embedder.go.set()

    np.testing.assert_array_equal(asyncio.run(ask()), alone("a"))


def test_an_embedder_that_asks_its_own_cache_does_not_wait_for_itself():
    class Asking(WordEmbedder):
        batching = ONE

        def embed(self, text: str) -> Any:
            if text == "outer":
                embeddings.of("inner", self)
            return super().embed(text)

        def embed_many(self, texts: list[str]) -> Any:
            return np.stack([self.embed(text) for text in texts])

    embeddings = Embeddings(64)

    np.testing.assert_array_equal(embeddings.of("outer", Asking()), alone("outer"))


async def test_an_async_embedder_that_asks_its_own_cache_does_not_wait_for_itself():
    class Asking(AsyncWordEmbedder):
        batching = ONE

        async def embed(self, text: str) -> Any:  # type: ignore[override]
            if text == "outer":
                await embeddings.aof("inner", self)
            return await super().embed(text)

        async def embed_many(self, texts: list[str]) -> Any:
            return np.stack([await self.embed(text) for text in texts])

    embeddings = Embeddings(64)

    np.testing.assert_array_equal(await embeddings.aof("outer", Asking()), alone("outer"))


# ---------------------------------------------------------------------- whatever the order

TASKS = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3), st.one_of(st.none(), st.integers(0, 12))))


@given(tasks=TASKS, texts=st.integers(1, 3), at_once=st.integers(1, 2), bad=st.sampled_from(["", "c"]))
def test_whoever_is_cancelled_wherever_all_others_get_their_own_vector(tasks, texts, at_once, bad):
    class Slow(AsyncWordEmbedder):
        async def embed(self, text: str) -> Any:  # type: ignore[override]
            return (await self.embed_many([text]))[0]

        async def embed_many(self, texts: list[str]) -> Any:
            await turns(3)
            if bad and bad in texts:
                raise ConnectionError(bad)
            return np.stack([np.eye(64)[ord(text) - 97] for text in texts])

    async def one(text: str, after: int, embeddings: Embeddings, embedder: Slow) -> int:
        await turns(after)
        return int(np.argmax(await embeddings.aof(text, embedder)))

    async def main() -> list[Any]:
        embeddings, embedder = Embeddings(64, Batching(texts=texts, at_once=at_once)), Slow()
        asked = [asyncio.create_task(one(text, after, embeddings, embedder)) for text, after, _ in tasks]
        for tick in range(13):
            for task, (_, _, cancelled_at) in zip(asked, tasks, strict=True):
                if cancelled_at == tick:
                    task.cancel()
            await asyncio.sleep(0)
        return await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 10)

    for (text, _, cancelled_at), got in zip(tasks, asyncio.run(main()), strict=True):
        if isinstance(got, asyncio.CancelledError):
            assert cancelled_at is not None
        elif text == bad:
            assert isinstance(got, ConnectionError)
        else:
            assert got == ord(text) - 97


# ---------------------------------------------------------------------- in a cache


@pytest.mark.parametrize("fake", [Gated, AsyncGated])
async def test_lookups_of_a_cache_share_calls(fake):
    embedder = fake()
    embedder.go.set()
    orders = [" ".join(order) for order in list(permutations(["one", "two", "three", "four", "five"]))[:41]]
    async with AsyncSemanticCache(store=MemoryStore(), embedder=embedder) as cache:
        await cache.put(orders[0], "r")
        hits = await asyncio.gather(*(cache.get(order) for order in orders[1:]))

    assert [hit and (hit.response, hit.layer) for hit in hits] == [("r", "semantic")] * 40
    assert [len(batch) for batch in embedder.batches] == [1, 32, 8]


async def test_a_cache_may_say_how_calls_are_gathered():
    embedder = AsyncGated()
    embedder.go.set()
    async with AsyncSemanticCache(store=MemoryStore(), embedder=embedder, batching=Batching(texts=1)) as cache:
        await asyncio.gather(*(cache.get(f"question {number}") for number in range(5)))

    assert [len(batch) for batch in embedder.batches] == [1] * 5


def test_a_sync_cache_over_an_async_embedder_gathers_too():
    embedder = to_sync_embedder(AsyncGated())

    assert embedder.batching == ONE  # type: ignore[attr-defined]


async def test_the_bundled_embedder_gives_in_a_batch_what_it_gives_alone():
    texts = [f"{'very ' * (number % 7)}old question number {number}" for number in range(20)]
    embeddings = Embeddings(384)
    embedder = to_async_embedder(default_embedder())
    together = await asyncio.gather(*(embeddings.aof(text, embedder) for text in texts))

    np.testing.assert_allclose(together, [default_embedder().embed(text) for text in texts], atol=1e-6)


async def test_an_exact_hit_finishes_at_once_while_64_embeds_hang():
    embedder = AsyncGated()
    async with AsyncSemanticCache(store=MemoryStore(), embedder=embedder) as cache:
        await cache.put("q", "r", mode="exact")
        lookups = [asyncio.create_task(cache.get(f"slow {number}")) for number in range(64)]
        await turns()
        with pytest.raises(StopIteration) as stop:
            cache.get("q").send(None)
        done = [lookup.done() for lookup in lookups]
        embedder.go.set()
        await asyncio.gather(*lookups)

    assert (stop.value.value.response, done) == ("r", [False] * 64)


def test_an_exact_hit_in_a_thread_waits_for_none_of_64_embeds_that_hang():
    embedder = Gated()
    with SemanticCache(store=MemoryStore(), embedder=embedder) as cache, ThreadPoolExecutor(64) as pool:
        cache.put("q", "r", mode="exact")
        lookups = [pool.submit(cache.get, f"slow {number}") for number in range(64)]
        assert embedder.begun.wait(10)
        hit = cache.get("q")
        done = [lookup.done() for lookup in lookups]
        embedder.go.set()
        assert [lookup.result(10) for lookup in lookups] == [None] * 64

    assert (hit.response, done) == ("r", [False] * 64)
