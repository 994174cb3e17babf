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
from mneme.testing import AsyncWordEmbedder, FaultyStore, WordEmbedder

PEER = """
import os, sys, time
from mneme import SemanticCache, SQLiteStore
from mneme.runtime import leasing
from mneme.testing import WordEmbedder
leasing.LEASE_SECONDS = float(sys.argv[3])
cache = SemanticCache(store=SQLiteStore(sys.argv[1]), embedder=WordEmbedder(), flight_wait=30)

def compute():
    with open(sys.argv[1] + ".log", "a") as log:
        log.write("computed\\n")
    print("computing", flush=True)
    time.sleep(float(sys.argv[2]))
    return "answer"

print(cache.get_or_compute("one two", compute).value, flush=True)
cache.close()
"""


def peer(path, seconds, lease=6.0):
    """Another process that computes for `seconds`."""
    arguments = [sys.executable, "-c", PEER, str(path), str(seconds), str(lease)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "cache.db"
    SemanticCache(file, WordEmbedder()).close()
    return file


def opened(path, **options):
    return SemanticCache(store=SQLiteStore(path), embedder=WordEmbedder(), **{"flight_wait": 30} | options)


def test_of_several_processes_one_computes(path):
    peers = [peer(path, 0.3) for _ in range(4)]
    answers = [process.communicate()[0].split()[-1] for process in peers]

    assert answers == ["answer"] * 4
    assert (path.parent / "cache.db.log").read_text() == "computed\n"


def test_a_dead_leader_is_taken_over(path, monkeypatch):
    monkeypatch.setattr(leasing, "LEASE_SECONDS", 0.5)
    leader = peer(path, 60, lease=0.5)
    assert leader.stdout.readline() == "computing\n"
    os.kill(leader.pid, signal.SIGKILL)
    leader.wait()
    with opened(path) as cache:
        outcome = cache.get_or_compute("one two", lambda: "mine")

    assert (outcome.value, outcome.status) == ("mine", "computed")


def test_a_leader_that_takes_long_keeps_its_lease(path, monkeypatch):
    monkeypatch.setattr(leasing, "LEASE_SECONDS", 0.3)
    leader = peer(path, 1.5, lease=0.3)
    assert leader.stdout.readline() == "computing\n"
    with opened(path) as cache:
        outcome = cache.get_or_compute("one two", lambda: "mine")
    leader.wait()

    assert (outcome.value, outcome.status) == ("answer", "hit")


def test_waiting_is_bounded(path):
    leader = peer(path, 20)
    assert leader.stdout.readline() == "computing\n"
    with opened(path, flight_wait=0.3) as cache:
        outcome = cache.get_or_compute("one two", lambda: "mine")
        assert cache.get("one two").response == "mine"
    leader.kill()
    leader.wait()

    assert (outcome.value, outcome.status) == ("mine", "computed")


def caches(path, **options):
    """Two caches over one file: to each other they are as two processes are."""
    return opened(path, **options), opened(path, **options)


def test_what_the_leader_does_not_store_is_computed_by_the_next(path):
    one, other = caches(path)
    started, go = threading.Event(), threading.Event()

    def refuse():
        started.set()
        go.wait(10)
        return "[ERROR] no"

    with one, other:
        leader = threading.Thread(target=one.get_or_compute, args=("one two", refuse))
        leader.start()
        started.wait(10)
        threading.Timer(0.1, go.set).start()
        outcome = other.get_or_compute("one two", lambda: "fine")
        leader.join()

    assert (outcome.value, outcome.status) == ("fine", "computed")


def test_a_leader_that_fails_leaves_it_to_the_next(path):
    one, other = caches(path)
    with one, other:
        with pytest.raises(ZeroDivisionError):
            one.get_or_compute("one two", lambda: 1 / 0)
        started = time.monotonic()
        assert other.get_or_compute("one two", lambda: "fine").value == "fine"
        assert time.monotonic() - started < 2


def test_a_leader_that_lost_its_lease_stores_nothing(path, monkeypatch):
    monkeypatch.setattr(leasing, "LEASE_SECONDS", 0.2)
    monkeypatch.setattr(leasing, "RENEWALS", 0.01)  # a process that stands still renews nothing
    one, other = caches(path)
    with one, other:

        def slow():
            time.sleep(0.5)
            assert other.get_or_compute("one two", lambda: "new").value == "new"
            return "old"

        assert one.get_or_compute("one two", slow).value == "old"
        assert [cache.get("one two").response for cache in (one, other)] == ["new", "new"]


async def test_async_caches_wait_without_holding_the_loop(path):
    def made():
        return AsyncSemanticCache(store=SQLiteStore(path), embedder=AsyncWordEmbedder(), flight_wait=30)

    calls = []

    async def compute():
        calls.append(1)
        await asyncio.sleep(0.3)
        return "answer"

    async with made() as one, made() as other:
        outcomes = await asyncio.gather(*(cache.get_or_compute("one two", compute) for cache in (one, other)))

    assert ([outcome.value for outcome in outcomes], len(calls)) == (["answer"] * 2, 1)


async def test_a_cancelled_leader_gives_its_lease_back(path):
    async def forever():
        await asyncio.sleep(60)

    async with AsyncSemanticCache(store=SQLiteStore(path), embedder=AsyncWordEmbedder(), flight_wait=30) as cache:
        task = asyncio.create_task(cache.get_or_compute("one two", forever))
        await asyncio.sleep(0.2)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.2)
        with opened(path) as other:
            started = time.monotonic()
            assert other.get_or_compute("one two", lambda: "fine").value == "fine"
            assert time.monotonic() - started < 3


