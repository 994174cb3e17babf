"""get_or_stream: kept when it ends by itself, replayed chunk for chunk, shared live while it runs."""

import asyncio
import json
import threading

import pytest

from mneme import AsyncSemanticCache, MemoryStore, SemanticCache
from mneme.testing import AsyncWordEmbedder, WordEmbedder
from mneme.testing.waiting import eventually


class Json:
    """Chunks as a JSON list."""

    def encode(self, value):
        return json.dumps(value)

    def decode(self, text):
        return json.loads(text)


class Upstream:
    """A stream that notes what becomes of it: three chunks, or an error in place of the last."""

    def __init__(self, chunks=("a", {"n": 1}, "c"), error=None):
        self.chunks, self.error = chunks, error
        self.events = []

    def __call__(self):
        self.events.append("start")
        try:
            yield from self.chunks[:-1]
            if self.error is not None:
                raise self.error
            yield self.chunks[-1]
            self.events.append("end")
        finally:
            self.events.append("closed")

    async def aiter(self):
        for chunk in self():
            await asyncio.sleep(0)
            yield chunk


@pytest.fixture
def cache():
    with SemanticCache(store=MemoryStore(), embedder=WordEmbedder()) as cache:
        yield cache


@pytest.fixture
async def acache():
    async with AsyncSemanticCache(store=MemoryStore(), embedder=AsyncWordEmbedder()) as cache:
        yield cache


def stream(cache, query, upstream, **options):
    return cache.get_or_stream(query, upstream, codec=Json(), **options)


async def astream(cache, query, upstream, **options):
    return await cache.get_or_stream(query, upstream.aiter, codec=Json(), **options)


async def all_of(outcome):
    return [chunk async for chunk in outcome.value]


def test_a_stream_that_ended_is_replayed_chunk_for_chunk_to_the_same_and_to_similar_requests(cache):
    upstream = Upstream()
    first = list(stream(cache, "one two", upstream).value)
    outcomes = [stream(cache, query, upstream) for query in ("one two", "two one")]

    assert [list(outcome.value) for outcome in outcomes] == [first, first] == [["a", {"n": 1}, "c"]] * 2
    assert [(outcome.status, outcome.hit.layer) for outcome in outcomes] == [("hit", "exact"), ("hit", "semantic")]
    assert upstream.events == ["start", "end", "closed"]


async def test_an_async_stream_is_replayed_as_well(acache):
    upstream = Upstream()
    first = await all_of(await astream(acache, "one two", upstream))
    outcome = await astream(acache, "two one", upstream)

    assert (await all_of(outcome), outcome.hit.layer) == (first, "semantic")
    assert upstream.events == ["start", "end", "closed"]


def test_a_stream_left_early_is_closed_and_not_kept(cache):
    upstream = Upstream()
    value = stream(cache, "q", upstream).value
    left = next(value)
    value.close()

    assert (left, upstream.events, cache.get("q")) == ("a", ["start", "closed"], None)


async def test_an_async_stream_left_early_is_closed_and_not_kept(acache):
    upstream = Upstream()
    outcome = await astream(acache, "q", upstream)
    async for _ in outcome.value:
        break
    await outcome.value.aclose()

    assert (upstream.events, await acache.get("q")) == (["start", "closed"], None)


def test_a_stream_that_fails_raises_and_is_not_kept(cache):
    chunks = []
    with pytest.raises(ValueError, match="broken"):
        for chunk in stream(cache, "q", Upstream(error=ValueError("broken"))).value:
            chunks.append(chunk)

    assert (chunks, cache.get("q")) == (["a", {"n": 1}], None)


async def test_concurrent_async_readers_share_one_upstream_live_and_late_ones_get_the_earlier_chunks(acache):
    go, upstream = asyncio.Event(), Upstream()

    async def produce():
        yield "a"
        await go.wait()
        async for chunk in upstream.aiter():
            yield chunk

    outcomes = [await acache.get_or_stream("q", produce, codec=Json()) for _ in range(3)]
    first = await anext(outcomes[0].value)
    late = [await anext(outcome.value) for outcome in outcomes[1:]]
    go.set()
    rest = await asyncio.gather(*map(all_of, outcomes))

    assert (first, late) == ("a", ["a", "a"])
    assert rest == [["a", {"n": 1}, "c"]] * 3
    assert upstream.events == ["start", "end", "closed"]


