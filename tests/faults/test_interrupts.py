"""A signal in the middle of a call: the file is free, what returned is there, nobody waits for ever."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from mneme import MemoryStore, SemanticCache, SQLiteStore
from mneme.model import Durability
from mneme.stores.locks import attempt
from mneme.testing import WordEmbedder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are sent with `kill`")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.db"


@pytest.fixture
def cache(path: Path) -> Iterator[SemanticCache]:
    with SemanticCache(store=SQLiteStore(path, timeout=20), embedder=WordEmbedder()) as cache:
        cache.put("before", "answer")
        yield cache


@pytest.fixture
def interrupted(path: Path) -> Callable[[Callable[[], object]], None]:
    """Call something that waits for the file's lock, interrupt it there, and give the lock back."""

    def interrupted(call: Callable[[], object]) -> None:
        with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
            other.execute("BEGIN IMMEDIATE")
            end = threading.Timer(0.2, lambda: other.execute("ROLLBACK"))
            interrupt = threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT))
            for timer in (interrupt, end):
                timer.start()
            with pytest.raises(KeyboardInterrupt):
                call()
            for timer in (interrupt, end):
                timer.join()

    return interrupted


def test_a_put_that_is_interrupted_while_it_waits_for_another_process_keeps_no_lock(
    cache: SemanticCache, path: Path, interrupted: Callable[[Callable[[], object]], None]
) -> None:
    interrupted(lambda: cache.put("during", "answer"))
    cache.put("after", "answer")
    with SemanticCache(store=SQLiteStore(path, timeout=0), embedder=WordEmbedder()) as other:
        other.put("of another", "answer")

        assert [other.get(query) is not None for query in ("before", "during", "after")] == [True, False, True]


def test_a_put_that_is_interrupted_once_it_is_written_stops_no_other(
    cache: SemanticCache, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Heard:
        """What SQLite was still writing when the signal came."""

        def __init__(self, db: sqlite3.Connection) -> None:
            self.db = db

        def __enter__(self) -> None:
            self.db.__enter__()

        def __exit__(self, *arguments: Any) -> None:
            self.db.__exit__(*arguments)
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("mneme.stores.sqlite.store.alone", Heard)
        cache.put("during", "answer")
    cache.put("after", "answer")
    cache.delete("before")
    with SemanticCache(path, WordEmbedder()) as other:
        seen = [[each.get(query) is not None for query in ("before", "during", "after")] for each in (cache, other)]

    assert seen == [[False, True, True]] * 2


def test_a_put_that_is_interrupted_while_it_waits_for_a_thread_lets_the_others_be_written(
    cache: SemanticCache, interrupted: Callable[[Callable[[], object]], None]
) -> None:
    journal, threads = cache._core.journal, list[threading.Thread]()

    def start(query: str, when: Callable[[], object] = lambda: True) -> None:
        def put() -> None:
            while not when():
                time.sleep(0.001)
            cache.put(query, "answer")

        threads.append(threading.Thread(target=put, daemon=True))
        threads[-1].start()

    def wait() -> None:
        start("writes")
        while journal._turn.acquire(blocking=False):
            journal._turn.release()
            time.sleep(0.001)
        start("waits for the one that waits", lambda: journal._pending)
        cache.put("waits", "answer")

    interrupted(wait)
    start("comes later")
    for thread in threads:
        thread.join(20)

    assert not any(thread.is_alive() for thread in threads)
    assert [cache.get(query) is not None for query in ("writes", "waits for the one that waits", "comes later")] == [
        True
    ] * 3


@pytest.mark.parametrize("where", ["runtime.table", "runtime.journal", "stores.sqlite.store", "stores.deferred.store"])
def test_a_lock_that_was_just_had_when_the_signal_came_is_given_back(
    path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def heard(*arguments: Any, **options: Any) -> bool:
        attempt(*arguments, **options)
        raise KeyboardInterrupt

    durability: Durability = "deferred" if "deferred" in where else "normal"
    with SemanticCache(path, WordEmbedder(), durability=durability) as cache:
        with SemanticCache(path, WordEmbedder()) as other:
            other.put("of another", "answer")
        with monkeypatch.context() as patch:
            patch.setattr(f"mneme.{where}.attempt", heard)
            for call in (cache.get, lambda query: cache.put(query, "answer")):
                with suppress(KeyboardInterrupt):
                    call("before")
        thread = threading.Thread(
            target=lambda: (cache.put("after", "answer"), cache.flush(), cache.get("of another")), daemon=True
        )
        thread.start()
        thread.join(20)

        assert not thread.is_alive()
        assert cache.get("of another").response == "answer"  # type: ignore[union-attr]


@pytest.mark.parametrize("place", ["_labels.remove", "_limits.of"])
def test_limits_are_kept_after_a_signal_came_between_an_entry_and_its_limit(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    with SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), max_entries=10) as cache:
        for number in range(10):
            cache.put(f"question {number}", "answer")
        name, method = place.split(".")
        part = getattr(cache._core.table, name)

        def heard(*_: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(part, method, heard)
            cache.put("new", "answer")
        for number in range(10, 30):
            cache.put(f"question {number}", "answer")

        assert cache.stats().entries <= 10
        assert cache.get("question 29").response == "answer"  # type: ignore[union-attr]
