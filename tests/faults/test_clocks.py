"""A clock that goes backwards loses nothing, removes nothing early and confuses no order of use."""

from __future__ import annotations

from pathlib import Path

import pytest

from mneme import MemoryStore, SemanticCache, SQLiteStore
from mneme.testing import FakeClock, WordEmbedder

# As far as a clock that was set, or a machine that lost its battery, may jump.
JUMPS = (-1.0, -86_400.0, -1_000_000_000.0)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(2_000_000_000.0)


@pytest.mark.parametrize("jump", JUMPS)
def test_what_was_used_last_leaves_last_whatever_the_clock_says(clock: FakeClock, jump: float) -> None:
    with SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), clock=clock, max_entries=2) as cache:
        cache.put("first", "answer")
        cache.put("second", "answer")
        clock.advance(jump)
        cache.get("first")
        cache.put("third", "answer")

        assert [cache.get(query, mode="exact") is not None for query in ("first", "second", "third")] == [
            True,
            False,
            True,
        ]


@pytest.mark.parametrize("jump", JUMPS)
def test_nothing_expires_early_no_age_is_negative_and_all_survives_opening(
    clock: FakeClock, tmp_path: Path, jump: float
) -> None:
    path = tmp_path / "cache.db"
    with SemanticCache(path, WordEmbedder(), clock=clock) as cache:
        cache.put("one two", "answer", ttl=60)
        clock.advance(jump)
        cache.put("three four", "answer", ttl=60)
        hits = [cache.get("one two"), cache.get("two one"), cache.get("four three")]
        removed, oldest = cache.vacuum(), cache.health().oldest_entry_age_seconds
    with SemanticCache(path, WordEmbedder(), clock=clock) as cache:
        reopened = [cache.get(query).age_seconds for query in ("one two", "three four")]
        clock.advance(59)
        young = cache.get("three four")
        clock.advance(2)
        old = cache.get("three four")

    assert [hit.age_seconds for hit in hits] == [0, 0, 0]
    assert (removed, oldest, reopened) == (0, 0.0, [0, 0])
    assert (young is not None, old) == (True, None)


def test_other_processes_changes_are_seen_on_time_however_the_clock_jumps(clock: FakeClock, tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    with (
        SemanticCache(store=SQLiteStore(path), embedder=WordEmbedder(), clock=clock, stale_check_interval=0.001) as one,
        SemanticCache(store=SQLiteStore(path), embedder=WordEmbedder(), clock=clock) as other,
    ):
        one.get("question")
        clock.advance(-1_000_000)
        other.put("question", "answer")
        for _ in range(10_000):  # the interval is of a clock that only goes forwards
            hit = one.get("question")
            if hit is not None:
                break

        assert hit is not None
