"""A signal in the middle of a call: the file is free, what returned is there, nobody waits for ever."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mneme import SemanticCache, SQLiteStore
from mneme.stores.sqlite.transactions import transaction
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
    commit = transaction.__exit__

    def heard(*arguments: Any) -> None:
        commit(*arguments)
        raise KeyboardInterrupt  # which came while SQLite wrote

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(transaction, "__exit__", heard)
        cache.put("during", "answer")
    cache.put("after", "answer")
    cache.delete("before")
    with SemanticCache(path, WordEmbedder()) as other:
        seen = [[each.get(query) is not None for query in ("before", "during", "after")] for each in (cache, other)]

    assert seen == [[False, True, True]] * 2
