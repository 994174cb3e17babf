"""A clock that goes backwards loses nothing, removes nothing early and confuses no order of use."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from mneme import InvalidArgumentError, MemoryStore, SemanticCache, SQLiteStore
from mneme.testing import FakeClock, WordEmbedder
from mneme.tools import looking

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


WRONG = (math.nan, math.inf, -math.inf)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_clock_that_gives_no_time_stores_nothing_and_loses_nothing(tmp_path: Path, wrong: float) -> None:
    clock = FakeClock(2_000_000_000.0)
    with SemanticCache(tmp_path / "cache.db", WordEmbedder(), clock=lambda: clock() + broken) as cache:
        broken = 0.0
        cache.put("one two", "for ever")
        cache.put("three four", "for a minute", ttl=60)
        broken = wrong
        for put in (lambda: cache.put("new", "answer"), lambda: cache.put_many([("new", "answer")]), cache.vacuum):
            with pytest.raises(InvalidArgumentError, match="clock"):
                put()
        meanwhile = [cache.get("one two").response, cache.get_or_compute("new", lambda: "computed").value]
        is_stale_served = cache.get("three four") is not None
        broken = 0.0
        cache.put("later", "answer")
        cache.flush()
    with SemanticCache(tmp_path / "cache.db", WordEmbedder(), clock=clock) as cache:
        after = {query: cache.get(query) and cache.get(query).response for query in ("one two", "three four", "later")}
        entry = next(each for each in looking.entries(tmp_path / "cache.db")[0] if each.query == "one two")

    assert (meanwhile, is_stale_served) == (["for ever", "computed"], wrong == -math.inf)
    assert after == {"one two": "for ever", "three four": "for a minute", "later": "answer"}
    assert (entry.last_accessed_at, entry.access_count) == (2_000_000_000.0, 1)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_file_takes_what_was_counted_by_a_wrong_clock(tmp_path: Path, wrong: float) -> None:
    with SemanticCache(tmp_path / "cache.db", WordEmbedder()) as cache:
        cache.put("one two", "answer")
    with SemanticCache(tmp_path / "cache.db", WordEmbedder(), clock=lambda: wrong) as cache:
        hits = [cache.get("one two"), cache.get("two one")]
        cache.flush()
        number = cache.stats().hits_exact + cache.stats().hits_semantic

    assert (all(hits), number) == (True, 2)
