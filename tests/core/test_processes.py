"""Forks, exits, kills, and other processes' locks."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap

import pytest

from mneme import AsyncSemanticCache, MultiProcessLockError, SemanticCache, SQLiteStore
from mneme.testing import AsyncWordEmbedder, FaultyStore, WordEmbedder

PREFACE = """
import os, signal, sys, threading
from mneme import MemoryStore, SemanticCache, SQLiteStore
from mneme.testing import WordEmbedder
signal.alarm(30)  # what waits for ever is killed
path = sys.argv[1]
"""


# Of a fork beside threads, which is what is tried here.
QUIETLY = ("-W", "ignore:This process:DeprecationWarning")


def run(script, *arguments):
    """Run a script in a process of its own; return what it printed."""
    command = [sys.executable, *QUIETLY, "-c", PREFACE + textwrap.dedent(script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


FORK = """
store = MemoryStore() if sys.argv[2] == "memory" else SQLiteStore(path)
cache = SemanticCache(store=store, embedder=WordEmbedder())
cache.put("before the fork", "r")
core, held, done = cache._core, threading.Event(), threading.Event()
# Not among them are those that a fork waits for: the table's, the index's, the writer's turn, the store's.
locks = [core.journal._lock, core.journal._reading,
         core.embeddings._lock, core.threads._lock, core.searchers._lock,
         core.sharing.flights._lock, core.embeddings._flights._lock]

def hold():
    for lock in locks:
        lock.acquire()
    held.set()
    done.wait()
    for lock in reversed(locks):
        lock.release()

thread = threading.Thread(target=hold)
thread.start()
held.wait()
child = os.fork()
if child == 0:
    cache.put("in the child", "r")
    hits = [cache.get("before the fork"), cache.get("fork the before"), cache.get("in the child")]
    cache.close()
    os._exit([hit and hit.layer for hit in hits] != ["exact", "semantic", "exact"])
done.set()
thread.join()
status = os.waitpid(child, 0)[1]
print(os.waitstatus_to_exitcode(status), cache.get("before the fork").response, cache.get("in the child") is not None)
cache.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize(("store", "seen"), [("memory", False), ("sqlite", True)])
def test_a_child_forked_while_a_thread_held_every_lock_works(tmp_path, store, seen):
    assert run(FORK, tmp_path / "cache.db", store) == f"0 r {seen}\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_child_waits_for_no_computation_of_its_parent(tmp_path):
    script = """
    cache = SemanticCache(store=MemoryStore(), embedder=WordEmbedder())
    begun, go = threading.Event(), threading.Event()
    def slow():
        begun.set()
        go.wait()
        return "parent"
    thread = threading.Thread(target=cache.get_or_compute, args=("q", slow))
    thread.start()
    begun.wait()
    child = os.fork()
    if child == 0:
        os._exit(cache.get_or_compute("q", lambda: "child").value != "child")
    go.set()
    thread.join()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), cache.get("q").response)
    """

    assert run(script, tmp_path) == "0 parent\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_what_was_counted_before_a_fork_is_counted_once(tmp_path):
    script = """
    cache = SemanticCache(path, WordEmbedder())
    cache.put("q", "r")
    cache.get("q")
    child = os.fork()
    if child == 0:
        cache.get("missed in the child", mode="exact")
        cache.close()
        os._exit(0)
    os.waitpid(child, 0)
    cache.close()
    with SemanticCache(path, WordEmbedder()) as cache:
        print(cache.stats().hits_exact, cache.stats().misses)
    """

    assert run(script, tmp_path / "cache.db") == "1 1\n"


@pytest.mark.parametrize("facade", ["cache", "cache.as_async()"])
def test_counters_and_removals_survive_an_exit_without_close(tmp_path, facade):
    script = f"""
    cache = SemanticCache(path, WordEmbedder(), max_entries=1)
    for number in range(3):
        cache.get(f"q{{number}}")
        cache.put(f"q{{number}}", "r")
    facade = {facade}
    del cache
    """
    run(script, tmp_path / "cache.db")

    with SemanticCache(tmp_path / "cache.db", WordEmbedder()) as cache:
        stats = cache.stats()
    assert (stats.misses, stats.evictions, stats.entries) == (3, 2, 1)


