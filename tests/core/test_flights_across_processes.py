"""flight_wait: processes over one store compute an answer once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from mneme import (
    NEVER,
    AsyncSemanticCache,
    InvalidArgumentError,
    MemoryStore,
    SemanticCache,
    SQLiteStore,
    StoreBackendError,
)
from mneme.runtime import leasing
from mneme.stores.sqlite import leases
from mneme.testing import AsyncWordEmbedder, FakeClock, FaultyStore, WordEmbedder
from mneme.testing.waiting import eventually

# A lease that nobody waits out, a caller who gives up waiting, and the time by which one who need not wait is done.
FOREVER, PATIENCE, SOON = 3_600.0, 60, 30

PEER = """
import os, sys, time
from mneme import SemanticCache, SQLiteStore
from mneme.runtime import leasing
from mneme.testing import WordEmbedder
leasing.LEASE_SECONDS = float(sys.argv[3])
cache = SemanticCache(store=SQLiteStore(sys.argv[1]), embedder=WordEmbedder(), flight_wait=60)

def compute():
    with open(sys.argv[1] + ".log", "a") as log:
        log.write("computed\\n")
    print("computing", flush=True)
    time.sleep(float(sys.argv[2]))
    return "answer"

print(cache.get_or_compute("one two", compute).value, flush=True)
cache.close()
"""


class Watched(SQLiteStore):
    """Tells when a lease was not to be had."""

    def __init__(self, path):
        super().__init__(path)
        self.refused = threading.Event()

    def lease(self, key, owner, seconds):
        is_held = super().lease(key, owner, seconds)
        if not is_held:
            self.refused.set()
        return is_held


@pytest.fixture
def clock(monkeypatch):
    """The time by which leases run out."""
    clock = FakeClock()
    monkeypatch.setattr(leasing, "time", SimpleNamespace(monotonic=clock))
    monkeypatch.setattr(leases, "time", SimpleNamespace(time=clock))
    return clock


@pytest.fixture
def peer(path):
    """A function that starts another process, which computes for `seconds`."""
    peers = []

    def start(seconds, lease=6.0):
        arguments = [sys.executable, "-c", PEER, str(path), str(seconds), str(lease)]
        peers.append(subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True))
        return peers[-1]

    yield start
    for each in peers:
        each.kill()
        each.wait()
        each.stdout.close()


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "cache.db"
    SemanticCache(file, WordEmbedder()).close()
    return file


def opened(path, **options):
    return SemanticCache(store=Watched(path), embedder=WordEmbedder(), **{"flight_wait": PATIENCE} | options)


def opened_async(path):
    return AsyncSemanticCache(store=Watched(path), embedder=AsyncWordEmbedder(), flight_wait=PATIENCE)


@contextlib.contextmanager
def soon():
    """Fail where somebody waited for a lease that was free."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < SOON


def test_of_several_processes_one_computes(path, peer):
    peers = [peer(0.3) for _ in range(4)]
    answers = [process.communicate()[0].split()[-1] for process in peers]

    assert answers == ["answer"] * 4
    assert (path.parent / "cache.db.log").read_text() == "computed\n"


def test_a_dead_leader_is_taken_over(path, peer):
    leader = peer(60, lease=0.5)
    assert leader.stdout.readline() == "computing\n"
    os.kill(leader.pid, signal.SIGKILL)
    leader.wait()
    with opened(path) as cache:
        outcome = cache.get_or_compute("one two", lambda: "mine")

    assert (outcome.value, outcome.status) == ("mine", "computed")


def test_a_leader_that_takes_long_keeps_its_lease(path, clock, monkeypatch):
    monkeypatch.setattr(leasing, "RENEWALS", 1_000)
    one, other = caches(path)

    def slow():
        (key,) = one._core.sharing.leases._held
        for _ in range(6):
            clock.advance(leasing.LEASE_SECONDS / 2)
            assert eventually(lambda: one._core.sharing.leases._held[key][1] == clock.now)
        follower.start()
        assert other._core.store.refused.wait(SOON)
        return "answer"

    outcomes = []
    follower = threading.Thread(target=lambda: outcomes.append(other.get_or_compute("one two", lambda: "mine")))
    with one, other:
        assert one.get_or_compute("one two", slow).value == "answer"
        follower.join()

    assert [(outcome.value, outcome.status) for outcome in outcomes] == [("answer", "hit")]


