"""Room is given back a few pages at a time, and whatever happens meanwhile no entry is lost."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mneme import SemanticCache, StoreBackendError
from mneme.stores.sqlite import compacting, connection
from mneme.stores.sqlite.reading import ReadOnlySQLiteStore

ENTRIES = 200


def fill(cache: SemanticCache) -> None:
    """Put entries of some kilobytes each, and remove all but every fifth."""
    for number in range(ENTRIES):
        cache.put(f"question {number}", str(number) * 1_000)
    for number in range(ENTRIES):
        if number % 5:
            cache.delete(f"question {number}")


def wrong(cache: SemanticCache) -> list[int]:
    """Return the numbers of entries that are there and should not be, or the other way round."""
    hits = [cache.get(f"question {number}", mode="exact") for number in range(ENTRIES)]
    truth = [None if number % 5 else str(number) * 1_000 for number in range(ENTRIES)]
    return [number for number, hit in enumerate(hits) if (hit and hit.response) != truth[number]]


def state(path: Path) -> tuple[int, int, str]:
    """Return the mode of giving pages back, how many are free, and what SQLite finds wrong."""
    with closing(sqlite3.connect(path)) as db:
        pragmas = ("auto_vacuum", "freelist_count", "integrity_check")
        mode, free, integrity = (db.execute(f"PRAGMA {pragma}").fetchone()[0] for pragma in pragmas)
    return mode, free, integrity


def test_a_file_shrinks_and_keeps_its_entries(open_cache: Any, path: Path) -> None:
    cache = open_cache()
    fill(cache)
    cache.flush()
    full = path.stat().st_size + Path(f"{path}-wal").stat().st_size
    cache.compact()
    left = wrong(cache)
    cache.close()

    assert (left, state(path)) == ([], (2, 0, "ok"))
    assert path.stat().st_size < full / 2
    assert wrong(open_cache()) == []


def test_a_file_without_a_map_of_its_pages_is_written_anew_once(
    open_cache: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(connection, "STEPWISE", "PRAGMA auto_vacuum = NONE")
        fill(open_cache())
    before = state(path)[0]
    open_cache().compact()

    assert (before, state(path), wrong(open_cache())) == (0, (2, 0, "ok"), [])


def test_puts_go_on_between_the_steps(open_cache: Any, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, other, steps = open_cache(), open_cache(), []
    fill(cache)
    give_back = compacting._give_back

    def one_at_a_time(db: sqlite3.Connection, pages: int) -> int:
        give_back(db, pages)
        steps.append(pages)
        return 1

    def put(_: float) -> None:
        for each in (cache, other):
            each.put(f"new {len(steps)} of {id(each)}", "while the file shrinks")

    monkeypatch.setattr(compacting, "_give_back", one_at_a_time)
    monkeypatch.setattr(compacting.time, "sleep", put)
    monkeypatch.setattr(compacting, "FOLD_AFTER", 10)
    cache.compact()
    new = [each.get(f"new {step} of {id(each)}") for step in range(1, len(steps)) for each in (cache, other)]

    assert len(steps) > 20
    assert (wrong(cache), wrong(other), None in new, state(path)[2]) == ([], [], False, "ok")


def test_a_step_that_fails_leaves_the_file_as_good_as_it_was(
    open_cache: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = open_cache()
    fill(cache)
    give_back, steps = compacting._give_back, []

    def failing(db: sqlite3.Connection, pages: int) -> int:
        steps.append(pages)
        if len(steps) == 3:
            raise sqlite3.OperationalError("disk I/O error")
        return give_back(db, pages)

    monkeypatch.setattr(compacting, "_give_back", failing)
    with pytest.raises(StoreBackendError, match="compacting"):
        cache.compact()
    cache.put("after", "it goes on")

    assert (wrong(cache), cache.get("after").response, state(path)[2]) == ([], "it goes on", "ok")


def test_a_file_that_is_only_read_gives_nothing_back(open_cache: Any, path: Path) -> None:
    cache = open_cache()
    fill(cache)
    with closing(ReadOnlySQLiteStore(path)) as store:
        store.open(cache._core.identity)
        with pytest.raises(StoreBackendError):
            store.compact()
        free = state(path)[1]

    assert free > 0


VICTIM = """
import os, signal, sys
from mneme import SemanticCache
from mneme.stores.sqlite import compacting
from mneme.testing import WordEmbedder

give_back, steps = compacting._give_back, []

def killed(db, pages):
    steps.append(give_back(db, pages))
    if len(steps) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return 3

compacting._give_back, compacting.FOLD_AFTER = killed, 8
with SemanticCache(sys.argv[1], WordEmbedder(64)) as cache:
    cache.compact()
"""


@pytest.mark.parametrize("steps", [1, 5])
def test_a_process_that_is_killed_while_it_compacts_loses_nothing(open_cache: Any, path: Path, steps: int) -> None:
    fill(open_cache())
    free = state(path)[1]
    ended = subprocess.run([sys.executable, "-c", VICTIM, str(path), str(steps)], check=False)

    assert (ended.returncode, wrong(open_cache())) == (-signal.SIGKILL, [])
    assert 0 < state(path)[1] < free
    assert state(path)[2] == "ok"