async def test_a_reader_that_is_cancelled_leaves_the_stream_to_the_others(acache):
    go = asyncio.Event()

    async def produce():
        yield 1
        await go.wait()
        yield 2

    async def read():
        return await all_of(await acache.get_or_stream("q", produce, codec=Json()))

    leader, follower = asyncio.create_task(read()), asyncio.create_task(read())
    for _ in range(10):
        await asyncio.sleep(0)
    leader.cancel()
    await asyncio.wait([leader])
    go.set()

    assert (leader.cancelled(), await follower) == (True, [1, 2])
    assert (await acache.get("q")).response == "[1, 2]"


async def test_the_last_reader_to_be_cancelled_cancels_the_upstream(acache):
    events = []

    async def produce():
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            events.append("closed")

    async def read():
        return await all_of(await acache.get_or_stream("q", produce, codec=Json()))

    readers = [asyncio.create_task(read()) for _ in range(2)]
    for _ in range(10):
        await asyncio.sleep(0)
    for reader in readers:
        reader.cancel()
    await asyncio.wait(readers)

    assert (events, await acache.get("q"), acache._core.sharing.astreams._shared) == (["closed"], None, {})


def test_threads_share_one_upstream_and_an_error_reaches_all(cache):
    calls, seen = [], []

    def produce():
        calls.append(1)
        shared = cache._core.sharing.streams._shared
        assert eventually(lambda: [each.consumers for each in shared.values()] == [2])
        yield {"n": 1}
        raise ValueError("broken")

    def read():
        try:
            for chunk in stream(cache, "q", produce).value:
                chunk["n"] += 1  # a chunk of the reader's own
        except ValueError as error:
            seen.append((chunk["n"], str(error)))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()

    assert (calls, seen, cache._core.sharing.streams._shared) == ([1], [(2, "broken")] * 2, {})


def test_readers_in_turn_in_one_thread_share_the_upstream(cache):
    upstream = Upstream()
    one, two = (stream(cache, "q", upstream).value for _ in range(2))
    seen = [next(one), next(two), next(two), next(one), next(one), next(two), next(one, "end"), next(two, "end")]

    assert seen == ["a", "a", {"n": 1}, {"n": 1}, "c", "c", "end", "end"]
    assert seen[2] is not seen[3]
    assert upstream.events == ["start", "end", "closed"]


def test_a_stream_that_asks_for_itself_does_not_wait_for_itself(cache):
    def produce():
        yield 1
        yield from stream(cache, "q", lambda: iter([2, 3])).value

    assert list(stream(cache, "q", produce).value) == [1, 2, 3]


async def test_an_async_stream_that_asks_for_itself_does_not_wait_for_itself(acache):
    async def inner():
        yield 2

    async def produce():
        yield 1
        async for chunk in (await acache.get_or_stream("q", inner, codec=Json())).value:
            yield chunk

    assert await all_of(await acache.get_or_stream("q", produce, codec=Json())) == [1, 2]


def test_what_is_not_admitted_is_not_kept_and_exact_serves_the_same_request_alone(cache):
    list(stream(cache, "one two", Upstream(), cache_if=lambda chunks: chunks[-1] != "c").value)
    refused = cache.get("one two")
    list(stream(cache, "one two", Upstream(), cache_if=lambda chunks: "exact").value)

    assert refused is None
    assert (cache.get("one two").layer, cache.get("two one")) == ("exact", None)


def test_overrides_hold_for_streams(cache):
    upstream = Upstream(("x", "y"))
    with cache.override(bypass=True):
        list(stream(cache, "q", upstream).value)
    bypassed = cache.get("q")
    list(stream(cache, "q", Upstream(("old", "old"))).value)
    with cache.override(refresh=True):
        refreshed = list(stream(cache, "q", upstream).value)

    assert (bypassed, refreshed, json.loads(cache.get("q").response)) == (None, ["x", "y"], ["x", "y"])


def test_chunks_that_cannot_be_encoded_are_streamed_and_not_kept(cache, caplog):
    assert list(stream(cache, "q", lambda: iter([{1, 2}])).value) == [{1, 2}]
    assert (cache.get("q"), "could not be encoded" in caplog.text) == (None, True)