def test_waiting_is_bounded(path, peer):
    leader = peer(600)
    assert leader.stdout.readline() == "computing\n"
    with opened(path, flight_wait=0.3) as cache:
        outcome = cache.get_or_compute("one two", lambda: "mine")
        assert cache.get("one two").response == "mine"

    assert (outcome.value, outcome.status) == ("mine", "computed")


def caches(path, **options):
    """Two caches over one file: to each other they are as two processes are."""
    return opened(path, **options), opened(path, **options)


@pytest.fixture
def lasting(monkeypatch):
    """Leases that do not run out while a test runs."""
    monkeypatch.setattr(leasing, "LEASE_SECONDS", FOREVER)


def test_what_the_leader_does_not_store_is_computed_by_the_next(path):
    one, other = caches(path)
    started = threading.Event()

    def refuse():
        started.set()
        assert other._core.store.refused.wait(SOON)
        return "[ERROR] no"

    with one, other:
        leader = threading.Thread(target=one.get_or_compute, args=("one two", refuse))
        leader.start()
        assert started.wait(SOON)
        outcome = other.get_or_compute("one two", lambda: "fine")
        leader.join()

    assert (outcome.value, outcome.status) == ("fine", "computed")


def test_a_leader_that_fails_leaves_it_to_the_next(path, lasting):
    one, other = caches(path)
    with one, other:
        with pytest.raises(ZeroDivisionError):
            one.get_or_compute("one two", lambda: 1 / 0)
        with soon():
            assert other.get_or_compute("one two", lambda: "fine").value == "fine"


def test_a_leader_that_lost_its_lease_stores_nothing(path, clock, monkeypatch):
    monkeypatch.setattr(leasing, "RENEWALS", 0.01)  # a process that stands still renews nothing
    one, other = caches(path)
    with one, other:

        def slow():
            clock.advance(leasing.LEASE_SECONDS)
            assert other.get_or_compute("one two", lambda: "new").value == "new"
            return "old"

        assert one.get_or_compute("one two", slow).value == "old"
        assert eventually(lambda: one.get("one two") is not None)  # not while its own thread is giving a lease back
        assert [cache.get("one two").response for cache in (one, other)] == ["new", "new"]


def test_a_lease_runs_from_when_it_was_asked_for(path, clock, monkeypatch):
    class Slow(SQLiteStore):
        def lease(self, key, owner, seconds):
            is_held = super().lease(key, owner, seconds)
            clock.advance(seconds - 1)
            return is_held

    monkeypatch.setattr(leasing, "RENEWALS", 0.01)
    one = SemanticCache(store=Slow(path), embedder=WordEmbedder(), flight_wait=PATIENCE)
    with one, opened(path) as other:

        def slow():
            clock.advance(1)
            assert other.get_or_compute("one two", lambda: "new").value == "new"
            return "old"

        assert one.get_or_compute("one two", slow).value == "old"
        assert eventually(lambda: one.get("one two") is not None)
        assert one.get("one two").response == "new"


def test_a_cache_that_is_closed_while_it_renews_a_lease_keeps_none(monkeypatch):
    monkeypatch.setattr(leasing, "RENEWALS", 1_000)
    renews, go = threading.Event(), threading.Event()

    class Slow(MemoryStore):
        def lease(self, key, owner, seconds):
            if threading.current_thread().name == "mneme-leases":
                renews.set()
                assert go.wait(SOON)
            return super().lease(key, owner, seconds)

    store = Slow()
    cache = SemanticCache(store=store, embedder=WordEmbedder(), flight_wait=PATIENCE)
    key, leases = cache.key("one two"), cache._core.sharing.leases

    def close():
        assert renews.wait(SOON)
        keeper = leases._thread
        threading.Timer(0.1, go.set).start()
        cache.close()
        keeper.join()
        return "answer"

    cache.get_or_compute("one two", close)

    assert store.lease(key, "another", FOREVER)


async def test_async_caches_wait_without_holding_the_loop(path):
    calls = []

    async def compute():
        calls.append(1)
        while not (one._core.store.refused.is_set() or other._core.store.refused.is_set()):
            await asyncio.sleep(0.001)
        return "answer"

    async with opened_async(path) as one, opened_async(path) as other:
        outcomes = await asyncio.gather(*(cache.get_or_compute("one two", compute) for cache in (one, other)))

    assert ([outcome.value for outcome in outcomes], len(calls)) == (["answer"] * 2, 1)


