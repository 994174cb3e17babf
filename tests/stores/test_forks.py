"""Caches in processes that fork, and other ways to lose SQLite's file locks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mneme.stores import forks

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

PRELUDE = """
import os, sys
from mneme import SemanticCache
from mneme.testing import WordEmbedder
def opened():
    return SemanticCache(sys.argv[1], WordEmbedder(64))
"""


@pytest.fixture
def run(path: Path) -> Callable[[str], str]:
    """Run a program over the cache file and return what it prints."""

    def run(program: str) -> str:
        source = PRELUDE + textwrap.dedent(program)
        done = subprocess.run([sys.executable, "-c", source, str(path)], capture_output=True, text=True, timeout=60)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return done.stdout

    return run


def test_a_child_keeps_its_puts_when_the_parent_closes_and_the_child_is_killed(
    run: Callable[[str], str], open_cache: Any
) -> None:
    said = run("""
        cache = opened()
        cache.put("before", "of the parent")
        from_child, to_parent = os.pipe()
        from_parent, to_child = os.pipe()
        if os.fork() == 0:
            cache.put("while both are open", "of the child")
            os.write(to_parent, b".")
            os.read(from_parent, 1)
            cache.put("after the parent closed", "of the child")
            os.write(to_parent, b".")
            os.kill(os.getpid(), 9)
        os.read(from_child, 1)
        print(cache.get("while both are open").response)
        cache.close()
        os.write(to_child, b".")
        os.read(from_child, 1)
        os.wait()
    """)
    cache = open_cache()
    queries = ("before", "while both are open", "after the parent closed")

    assert said == "of the child\n"
    assert [cache.get(query).response for query in queries] == ["of the parent", "of the child", "of the child"]


def test_parent_and_children_of_a_busy_cache_see_each_other(run: Callable[[str], str]) -> None:
    said = run("""
        import threading
        cache = opened()
        cache.put("busy", "at first")
        stop = threading.Event()
        def work():
            while not stop.is_set():
                cache.put("busy", "thread")
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        children = []
        for number in range(4):
            child = os.fork()
            if child == 0:
                cache.put(f"child {number}", "put")
                os._exit(0 if cache.get("busy") else 1)
            children.append(child)
        codes = [os.waitpid(child, 0)[1] for child in children]
        stop.set()
        for thread in threads:
            thread.join()
        print(codes, [cache.get(f"child {number}").response for number in range(4)])
        cache.close()
    """)

    assert said == "[0, 0, 0, 0] ['put', 'put', 'put', 'put']\n"


def test_a_second_cache_of_a_process_does_not_take_the_first_ones_locks(
    run: Callable[[str], str], start_peer: Any
) -> None:
    said = run("""
        import subprocess
        first = opened()
        first.put("before", "1")
        second = opened()
        leaving = "import mneme, sys; store = mneme.SQLiteStore(sys.argv[1]); store.identity(); store.close()"
        subprocess.run([sys.executable, "-c", leaving, sys.argv[1]], check=True)
        first.put("after another process left", "2")
        print(os.path.exists(sys.argv[1] + "-wal"), flush=True)
        os.kill(os.getpid(), 9)
    """)

    assert said == "True\n"
    assert start_peer().call("get", "after another process left") == "2"


def test_a_change_that_another_thread_is_making_ends_before_the_fork(run: Callable[[str], str]) -> None:
    said = run("""
        import threading, time
        cache = opened()
        table = cache._core.table
        begun, forking = threading.Event(), threading.Event()
        os.register_at_fork(before=forking.set)
        def work():
            with table.lock:
                begun.set()
                forking.wait()
                time.sleep(0.1)
                table.counts["whole"] = 1
        thread = threading.Thread(target=work)
        thread.start()
        begun.wait()
        child = os.fork()
        if child == 0:
            print(table.counts, table.lock.locked(), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        thread.join()
    """)

    assert said == "{'whole': 1} False\n"


def test_threads_that_fork_at_once_leave_each_other_s_locks_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "_stores", {})  # those of other tests would be waited for, too

    class Stopped:
        """Lets the second thread in before the first has looked for more to release."""

        def __init__(self) -> None:
            self.lock, self.taken = threading.Lock(), threading.Semaphore(0)
            forks.watch(self)

        def before_fork(self) -> None:
            self.lock.acquire()
            self.taken.release()

        def after_fork_on_both_sides(self) -> None:
            self.lock.release()
            self.taken.acquire(timeout=5)

    store, done = Stopped(), threading.Event()

    def fork() -> None:
        forks._before()
        done.wait(10)
        forks._after()

    forks._before()
    store.taken.acquire()
    second = threading.Thread(target=fork)
    second.start()
    forks._after()
    held = store.lock.locked()
    store.taken.release()
    done.set()
    second.join(20)

    assert (held, store.lock.locked()) == (True, False)


def test_a_connection_that_cannot_be_closed_stops_nobody(run: Callable[[str], str]) -> None:
    said = run("""
        import sqlite3
        cache = opened()
        cache.put("q", "r")
        def fails():
            raise sqlite3.OperationalError("disk I/O error")
        cache._core.store._close_reader = fails
        child = os.fork()
        if child == 0:
            os._exit(0 if cache.get("q") else 1)
        print(os.waitpid(child, 0)[1], cache.put("another", "r"))
    """)

    assert said == "0 None\n"


def test_a_child_collects_garbage_though_a_thread_of_its_parent_held_the_collector(run: Callable[[str], str]) -> None:
    said = run("""
        import gc, threading
        from mneme.runtime import collector
        held, stop = threading.Event(), threading.Event()
        def load():
            with collector.paused():
                held.set()
                stop.wait()
        thread = threading.Thread(target=load)
        thread.start()
        held.wait()
        child = os.fork()
        if child == 0:
            with collector.paused():
                pass
            print(gc.isenabled(), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        stop.set()
        thread.join()
        print(gc.isenabled())
    """)

    assert said == "True\nTrue\n"


def test_what_a_thread_of_the_parent_was_applying_is_whole_in_the_child(run: Callable[[str], str]) -> None:
    said = run("""
        import threading, time
        from mneme.runtime.resident import Resident
        cache = opened()
        cache.put("question", "old")
        begun = threading.Event()
        apply = Resident.apply
        def slowly(self, changes):
            begun.set()
            time.sleep(0.2)
            apply(self, changes)
        Resident.apply = slowly
        thread = threading.Thread(target=cache.put, args=("question", "new"))
        thread.start()
        begun.wait()
        child = os.fork()
        if child == 0:
            print(cache.get("question").response, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        thread.join()
    """)

    assert said == "new\n"


def test_a_row_that_a_thread_of_the_parent_was_moving_is_moved_in_the_child(run: Callable[[str], str]) -> None:
    said = run("""
        import threading, time
        from mneme.indexes.segment import Segment
        cache = opened()
        for number in range(3):
            cache.put(f"question {number}", "answer")
        begun = threading.Event()
        move = Segment.move
        def slowly(*arguments):
            begun.set()
            time.sleep(0.2)
            move(*arguments)
        Segment.move = slowly
        first = cache._core.table.by_id[1]
        thread = threading.Thread(target=cache._core.index.remove, args=(first.partition, 1))
        thread.start()
        begun.wait()
        child = os.fork()
        if child == 0:
            print(cache._core.index.count(first.partition), cache.get("2 question").query, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        thread.join()
    """)

    assert said == "2 question 2\n"
