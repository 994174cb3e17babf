"""What hits saved, and what was measured of lookups."""

from __future__ import annotations

import logging

import pytest

from mneme import InvalidArgumentError, MemoryStore, Saving, SemanticCache, SQLiteStore, TokenUsage
from mneme.engine.measures import LATENCIES, LATENCY, SIMILARITY, histogram
from mneme.runtime import counters as counting
from mneme.runtime.record import Record
from mneme.testing import WordEmbedder
from mneme.testing.waiting import eventually

USAGE = TokenUsage("gpt", 100, 20, 40)
PRICES = {"gpt": {"input": 1, "output": 2, "cached_input": 0.5}, "other": {"input": 5, "output": 5}}


async def test_each_hit_saves_the_tokens_of_its_answer(opening):
    cache = opening(prices=PRICES)
    await cache.put("one two three", "r", usage=USAGE, namespace="a")
    await cache.put("else", "r", usage={"model": "other", "input_tokens": 1, "output_tokens": 0}, namespace="b")
    await cache.get("one two three", namespace="a")
    await cache.get("three two one", namespace="a")
    await cache.get("else", namespace="b")
    await cache.get("nothing", namespace="b")
    stats = await cache.stats()

    assert (stats.saved_input_tokens, stats.saved_output_tokens) == (201, 40)
    assert stats.savings == (
        Saving(TokenUsage("gpt", 200, 40, 80), pytest.approx((120 + 80 * 0.5 + 40 * 2) / 1e6)),
        Saving(TokenUsage("other", 1, 0), pytest.approx(5e-6)),
    )
    assert stats.saved_cost == pytest.approx(sum(each.cost for each in stats.savings))
    assert (await cache.stats(namespace="b")).savings == stats.savings[1:]


async def test_a_model_without_a_price_costs_nothing_known(opening):
    cache = opening(prices={"other": {"input": 1, "output": 1}})
    await cache.put("q", "r", usage=USAGE)
    await cache.get("q")
    stats = await cache.stats()

    assert (stats.saved_cost, stats.savings[0].cost, stats.saved_input_tokens) == (0.0, None, 100)


async def test_without_prices_there_is_no_cost(cache):
    await cache.put("q", "r", usage=USAGE)
    await cache.get("q")

    assert (await cache.stats()).saved_cost is None


async def test_a_computed_answer_saves_its_tokens_and_its_time(cache):
    for _ in range(3):
        await cache.get_or_compute("q", lambda: "value", usage=lambda value: TokenUsage("gpt", len(value), 1))
    stats = await cache.stats()
    seconds = (await cache.get("q")).compute_seconds

    assert (stats.saved_input_tokens, stats.saved_output_tokens) == (10, 2)
    assert stats.saved_seconds == pytest.approx(2 * seconds, abs=2e-6)


async def test_a_usage_that_fails_leaves_the_answer_cached(cache, caplog):
    async def compute():
        return "value"

    with caplog.at_level(logging.WARNING, "mneme.cache"):
        for _ in range(2):
            outcome = await cache.get_or_compute("q", lambda: "value", usage=lambda value: {"odd": value})

    assert (outcome.status, (await cache.stats()).savings, "usage" in caplog.text) == ("hit", (), True)


async def test_a_usage_that_is_none_is_refused_and_nothing_stored(cache):
    with pytest.raises(InvalidArgumentError, match="usage"):
        await cache.put("q", "r", usage="much")

    assert await cache.get("q") is None


async def test_the_usage_is_not_in_the_caller_s_metadata(cache):
    await cache.put("a", "r", usage=USAGE)
    await cache.put("b", "r", usage=USAGE, metadata={"mine": 1}, tags=["t"])

    assert [(await cache.get(query)).metadata for query in "ab"] == [{}, {"mine": 1}]


async def test_savings_survive_closing_and_are_cleared_with_their_namespace(opening):
    first = opening()
    await first.put("q", "r", usage=USAGE, namespace="a")
    await first.get("q", namespace="a")
    await first.close()
    second = opening(prices=PRICES)
    before = await second.stats()
    await second.clear_namespace("a")
    after = await second.stats()
    await second.close()

    assert [(each.saved_input_tokens, each.savings) for each in (before, after, await opening().stats())] == [
        (100, (Saving(USAGE, pytest.approx(120e-6)),)),
        (0, ()),
        (0, ()),
    ]