def test_a_stale_answer_is_computed_anew_by_one_of_two(path):
    one, other = caches(path)
    calls, go = [], threading.Event()

    def compute():
        calls.append(1)
        go.wait(10)
        return "new"

    with one, other:
        one.put("one two", "old", ttl=0.05)
        time.sleep(0.06)
        for cache in (one, other):
            outcome = cache.get_or_compute("one two", compute, ttl=60, stale_while_revalidate=60)
            assert (outcome.value, outcome.status) == ("old", "stale")
        time.sleep(0.2)
        go.set()
        for _ in range(500):
            if other.get("one two") is not None:
                break
            time.sleep(0.01)
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
    started = time.monotonic()
    with opened(path) as cache:
        value = cache.get_or_compute("one two", lambda: cache.get_or_compute("one two", lambda: "inner").value).value

    assert value == "inner"
    assert time.monotonic() - started < 5


def test_two_calls_that_ask_for_each_other_s_keys_do_not_wait_for_ever(path):
    together = threading.Barrier(2)
    started = time.monotonic()
    with opened(path) as cache:

        def ask(mine, theirs):
            def compute():
                together.wait(10)
                return cache.get_or_compute(theirs, lambda: "inner").value

            cache.get_or_compute(mine, compute)

        threads = [threading.Thread(target=ask, args=pair) for pair in (("a", "b"), ("b", "a"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert time.monotonic() - started < 10


async def test_a_caller_cancelled_while_its_lease_is_being_taken_keeps_none(path):
    class Slow(SQLiteStore):
        def lease(self, key, owner, seconds):
            time.sleep(0.3)
            return super().lease(key, owner, seconds)

    async with AsyncSemanticCache(store=Slow(path), embedder=AsyncWordEmbedder(), flight_wait=30) as cache:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(cache.get_or_compute("one two", lambda: "x"), 0.1)
        await asyncio.sleep(0.6)
        with opened(path) as other:
            started = time.monotonic()
            assert other.get_or_compute("one two", lambda: "fine").value == "fine"
            assert time.monotonic() - started < 3


async def test_one_who_waits_when_its_cache_is_closed_gets_an_answer(path):
    with opened(path) as leader:
        assert leader._core.store.lease(leader.key("one two"), "somebody", 60)
        cache = AsyncSemanticCache(store=SQLiteStore(path), embedder=AsyncWordEmbedder(), flight_wait=30)
        task = asyncio.create_task(cache.get_or_compute("one two", lambda: "fine"))
        await asyncio.sleep(0.3)
        await cache.close()
        async with asyncio.timeout(10):
            assert (await task).value == "fine"


def test_a_wait_has_an_end():
    with pytest.raises(InvalidArgumentError, match="no end"):
        SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), flight_wait=NEVER)


def test_a_process_that_ends_without_closing_gives_its_lease_back(path):
    program = PEER.replace('return "answer"', 'raise ValueError("no")').replace("cache.close()", "")
    arguments = [sys.executable, "-c", program, str(path), "0.1", "6"]
    assert subprocess.run(arguments, capture_output=True, check=False).returncode == 1
    with opened(path) as cache:
        started = time.monotonic()
        assert cache.get_or_compute("one two", lambda: "fine").value == "fine"
        assert time.monotonic() - started < 3
