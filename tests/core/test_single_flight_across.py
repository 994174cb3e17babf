"""Threads and event loops that ask for the same thing at the same time."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mneme import MemoryStore, SemanticCache
from mneme.runtime import flight
from mneme.testing import WordEmbedder
from mneme.testing.waiting import eventually


@pytest.fixture
def cache():
    with SemanticCache(store=MemoryStore(), embedder=WordEmbedder()) as cache:
        yield cache


@pytest.fixture
def threads():
    with ThreadPoolExecutor(10) as pool:
        yield pool


def waiters(cache):
    return sum(flight.waiters for flight in list(cache._core.sharing.flights._flights.values()))


class Slow:
    """A computation, for callers of either colour, that starts to return when it is told to."""

    def __init__(self, value="value"):
        self.value = value
        self.calls = 0
        self.go = threading.Event()

    def __call__(self):
        self.calls += 1
        assert self.go.wait(10)
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value

    async def awaited(self):
        self.calls += 1
        while not self.go.is_set():
            await asyncio.sleep(0.001)
        return self.value


def in_a_loop(cache, compute):
    return asyncio.run(cache.as_async().get_or_compute("q", compute, mode="exact"))


def test_sync_callers_wait_for_an_async_leader(cache, threads):
    compute = Slow()
    leader = threads.submit(in_a_loop, cache, compute.awaited)
    assert eventually(lambda: compute.calls)
    followers = [threads.submit(cache.get_or_compute, "q", compute, mode="exact") for _ in range(3)]
    assert eventually(lambda: waiters(cache) == 4)
    compute.go.set()

    assert ([call.result(10).value for call in (leader, *followers)], compute.calls) == (["value"] * 4, 1)


def test_tasks_of_other_loops_wait_for_an_async_leader(cache, threads):
    compute = Slow()
    leader = threads.submit(in_a_loop, cache, compute.awaited)
    assert eventually(lambda: compute.calls)
    followers = [threads.submit(in_a_loop, cache, compute.awaited) for _ in range(3)]
    assert eventually(lambda: waiters(cache) == 4)
    compute.go.set()

    assert ([call.result(10).value for call in (leader, *followers)], compute.calls) == (["value"] * 4, 1)


def test_tasks_wait_for_a_sync_leader(cache, threads):
    compute = Slow()
    leader = threads.submit(cache.get_or_compute, "q", compute, mode="exact")
    assert eventually(lambda: compute.calls)
    followers = [threads.submit(in_a_loop, cache, compute) for _ in range(3)]
    assert eventually(lambda: waiters(cache) == 4)
    compute.go.set()

    assert ([call.result(10).value for call in (leader, *followers)], compute.calls) == (["value"] * 4, 1)


@pytest.mark.parametrize("error", [ValueError("no"), StopIteration("no"), TimeoutError("no")])
def test_a_sync_leaders_error_reaches_tasks(cache, threads, error):
    compute = Slow(error)
    leader = threads.submit(cache.get_or_compute, "q", compute, mode="exact")
    assert eventually(lambda: compute.calls)
    follower = threads.submit(in_a_loop, cache, compute)
    assert eventually(lambda: waiters(cache) == 2)
    compute.go.set()

    # No coroutine can raise StopIteration: Python itself makes a RuntimeError of it.
    expected = RuntimeError if isinstance(error, StopIteration) else type(error)
    assert (type(leader.exception(10)), type(follower.exception(10)), compute.calls) == (type(error), expected, 1)


async def test_a_sync_call_in_the_loop_that_runs_the_work_does_not_wait_for_it(cache):
    compute = Slow()
    leader = asyncio.create_task(cache.as_async().get_or_compute("q", compute.awaited, mode="exact"))
    while not compute.calls:
        await asyncio.sleep(0)
    inner = cache.get_or_compute("q", lambda: "computed here", mode="exact")
    compute.go.set()

    assert (inner.value, (await leader).value) == ("computed here", "value")


def test_a_loop_that_ends_hands_the_work_to_another(cache, threads):
    compute = Slow()

    async def leave():
        leader = asyncio.create_task(cache.as_async().get_or_compute("q", compute.awaited, mode="exact"))
        while waiters(cache) < 2:
            await asyncio.sleep(0.001)
        return leader  # asyncio.run cancels what is left

    loop = threads.submit(asyncio.run, leave())
    assert eventually(lambda: compute.calls)
    follower = threads.submit(cache.get_or_compute, "q", lambda: "follower", mode="exact")

    assert (follower.result(10).value, loop.result(10).cancelled()) == ("follower", True)


@pytest.fixture
def abandoned(cache, monkeypatch):
    """A flight whose event loop ends, as soon as another waits for it, without telling its tasks."""
    monkeypatch.setattr(flight, "LOOP_CHECK_SECONDS", 0.005)
    compute = Slow()

    def lead():
        loop = asyncio.new_event_loop()
        task = loop.create_task(cache.as_async().get_or_compute("q", compute.awaited, mode="exact"))
        loop.run_until_complete(asyncio.wait([task], timeout=0.005))
        begun.set()
        assert eventually(lambda: waiters(cache) == 2)
        loop.close()
        kept.append((loop, task))

    begun, kept = threading.Event(), []
    thread = threading.Thread(target=lead)
    thread.start()
    assert begun.wait(10)
    yield thread
    thread.join()
    for loop, task in kept:  # what asyncio would complain of
        task._log_destroy_pending = False
        for other in asyncio.all_tasks(loop):
            other._log_destroy_pending = False


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_that_is_closed_under_its_work_leaves_nobody_waiting(cache, threads, abandoned):
    follower = threads.submit(cache.get_or_compute, "q", lambda: "follower", mode="exact")

    assert follower.result(10).value == "follower"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_that_is_closed_under_its_work_leaves_no_task_waiting(cache, threads, abandoned):
    follower = threads.submit(in_a_loop, cache, lambda: "follower")

    assert follower.result(10).value == "follower"


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_a_follower_waits_for_as_long_as_the_other_loop_lives(cache, threads, monkeypatch, colour):
    monkeypatch.setattr(flight, "LOOP_CHECK_SECONDS", 0.001)
    looked = []
    monkeypatch.setattr(flight._Flight, "lost", property(looked.append))
    compute = Slow()
    leader = threads.submit(in_a_loop, cache, compute.awaited)
    assert eventually(lambda: compute.calls)
    if colour == "sync":
        follower = threads.submit(cache.get_or_compute, "q", compute, mode="exact")
    else:
        follower = threads.submit(in_a_loop, cache, compute.awaited)
    assert eventually(lambda: len(looked) > 3)
    compute.go.set()

    assert ([call.result(10).value for call in (leader, follower)], compute.calls) == (["value"] * 2, 1)
