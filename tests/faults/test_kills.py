"""Processes that are killed at their work: every put that returned is there, and the file is whole."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mneme import SemanticCache
from mneme.stores.sqlite import schema
from mneme.testing import WordEmbedder

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")

EMBEDDER = WordEmbedder(64)


def number_of(cache: SemanticCache, key: str) -> int | None:
    """Which of its answers a question has."""
    hit = cache.get(f"question {key}", mode="exact")
    return None if hit is None else int(hit.response.split()[1])


def lost(cache: SemanticCache, said: list[list[str]]) -> list[tuple[str, int | None]]:
    """The keys whose newest put that returned, or a later one, is not there; a delete may have got through or not."""
    newest: dict[str, int] = {}
    for word, key, *rest in said:
        if word == "put":
            newest[key] = int(rest[0])
        else:
            newest.pop(key, None)
    found = {key: number_of(cache, key) for key in newest}
    return [(key, number) for key, number in found.items() if number is None or number < newest[key]]


@pytest.mark.parametrize("work", ["puts", "groups", "checkpoints", "vacuums"])
def test_a_killed_process_loses_no_put_that_returned(
    killed: Callable[..., Any], integrity: Callable[[], str], path: Path, work: str, round_: int
) -> None:
    chance = random.Random(f"{work} {round_}")
    # In every second round somebody else has the file open, and goes on where the killed one left it.
    other = SemanticCache(path, EMBEDDER) if round_ % 2 else None
    said = killed(work, chance.randrange(30, 600), chance)
    cache = other or SemanticCache(path, EMBEDDER)
    gone = lost(cache, said)
    cache.put("after", "it goes on")
    cache.close()

    assert (gone, integrity()) == ([], "ok")
    with SemanticCache(path, EMBEDDER) as cache:
        assert (lost(cache, said), cache.get("after").response) == ([], "it goes on")
    archive = path.with_name("archive.zip")
    if archive.exists():  # whole, however little of the next one was written
        SemanticCache.loads(archive, path.with_name("restored.db"), EMBEDDER).close()


def test_a_killed_process_that_writes_later_loses_only_what_was_not_flushed(
    killed: Callable[..., Any], integrity: Callable[[], str], path: Path, round_: int
) -> None:
    chance = random.Random(f"defers {round_}")
    said = killed("defers", chance.randrange(80, 900), chance)
    last = max(place for place, words in enumerate(said) if words[0] == "flushed")
    flushed = [words for words in said[:last] if words[0] == "put"]
    with SemanticCache(path, EMBEDDER) as cache:
        gone = lost(cache, flushed)
        found = {query: cache.get(query, mode="exact").response for query in cache.list_queries()}
        cache.put("after", "it goes on")

    assert (gone, integrity()) == ([], "ok")
    for query, answer in found.items():
        number = int(answer.split()[1])
        assert (query, answer) == (f"question {number % 300}", f"answer {number} " + "x" * (number % 40 * 50))


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of this version, large enough that an upgrade takes a while."""
    path = tmp_path_factory.mktemp("older") / "cache.db"
    with SemanticCache(path, EMBEDDER) as cache:
        cache.put_many([(f"question {number}", f"answer {number} " + "x" * 1_500) for number in range(3_000)])
    return path


def test_an_upgrade_that_is_killed_is_done_or_not_begun(
    killed: Callable[..., Any], integrity: Callable[[], str], path: Path, older: Path, round_: int
) -> None:
    chance = random.Random(f"migration {round_}")
    shutil.copy(older, path)
    killed("migrates", 1, chance, moment=0.03)
    with closing(sqlite3.connect(path)) as db:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        columns = [name for _, name, *_ in db.execute("PRAGMA table_info(entries)")]
        red = (
            db.execute("SELECT count(*) FROM entries WHERE colour = 'red'").fetchone()[0] if "colour" in columns else 0
        )
        (entries,) = db.execute("SELECT count(*) FROM entries").fetchone()
    newest = len(schema.MIGRATIONS)

    assert (version, red) in ((newest, 0), (newest + 1, 3_000))
    assert (entries, integrity()) == (3_000, "ok")
    if version == newest:
        with SemanticCache(path, EMBEDDER) as cache:
            assert cache.stats().entries == 3_000


def test_a_restore_that_is_killed_leaves_the_old_cache_or_the_new_one(
    killed: Callable[..., Any], integrity: Callable[[], str], path: Path, older: Path, round_: int
) -> None:
    chance = random.Random(f"restore {round_}")
    with SemanticCache(older, EMBEDDER) as cache:
        cache.dumps(path.with_name("archive.zip"))
    with SemanticCache(path, EMBEDDER) as cache:
        cache.put("old", "of the old cache")
    killed("restores", 1, chance, moment=0.4)
    with SemanticCache(path, EMBEDDER) as cache:
        entries, old = cache.stats().entries, cache.get("old", mode="exact")

    assert (entries, old is not None) in ((1, True), (3_000, False))
    assert integrity() == "ok"
