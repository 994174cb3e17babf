"""Tasks that ask for the same thing at the same time."""

import asyncio
import gc

import pytest

from mneme import AsyncSemanticCache, MemoryStore, SQLiteStore
from mneme.testing import AsyncWordEmbedder


@pytest.fixture
def embedder():
    return AsyncWordEmbedder()


@pytest.fixture(params=["memory", "sqlite"])
async def cache(request, embedder, tmp_path):
    store = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "cache.db")
    async with AsyncSemanticCache(store=store, embedder=embedder) as cache:
        yield cache


class Slow:
    """A computation that starts to return when it is told to."""

    def __init__(self, value="value"):
        self.value = value
        self.calls = 0
        self.cancelled = 0
        self.begun = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self):
        self.calls += 1
        self.begun.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value


def start(cache, compute, number=1, query="question"):
    return [asyncio.create_task(cache.get_or_compute(query, compute)) for _ in range(number)]


async def settled(cache, compute, waiters):
    """Let tasks run until the one work under way has begun and so many wait for it."""
    await compute.begun.wait()
    while [flight.waiters for flight in cache._core.sharing.flights._flights.values()] != [waiters]:
        await asyncio.sleep(0)


async def test_100_identical_misses_make_one_embedding_and_one_computation(cache, embedder):
    compute = Slow()
    tasks = start(cache, compute, 100)
    await settled(cache, compute, 100)
    compute.go.set()
    outcomes = await asyncio.gather(*tasks)

    assert (compute.calls, embedder.calls) == (1, ["question"])
    assert {outcome.value for outcome in outcomes} == {"value"}
    assert sorted(outcome.status for outcome in outcomes) == ["computed"] + ["hit"] * 99


async def test_an_error_reaches_every_waiter_and_is_not_kept(cache):
    compute = Slow(ValueError("the model is down"))
    tasks = start(cache, compute, 10)
    await settled(cache, compute, 10)
    compute.go.set()
    errors = await asyncio.gather(*tasks, return_exceptions=True)

    assert [str(error) for error in errors] == ["the model is down"] * 10
    assert (compute.calls, (await cache.get_or_compute("question", lambda: "value")).status) == (1, "computed")


async def test_a_cancelled_leader_does_not_cancel_its_followers(cache):
    compute = Slow()
    leader, *followers = start(cache, compute, 3)
    await settled(cache, compute, 3)
    leader.cancel()
    await asyncio.wait([leader])
    compute.go.set()
    outcomes = await asyncio.gather(*followers)

    assert (leader.cancelled(), compute.cancelled, compute.calls) == (True, 0, 1)
    assert [outcome.value for outcome in outcomes] == ["value", "value"]


async def test_a_cancelled_follower_cancels_nobody(cache):
    compute = Slow()
    leader, follower = start(cache, compute, 2)
    await settled(cache, compute, 2)
    follower.cancel()
    await asyncio.wait([follower])
    compute.go.set()

    assert ((await leader).value, compute.cancelled) == ("value", 0)


async def test_the_last_waiters_cancellation_cancels_the_work(cache):
    compute = Slow()
    tasks = start(cache, compute, 3)
    await settled(cache, compute, 3)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    while not compute.cancelled:
        await asyncio.sleep(0)

    assert (compute.calls, (await cache.get_or_compute("question", lambda: "anew")).value) == (1, "anew")


async def test_who_comes_after_the_last_cancellation_starts_anew(cache):
    first, second = Slow(), Slow("second")
    (task,) = start(cache, first)
    await settled(cache, first, 1)
    task.cancel()
    await asyncio.sleep(0)  # the waiter has left, the work may still be on its way out
    second.go.set()

    assert (await cache.get_or_compute("question", second)).value == "second"


async def test_a_call_cancelled_before_its_first_step_leaves_nothing_behind(cache):
    compute = Slow()
    (task,) = start(cache, compute)
    task.cancel()
    await asyncio.wait([task])
    compute.go.set()

    assert (compute.calls, (await cache.get_or_compute("question", compute)).value) == (0, "value")


async def test_a_computation_that_is_cancelled_from_within_is_not_repeated(cache):
    calls = 0

    async def compute():
        nonlocal calls
        calls += 1
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await cache.get_or_compute("question", compute)

    assert calls == 1


async def test_a_cancelled_lookup_does_not_cancel_the_embedding_others_wait_for():
    class Slowly(AsyncWordEmbedder):
        def __init__(self):
            super().__init__()
            self.go = asyncio.Event()

        async def embed(self, text):
            vector = await super().embed(text)
            await self.go.wait()
            return vector

    embedder = Slowly()
    async with AsyncSemanticCache(store=MemoryStore(), embedder=embedder) as cache:
        first, second = (asyncio.create_task(cache.get("question")) for _ in range(2))
        while not embedder.calls:
            await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        embedder.go.set()

        assert (await second, embedder.calls, first.cancelled()) == (None, ["question"], True)


async def test_a_task_that_outlives_its_computation_flies_like_any_other(cache):
    started = []

    async def outer():
        started.append(asyncio.create_task(later()))
        return "outer"

    async def later():
        await asyncio.sleep(0)
        return await asyncio.gather(*start(cache, compute, 5, "another"))

    compute = Slow()
    compute.go.set()
    await cache.get_or_compute("q", outer)
    await started[0]

    assert compute.calls == 1


async def test_nothing_is_reported_to_the_event_loop_when_all_have_left(cache):
    reports = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reports.append(context["message"]))
    compute = Slow(ValueError("nobody hears this"))
    leader, follower = start(cache, compute, 2)
    await settled(cache, compute, 2)
    leader.cancel()
    await asyncio.wait([leader])
    compute.go.set()
    await asyncio.wait([follower])
    follower.exception()
    del leader, follower
    await asyncio.sleep(0)
    gc.collect()

    assert reports == []


class Lists:
    """A codec of lists of words; it cannot decode "broken"."""

    def encode(self, value):
        return " ".join(value)

    def decode(self, text):
        if "broken" in text:
            raise ValueError(text)
        return text.split()


@pytest.mark.parametrize(("words", "shared"), [(["a", "b"], False), (["broken"], True)])
async def test_followers_of_a_refreshed_value_get_objects_of_their_own_where_it_can_be_decoded(cache, words, shared):
    compute = Slow(words)
    with cache.override(refresh=True):
        tasks = [asyncio.create_task(cache.get_or_compute("q", compute, codec=Lists())) for _ in range(2)]
    await settled(cache, compute, 2)
    compute.go.set()
    one, two = await asyncio.gather(*tasks)

    assert (one.value == two.value == words, one.value is two.value, compute.calls) == (True, shared, 1)


async def test_a_value_that_is_not_kept_is_shared_as_well(cache):
    compute = Slow(object())
    tasks = start(cache, compute, 10)
    await settled(cache, compute, 10)
    compute.go.set()

    assert {outcome.value for outcome in await asyncio.gather(*tasks)} == {compute.value}
    assert (compute.calls, cache.stats().misses) == (1, 10)
