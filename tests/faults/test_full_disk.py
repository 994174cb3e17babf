"""A disk that is full: hits go on, puts say so, and deletes make room."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mneme import CheckpointError, SemanticCache, SQLiteStore, StoreBackendError
from mneme.stores.base import Put
from mneme.stores.sqlite import room
from mneme.testing import WordEmbedder
from mneme.testing.reader import IDENTITY, Reader, entry

EMBEDDER = WordEmbedder(64)
ANSWER = "x" * 2_000


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(folder)]
    try:
        made = subprocess.run(mounting, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(cache: SemanticCache, number: int) -> int:
    """Put until it fails; return the number that failed first."""
    with pytest.raises(StoreBackendError, match="full") as caught:
        while number < 5_000:
            cache.put(f"question {number}", ANSWER)
            number += 1
    assert caught.value.__cause__ is not None
    return number


def occupy(file: Path) -> None:
    """Take all that is free."""
    with file.open("wb", buffering=0) as opened, pytest.raises(OSError, match="No space"):
        while True:
            opened.write(bytes(4_096))


def test_a_full_disk_stops_puts_alone_and_deletes_make_room_for_others(small: Path) -> None:
    with SemanticCache(small / "cache.db", EMBEDDER) as cache:
        full = fill(cache, 0)
        healthy_then = cache.health().healthy  # before what was counted is written, for which there is room
        hits = [cache.get("question 1"), cache.get("1 question")]
        gone = [cache.delete(f"question {number}") for number in range(0, full, 2)]
        more = fill(cache, full) - full
        cache.delete("question 1")
        healthy_now = cache.health().healthy

    assert [hit.layer for hit in hits] == ["exact", "semantic"]
    assert (healthy_then, healthy_now, all(gone)) == (False, True, True)
    assert more > full // 3
    with SemanticCache(small / "cache.db", EMBEDDER) as cache:
        assert cache.stats().entries == full - len(gone) + more - 1
        assert cache.get(f"question {full + more - 1}").response == ANSWER


def test_clear_and_compact_give_a_full_disk_back(small: Path) -> None:
    with SemanticCache(small / "cache.db", EMBEDDER) as cache:
        full = fill(cache, 0)
        assert cache.clear() == full
        cache.compact()
        cache.put("after", "there is room")

    assert (small / "cache.db").stat().st_size < 200_000
    with SemanticCache(small / "cache.db", EMBEDDER) as cache:
        assert (cache.stats().entries, cache.get("after").response) == (1, "there is room")


def test_a_put_of_more_than_there_is_room_for_leaves_room_for_deletes(small: Path) -> None:
    with SemanticCache(small / "cache.db", EMBEDDER) as cache:
        cache.put("small", ANSWER)
        with pytest.raises(StoreBackendError, match="full"):
            cache.put("large", "y" * 4_000_000)
        cache.put("another", ANSWER)
        assert (cache.get("large"), cache.get("another").response) == (None, ANSWER)
        assert cache.delete("small")


def test_a_disk_filled_by_others_is_survived_and_used_again_when_it_is_not(small: Path) -> None:
    with SemanticCache(small / "cache.db", EMBEDDER) as cache:
        cache.put("before", ANSWER)
        others = small / "others"
        occupy(others)
        with pytest.raises(StoreBackendError, match="full"):
            cache.put("during", ANSWER)
        with pytest.raises(CheckpointError, match="No space"):
            cache.dumps(small / "archive.zip")
        answered = cache.get("before").response
        others.unlink()
        cache.put("after", ANSWER)

    assert answered == ANSWER
    with SemanticCache(small / "cache.db", EMBEDDER) as cache:
        assert sorted(cache.list_queries()) == ["after", "before"]


def test_a_full_disk_keeps_what_is_written_later_in_memory_until_there_is_room(small: Path) -> None:
    with SemanticCache(small / "cache.db", EMBEDDER, durability="deferred") as cache:
        put = 0
        with pytest.raises(StoreBackendError, match="full"):
            while put < 5_000:
                cache.put(f"question {put}", ANSWER)
                put += 1
                if put % 100 == 0:
                    cache.flush()
        answers = [cache.get(f"question {number}") for number in range(put)]
        waiting = cache._core.deferred._writer.queue.number
        gone = [cache.delete(f"question {number}") for number in range(0, put // 2)]
        cache.flush()
        healthy = cache.health().healthy

    assert all(hit is not None and hit.response == ANSWER for hit in answers)
    assert (all(gone), healthy) == (True, True)
    assert 0 < waiting <= 100
    with SemanticCache(small / "cache.db", EMBEDDER) as cache:
        assert sorted(cache.list_queries()) == sorted(f"question {number}" for number in range(put // 2, put))


def test_a_cache_cannot_be_opened_where_there_is_no_room_at_all(small: Path) -> None:
    occupy(small / "others")
    with pytest.raises(StoreBackendError, match=r"full|space"):
        SemanticCache(small / "cache.db", EMBEDDER)


def test_a_file_that_may_not_grow_is_a_full_disk_wherever_this_runs(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path / "cache.db")) as store, SemanticCache(store=store, embedder=EMBEDDER) as cache:
        cache.put("before", ANSWER)
        assert store._db is not None
        store._db.execute("PRAGMA max_page_count = 60")
        full = fill(cache, 0)
        hits = [cache.get("before"), cache.get("question 0")]
        for number in range(full):
            cache.delete(f"question {number}")
        again = fill(cache, 0)

    assert [hit.response for hit in hits] == [ANSWER, ANSWER]
    assert again > full // 2


def test_what_is_unfolded_in_the_log_counts_as_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = 10**12
    monkeypatch.setattr(room, "_free", lambda path: free)
    with closing(SQLiteStore(tmp_path / "cache.db")) as store:
        store.open(IDENTITY)
        reader = Reader(store)
        reader.pull()
        for number in range(50):
            reader.write(Put(entry(f"q{number}", ANSWER)))
        assert store._index is not None
        (_, unfolded_with_plenty) = room._log(store._index)
        free = room.KEPT_BYTES + 100_000
        store._room = room.Room()  # which remembers for a moment that there was plenty
        reader.write(Put(entry("folds", ANSWER)))
        (_, unfolded) = room._log(store._index)
        free = room.KEPT_BYTES - 1
        with pytest.raises(StoreBackendError, match="full"):
            reader.write(Put(entry("refused", ANSWER)))

    assert unfolded_with_plenty > 50
    assert unfolded < 10
    assert _answers(tmp_path / "cache.db").keys() >= {"folds", "q1"}


def _answers(path: Path) -> dict[str, Any]:
    with closing(SQLiteStore(path)) as store:
        store.open(IDENTITY)
        return Reader(store).pull()