def test_a_put_that_returned_survives_a_kill(tmp_path):
    script = """
    cache = SemanticCache(path, WordEmbedder())
    for number in range(1_000_000):
        cache.put(f"q{number}", str(number))
        print(number, flush=True)
    """
    command = [sys.executable, "-c", PREFACE + textwrap.dedent(script), str(tmp_path / "cache.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        returned = [int(process.stdout.readline()) for _ in range(50)]
        process.send_signal(signal.SIGKILL)
        returned += [int(line) for line in process.stdout.read().split("\n")[:-1]]

    with SemanticCache(tmp_path / "cache.db", WordEmbedder()) as cache:
        assert [cache.get(f"q{number}").response for number in returned] == [str(number) for number in returned]


@pytest.fixture
def locked(tmp_path):
    """A file with an entry, and a connection of another owner that holds its write lock until it is closed."""
    path = tmp_path / "cache.db"
    with SemanticCache(path, WordEmbedder()) as cache:
        cache.put("one two", "r", namespace="n")
    other = sqlite3.connect(path, isolation_level=None)
    yield path, lambda: other.execute("BEGIN IMMEDIATE"), other
    other.close()


async def test_what_is_answered_from_memory_waits_for_no_lock(locked):
    path, lock, other = locked
    async with AsyncSemanticCache(store=SQLiteStore(path, timeout=60), embedder=AsyncWordEmbedder()) as cache:
        lock()
        hits = [await cache.get("one two", namespace="n"), await cache.get("two one", namespace="n")]
        answers = [cache.stats().entries, cache.health().entries, cache.list_namespaces()]
        cleared = [cache.clear_namespace("n"), cache.clear(), cache.stats().entries]
        held = other.in_transaction
        other.execute("ROLLBACK")

    assert [hit.layer for hit in hits] == ["exact", "semantic"]
    assert (answers, cleared, held) == ([1, 1, ["n"]], [1, 0, 0], True)
    with SemanticCache(path, WordEmbedder()) as cache:
        assert cache.stats().entries == 0


async def test_a_put_that_waits_for_a_lock_holds_nobody_up(locked):
    path, lock, other = locked
    async with AsyncSemanticCache(store=SQLiteStore(path, timeout=60), embedder=AsyncWordEmbedder()) as cache:
        lock()
        puts = [asyncio.create_task(cache.put(f"q{number}", "r")) for number in range(3)]
        while not cache._core.journal._turn._is_owned() and not cache._core.threads.started:
            await asyncio.sleep(0)
        hits = [await cache.get("one two", namespace="n"), await cache.get("two one", namespace="n")]
        waiting = [put.done() for put in puts]
        other.execute("ROLLBACK")
        await asyncio.gather(*puts)

        assert ([hit.layer for hit in hits], waiting) == (["exact", "semantic"], [False] * 3)
        assert [(await cache.get(f"q{number}")).response for number in range(3)] == ["r"] * 3


async def test_a_cancelled_put_may_still_land_and_stops_nobody(locked):
    path, lock, other = locked
    async with AsyncSemanticCache(store=SQLiteStore(path, timeout=60), embedder=AsyncWordEmbedder()) as cache:
        lock()
        cancelled, kept = (asyncio.create_task(cache.put(f"q{number}", "r")) for number in range(2))
        while not cache._core.threads.started:
            await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.wait([cancelled])
        other.execute("ROLLBACK")
        await kept

        assert (cancelled.cancelled(), (await cache.get("q1")).response, cache.stats().entries) == (True, "r", 3)


def test_a_lock_held_for_too_long_is_an_error_that_says_so(locked):
    path, lock, other = locked
    with SemanticCache(store=SQLiteStore(path, timeout=0.01), embedder=WordEmbedder()) as cache:
        lock()
        with pytest.raises(MultiProcessLockError, match="longer than the timeout") as caught:
            cache.put("q", "r")
        missed = cache.get("q")
        other.execute("ROLLBACK")

    assert (missed, type(caught.value.__cause__)) == (None, sqlite3.OperationalError)


async def test_puts_that_wait_together_fail_together(tmp_path):
    class Locked(FaultyStore):
        attempts = 0

        def write(self, changes, cursor, usage=None):
            self.attempts += bool(changes)
            return super().write(changes, cursor, usage)

    store = Locked(SQLiteStore(tmp_path / "cache.db"))
    async with AsyncSemanticCache(store=store, embedder=AsyncWordEmbedder()) as cache:
        store.write_error = MultiProcessLockError("held for longer than the timeout")
        with cache._core.journal._turn:
            puts = [asyncio.create_task(cache.put(f"q{number}", "r", mode="exact")) for number in range(20)]
            while len(cache._core.journal._pending) < 20:
                await asyncio.sleep(0)
        errors = await asyncio.gather(*puts, return_exceptions=True)
        store.write_error = None

    assert ({type(error) for error in errors}, store.attempts) == ({MultiProcessLockError}, 1)