async def test_a_cancelled_leader_gives_its_lease_back(path, lasting):
    begun = asyncio.Event()

    async def forever():
        begun.set()
        await asyncio.Event().wait()

    async with opened_async(path) as cache:
        task = asyncio.create_task(cache.get_or_compute("one two", forever))
        await begun.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        with soon():
            async with opened_async(path) as other:
                assert (await other.get_or_compute("one two", lambda: "fine")).value == "fine"


def test_a_stale_answer_is_computed_anew_by_one_of_two(path):
    clock = FakeClock()
    one, other = caches(path, clock=clock)
    calls = []

    def compute():
        calls.append(1)
        assert eventually(lambda: one._core.store.refused.is_set() or other._core.store.refused.is_set())
        return "new"

    with one, other:
        one.put("one two", "old", ttl=10)
        clock.advance(11)
        for cache in (one, other):
            outcome = cache.get_or_compute("one two", compute, ttl=60, stale_while_revalidate=60)
            assert (outcome.value, outcome.status) == ("old", "stale")
        assert eventually(lambda: other.get("one two") is not None)
        assert (other.get("one two").response, len(calls)) == ("new", 1)


def test_a_store_without_leases_is_refused():
    with pytest.raises(InvalidArgumentError, match="no leases"):
        SemanticCache(store=FaultyStore(MemoryStore()), embedder=WordEmbedder(), flight_wait=1)


@pytest.mark.parametrize("wait", [0, -1, "5", True])
def test_the_wait_is_a_number_of_seconds(wait):
    with pytest.raises(InvalidArgumentError, match="flight_wait"):
        SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), flight_wait=wait)


def test_leases_that_fail_do_not_fail_the_call(caplog):
    class Broken(MemoryStore):
        def lease(self, key, owner, seconds):
            raise StoreBackendError("no leases today")

    with SemanticCache(store=Broken(), embedder=WordEmbedder(), flight_wait=5) as cache:
        assert cache.get_or_compute("one two", lambda: "fine").value == "fine"
        assert cache.get("one two").response == "fine"
    assert "no leases today" in caplog.text


def test_a_call_that_asks_for_its_own_key_does_not_wait_for_itself(path):
    with opened(path) as cache, soon():
        value = cache.get_or_compute("one two", lambda: cache.get_or_compute("one two", lambda: "inner").value).value

    assert value == "inner"


def test_two_calls_that_ask_for_each_other_s_keys_do_not_wait_for_ever(path):
    together = threading.Barrier(2)
    with opened(path) as cache, soon():

        def ask(mine, theirs):
            def compute():
                together.wait(SOON)
                return cache.get_or_compute(theirs, lambda: "inner").value

            cache.get_or_compute(mine, compute)

        threads = [threading.Thread(target=ask, args=pair) for pair in (("a", "b"), ("b", "a"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


async def test_a_caller_cancelled_while_its_lease_is_being_taken_keeps_none(path, lasting):
    asked, go = threading.Event(), threading.Event()

    class Slow(SQLiteStore):
        def lease(self, key, owner, seconds):
            asked.set()
            assert go.wait(SOON)
            return super().lease(key, owner, seconds)

    async with AsyncSemanticCache(store=Slow(path), embedder=AsyncWordEmbedder(), flight_wait=PATIENCE) as cache:
        task = asyncio.create_task(cache.get_or_compute("one two", lambda: "x"))
        while not asked.is_set():
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go.set()
        with soon():
            async with opened_async(path) as other:
                assert (await other.get_or_compute("one two", lambda: "fine")).value == "fine"


async def test_one_who_waits_when_its_cache_is_closed_gets_an_answer(path, lasting):
    with opened(path) as leader:
        assert leader._core.store.lease(leader.key("one two"), "somebody", FOREVER)
        cache = opened_async(path)
        task = asyncio.create_task(cache.get_or_compute("one two", lambda: "fine"))
        while not cache._core.store.refused.is_set():
            await asyncio.sleep(0.001)
        await cache.close()
        async with asyncio.timeout(SOON):
            assert (await task).value == "fine"


def test_a_wait_has_an_end():
    with pytest.raises(InvalidArgumentError, match="no end"):
        SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), flight_wait=NEVER)


def test_a_process_that_ends_without_closing_gives_its_lease_back(path):
    program = PEER.replace('return "answer"', 'raise ValueError("no")').replace("cache.close()", "")
    arguments = [sys.executable, "-c", program, str(path), "0.1", str(FOREVER)]
    assert subprocess.run(arguments, capture_output=True, check=False).returncode == 1
    with opened(path) as cache, soon():
        assert cache.get_or_compute("one two", lambda: "fine").value == "fine"
