"""The metrics hook is told every event, with these attributes and no others."""

import logging

import pytest

from mneme.runtime import complaints
from mneme.testing import FailingEmbedder, WordEmbedder


async def test_an_exact_hit_is_told(opening, events, clock):
    cache = opening(metrics_hook=events)
    await cache.put("q", "r", namespace="n")
    clock.advance(3.7)
    await cache.get("q", namespace="n")

    attributes = {"namespace": "n", "layer": "exact", "similarity": 1.0, "confidence": 1.0, "age_seconds": 3}
    assert events == [("hit", attributes)]


async def test_a_semantic_hit_is_told(opening, events, direction):
    cache = opening(metrics_hook=events, confidence_fn=lambda similarity, age, metadata: 0.75)
    await cache.put("q", "r", embedding=direction(1.0))
    await cache.get("x", embedding=direction(0.9))

    attributes = {"namespace": "default", "layer": "semantic", "similarity": 0.9, "confidence": 0.75, "age_seconds": 0}
    assert events == [("hit", attributes)]


async def test_a_miss_says_why(opening, events, direction):
    cache = opening(metrics_hook=events)
    await cache.get("q")
    await cache.put("q", "r", embedding=direction(1.0))
    await cache.get("q", bypass=True)
    await cache.get("x", embedding=direction(0.5))
    await cache.get("x", embedding=[1.0, 2.0])
    await cache.get("x", mode="exact")

    reasons = ["no_match", "bypass", "below_threshold", "dim_mismatch", "no_match"]
    assert events == [("miss", {"namespace": "default", "reason": reason}) for reason in reasons]


async def test_a_failing_embedder_makes_a_miss_with_a_warning(opening, events, caplog):
    cache = opening(embedder=FailingEmbedder(), metrics_hook=events)
    with caplog.at_level(logging.WARNING, "mneme.cache"):
        hit = await cache.get("q")

    assert (hit, events) == (None, [("miss", {"namespace": "default", "reason": "embedder_failure"})])
    assert [(record.name, record.levelname) for record in caplog.records] == [("mneme.cache", "WARNING")]
    assert caplog.messages[0].startswith("Embedder failed")


async def test_the_traceback_of_what_fails_again_and_again_is_logged_once_a_minute(opening, caplog, monkeypatch):
    monkeypatch.setattr(complaints, "_told", {})
    times = [0.0]
    monkeypatch.setattr(complaints, "monotonic", lambda: times[-1])
    cache = opening(embedder=FailingEmbedder())
    with caplog.at_level(logging.WARNING, "mneme.cache"):
        for now in (0.0, 1.0, 59.0, 61.0):
            times.append(now)
            await cache.get("q")

    assert [record.exc_info is not None for record in caplog.records] == [True, False, False, True]
    assert len(set(caplog.messages)) == 1
    assert caplog.messages[0].endswith("ConnectionError: the embedding service is away")


async def test_a_failing_embedder_delays_no_exact_hit(opening):
    embedder = FailingEmbedder()
    cache = opening(embedder=embedder)
    embedder.failing = False
    await cache.put("q", "r")
    embedder.failing = True

    assert (await cache.get("q")).response == "r"


async def test_an_embedder_of_the_wrong_length_makes_a_miss(opening, events):
    embedder = WordEmbedder(64)
    cache = opening(embedder=embedder, metrics_hook=events)
    embedder.dim = 32

    assert (await cache.get("q"), events[0][1]["reason"]) == (None, "dim_mismatch")


async def test_a_raising_hook_is_logged_and_changes_nothing(opening, caplog):
    def hook(event, attributes):
        raise RuntimeError("no metrics today")

    cache = opening(metrics_hook=hook)
    await cache.get("q")
    await cache.put("q", "r")
    hit = await cache.get("q")

    records = [record for record in caplog.records if record.name == "mneme.metrics"]
    assert hit.response == "r"
    assert [record.levelname for record in records] == ["WARNING", "WARNING"]
    assert all("metrics hook raised" in record.getMessage() for record in records)


async def test_a_hook_may_change_what_it_is_given(opening):
    def hook(event, attributes):
        attributes.clear()

    cache = opening(metrics_hook=hook)
    await cache.put("q", "r")

    assert (await cache.get("q")).namespace == "default"


async def test_a_hook_may_use_the_cache(opening):
    seen = []

    def hook(event, attributes):
        seen.append((event, cache.plain.stats().misses))

    cache = opening(metrics_hook=hook)
    await cache.get("q")

    assert seen == [("miss", 1)]


@pytest.mark.parametrize("scope", [{"namespace": "tenant"}, {"vary": {"model": "m"}, "namespace": "tenant"}])
async def test_events_carry_the_namespace_that_held(opening, events, scope):
    cache = opening(metrics_hook=events)
    with cache.plain.scope(**scope):
        await cache.get("q")

    assert events == [("miss", {"namespace": "tenant", "reason": "no_match"})]