async def test_a_replaced_answer_saves_what_the_new_one_took(cache):
    await cache.put("q", "old", usage=USAGE)
    await cache.get("q")
    await cache.put("q", "new", usage=TokenUsage("gpt", 1, 1))
    await cache.get("q")

    assert (await cache.stats()).saved_input_tokens == 101


def measured(store, what, of):
    return histogram(store.counters(), what, of)


async def test_lookups_are_timed_by_outcome(opening):
    cache = opening()
    await cache.put("one two three", "r")
    for query in ("one two three", "three two one", "nothing", "nothing"):
        await cache.get(query)
    await cache.get("one two three", bypass=True)
    await cache.close()
    again = opening()

    assert [sum(measured(again.plain._core.store, LATENCY, of)) for of in LATENCIES] == [1, 1, 2]
    assert measured(again.plain._core.store, SIMILARITY, "accepted")[100] == 1


def test_of_many_exact_hits_a_sample_is_timed():
    store = MemoryStore()
    with SemanticCache(store=store, embedder=WordEmbedder()) as cache:
        cache.put("q", "r")
        for _ in range(64 + 320):
            cache.get("q")

    assert 64 + 9 <= sum(measured(store, LATENCY, "exact")) <= 64 + 10


def test_the_nearest_of_those_refused_is_counted():
    with SemanticCache.open("memory:", embedder=WordEmbedder(), policy="guarded") as cache:
        cache.put("how do I pay my bill", "r")
        missed = cache.get("my bill how do I pay")
        store = cache._core.store

    assert (missed, measured(store, SIMILARITY, "refused")[100], sum(measured(store, SIMILARITY, "accepted"))) == (
        None,
        1,
        0,
    )


def test_what_a_cache_counts_while_it_is_only_read_is_seen_by_others(tmp_path, monkeypatch):
    monkeypatch.setattr("mneme.runtime.lookups.COUNTS_SECONDS", 0.0)
    with SemanticCache(tmp_path / "c.db", WordEmbedder()) as cache:
        cache.put("q", "r")
        cache._core._counts_due = 0.0
        other = SQLiteStore(tmp_path / "c.db")
        other.open(cache._core.identity)
        assert eventually(lambda: cache.get("q") and other.counters().get(("default", "hits_exact"), 0) >= 5)
        other.close()


def test_a_store_that_takes_no_counts_harms_nothing(tmp_path, monkeypatch):
    with SemanticCache(tmp_path / "c.db", WordEmbedder()) as cache:
        cache.put("q", "r")
        cache.get("q")
        write = cache._core.store.write
        monkeypatch.setattr(cache._core.store, "write", lambda *_: 1 / 0)
        cache._core.journal.write_counts()
        healthy = cache.health().healthy
        monkeypatch.setattr(cache._core.store, "write", write)
        cache._core.journal.write_counts()

        assert (healthy, cache._core.store.counters()["default", "hits_exact"]) == (True, 1)


def test_tenants_without_end_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(counting, "MOST_TALLIES", 3)
    counts = counting.Counters()
    for number in range(10):
        counts.tally(f"n{number}", "latency:miss:1")
        counts.tally("n0", "latency:miss:1")

    assert counts.take() == {("n0", "latency:miss:1"): 11, ("n1", "latency:miss:1"): 1, ("n2", "latency:miss:1"): 1}


def test_what_could_not_be_written_is_given_back():
    counts = counting.Counters()
    counts.tally("n", "latency:miss:1", 2)
    taken = counts.take()
    counts.give_back({**taken, ("gone", "latency:miss:1"): 5})

    assert (taken, counts.take(), counts.take()) == ({("n", "latency:miss:1"): 2},) * 2 + ({},)


@pytest.mark.parametrize(
    ("metadata", "copy"),
    [
        (None, {}),
        ('{"mneme.usage": []}', {}),
        ('{"a": 1, "mneme.usage": []}', {"a": 1}),
        ('{"a": "mneme."}', {"a": "mneme."}),
    ],
)
def test_metadata_is_the_caller_s_alone(metadata, copy):
    record = Record(1, "n", b"k", "q", "r", 0, metadata, 0.0, 0.0, None, 0, b"p", None, 2)

    assert record.metadata_copy() == copy
