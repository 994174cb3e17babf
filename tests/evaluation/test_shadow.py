"""A policy on trial serves nothing by meaning, and says what it would have done."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from mneme import AsyncSemanticCache, Guarded, InvalidArgumentError, MemoryStore, SemanticCache, Shadow, Threshold
from mneme.evaluation.shadow import equal_answers, wilson
from mneme.runtime.pairs import read_labelled
from mneme.testing import WordEmbedder


def cache_of(shadow: Shadow) -> SemanticCache:
    return SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), policy=shadow)


def ask(cache: SemanticCache, query: str, answer: str, **options: object) -> str:
    return cache.get_or_compute(query, lambda: answer, **options).status


def test_nothing_is_served_by_meaning():
    shadow = Shadow(Threshold(0.8))
    cache = cache_of(shadow)

    assert ask(cache, "how do I pay today", "by card") == "computed"
    assert ask(cache, "today how do I pay", "By card.") == "computed"
    assert ask(cache, "I pay how do today", "by cheque") == "computed"
    assert ask(cache, "how do I pay today", "never asked") == "hit"  # equal questions are served
    assert ask(cache, "where is my parcel", "at sea") == "computed"

    report = shadow.report()
    assert (report.searches, report.would_serve, report.agreed, report.differed) == (4, 2, 1, 1)
    assert (report.hit_rate, report.error_rate) == (0.5, 0.5)
    assert "2 would have been served (50.0%)" in str(report)
    assert cache.stats().hits_semantic == 0


async def test_the_async_cache_tries_the_same():
    shadow = Shadow(Threshold(0.8))
    async with AsyncSemanticCache(store=MemoryStore(), embedder=WordEmbedder(), policy=shadow) as cache:
        for query, answer in [("how do I pay", "card"), ("do how I pay", "card"), ("pay I do how", "cheque")]:
            assert await cache.get(query) is None
            await cache.put(query, answer)

    assert (shadow.report().would_serve, shadow.report().agreed, shadow.report().differed) == (2, 1, 1)


def test_the_inner_policy_decides():
    shadow = Shadow(Guarded(0.5))
    cache = cache_of(shadow)
    ask(cache, "how long may I keep 2 books", "a week")
    ask(cache, "how long may I keep 3 books", "a month")

    assert (shadow.report().searches, shadow.report().would_serve) == (2, 0)


def test_the_validator_decides_too():
    shadow = Shadow(Threshold(0.8))
    cache = SemanticCache(
        store=MemoryStore(), embedder=WordEmbedder(), policy=shadow, validator=lambda answer: answer != "bad"
    )
    cache.put("how do I pay", "bad")
    cache.get("do how I pay")

    assert shadow.report().would_serve == 0


def test_tenants_are_compared_by_themselves():
    shadow = Shadow(Threshold(0.8))
    cache = cache_of(shadow)
    for tenant, answer in [("a", "card"), ("b", "cheque")]:
        ask(cache, "how do I pay", answer, vary={"tenant": tenant})
    for tenant, answer in [("a", "card"), ("b", "cheque")]:
        ask(cache, "do how I pay", answer, vary={"tenant": tenant})

    assert (shadow.report().would_serve, shadow.report().agreed) == (2, 2)


def test_every_comparison_is_a_labelled_pair(tmp_path):
    path = tmp_path / "shadow.jsonl"
    cache = cache_of(Shadow(Threshold(0.8), path=path))
    ask(cache, "how do I pay", "card")
    ask(cache, "do how I pay", "card")
    ask(cache, "pay do how I", "cheque")

    pairs = read_labelled(path)
    assert [(pair.b, pair.same) for pair in pairs] == [("do how I pay", True), ("pay do how I", False)]
    assert json.loads(path.read_text().splitlines()[1])["answer_b"] == "cheque"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_written_stops_nothing(tmp_path, caplog):
    shadow = Shadow(Threshold(0.8), path=tmp_path / "none" / "shadow.jsonl")
    cache = cache_of(shadow)
    ask(cache, "how do I pay", "card")

    assert ask(cache, "do how I pay", "card") == "computed"
    assert shadow.report().agreed == 1
    assert "could not be written" in caplog.text


def test_a_comparison_that_raises_counts_for_nothing(caplog):
    def agree(a: str, b: str) -> bool:
        raise LookupError("private")

    shadow = Shadow(Threshold(0.8), agree=agree)
    cache = cache_of(shadow)
    ask(cache, "how do I pay", "card")

    assert ask(cache, "do how I pay", "card") == "computed"
    assert (shadow.report().would_serve, shadow.report().agreed, shadow.report().differed) == (1, 0, 0)
    assert "LookupError" in caplog.text
    assert "private" not in caplog.text


def test_the_oldest_are_given_up():
    shadow = Shadow(Threshold(0.8), limit=1)
    cache = cache_of(shadow)
    cache.put("how do I pay", "card")
    cache.get("do how I pay")
    cache.get("pay how do I")
    cache.put("do how I pay", "card")
    assert shadow.report().agreed == 0
    cache.put("pay how do I", "card")
    assert shadow.report().agreed == 1


def test_threads_lose_no_count():
    shadow = Shadow(Threshold(0.0))
    cache = cache_of(shadow)
    cache.put("how do I pay", "card")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: ask(cache, f"how do I pay {number}", "card"), range(200)))

    report = shadow.report()
    assert (report.searches, report.would_serve, report.agreed) == (200, 200, 200)


def test_explain_says_that_it_is_on_trial():
    cache = cache_of(Shadow(Threshold(0.8)))
    cache.put("how do I pay", "card")

    assert cache.explain("do how I pay").outcome == "shadow"


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        ("Yes.", "yes", True),
        ("It's  9 a.m.", "it's 9 a.m", True),
        ("9", "10", False),
        ("not so", "so", False),
        ("", "", True),
    ],
)
def test_answers_are_compared_word_for_word(a, b, equal):
    assert equal_answers(a, b) is equal


@pytest.mark.parametrize("bad", [{"inner": "x"}, {"agree": 3}, {"limit": 0}, {"limit": True}])
def test_bad_arguments_are_named(bad):
    with pytest.raises(InvalidArgumentError, match=next(iter(bad))):
        Shadow(**{"inner": Threshold(), **bad})


def test_the_interval_is_wilsons():
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(10, 100) == pytest.approx((0.0552, 0.1744), abs=1e-4)
    assert wilson(0, 100)[0] == 0.0
