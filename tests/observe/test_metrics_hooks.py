"""The cache's events as Prometheus and OpenTelemetry metrics."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry, Counter, generate_latest

from mneme import MemoryStore, SemanticCache
from mneme.adapters.opentelemetry import OTelMetricsHook
from mneme.adapters.prometheus import PrometheusMetricsHook
from mneme.errors import InvalidArgumentError
from mneme.model import Stats
from mneme.testing import WordEmbedder

EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("hit", {"namespace": "a", "layer": "exact", "similarity": 1.0, "confidence": 1.0, "age_seconds": 30}),
    (
        "hit",
        {"namespace": "a", "layer": "semantic", "similarity": 0.9, "confidence": 0.9, "age_seconds": 7200},
    ),
    ("hit", {"namespace": "a", "layer": "semantic", "similarity": 0.8, "confidence": 0.8, "age_seconds": 5}),
    ("miss", {"namespace": "b", "reason": "no_match"}),
    ("eviction", {"namespace": "a", "count": 3}),
    ("expired", {"namespace": "b", "count": 2}),
    ("an event of a later version", {}),
]


def stats_of(namespace: str | None, entries: int) -> Stats:
    return Stats(
        namespace=namespace,
        entries=entries,
        hits_exact=0,
        hits_semantic=0,
        misses=0,
        evictions=0,
        expirations=0,
        embedder_fingerprint="test",
        vector_dtype="float32",
        memory_bytes_estimate=entries * 256,
        index_memory_bytes=0,
        index_tombstone_count=0,
    )


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def samples(registry: CollectorRegistry) -> dict[str, float]:
    """What a scrape shows, without the times of creation and the empty or full buckets."""
    return {
        sample.name + str(sorted(sample.labels.values())): sample.value
        for family in registry.collect()
        for sample in family.samples
        if not sample.name.endswith(("_created", "_bucket"))
    }


def test_prometheus_counts_every_event_under_its_documented_name(registry: CollectorRegistry) -> None:
    hook = PrometheusMetricsHook(registry=registry)

    for event, attributes in EVENTS:
        hook(event, attributes)

    assert samples(registry) == {
        "mneme_hits_total['a', 'exact']": 1.0,
        "mneme_hits_total['a', 'semantic']": 2.0,
        "mneme_misses_total['b', 'no_match']": 1.0,
        "mneme_evictions_total['a']": 3.0,
        "mneme_expirations_total['b']": 2.0,
        "mneme_hit_similarity_count['a', 'exact']": 1.0,
        "mneme_hit_similarity_sum['a', 'exact']": 1.0,
        "mneme_hit_similarity_count['a', 'semantic']": 2.0,
        "mneme_hit_similarity_sum['a', 'semantic']": pytest.approx(1.7),
        "mneme_hit_age_seconds_count['a', 'exact']": 1.0,
        "mneme_hit_age_seconds_sum['a', 'exact']": 30.0,
        "mneme_hit_age_seconds_count['a', 'semantic']": 2.0,
        "mneme_hit_age_seconds_sum['a', 'semantic']": 7205.0,
    }


def test_prometheus_labels_are_layer_reason_and_namespace(registry: CollectorRegistry) -> None:
    hook = PrometheusMetricsHook(registry=registry)

    for event, attributes in EVENTS:
        hook(event, attributes)

    hits = registry.get_sample_value("mneme_hits_total", {"layer": "semantic", "namespace": "a"})
    misses = registry.get_sample_value("mneme_misses_total", {"reason": "no_match", "namespace": "b"})
    assert (hits, misses) == (2.0, 1.0)


def test_prometheus_gauges_follow_the_stats(registry: CollectorRegistry) -> None:
    hook = PrometheusMetricsHook(registry=registry, namespace="app")

    hook.update_gauges(stats_of("a", 2))
    hook.update_gauges(stats_of(None, 5))

    assert samples(registry) == {
        "app_entries['a']": 2.0,
        "app_memory_bytes['a']": 512.0,
        "app_entries['']": 5.0,
        "app_memory_bytes['']": 1280.0,
    }


def test_prometheus_tells_what_hits_saved(registry: CollectorRegistry) -> None:
    hook = PrometheusMetricsHook(registry=registry)
    prices = {"currency": "EUR", "date": "2026-02-01", "models": {"m": {"input": 1_000_000, "output": 0}}}
    with SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), prices=prices) as cache:
        cache.put("q", "r", usage={"model": "m", "input_tokens": 3, "output_tokens": 2})
        cache.get("q")
        hook.update_gauges(cache.stats())

    tokens = {"namespace": "", "model": "m"}
    assert registry.get_sample_value("mneme_saved_tokens", {**tokens, "kind": "input"}) == 3
    assert registry.get_sample_value("mneme_saved_tokens", {**tokens, "kind": "output"}) == 2
    assert registry.get_sample_value("mneme_saved_cost", tokens) == 3
    assert registry.get_sample_value("mneme_resident_bytes", {"namespace": ""}) > 0


def test_two_prometheus_hooks_of_one_registry_count_together(registry: CollectorRegistry) -> None:
    for _ in range(2):
        PrometheusMetricsHook(registry=registry)("eviction", {"namespace": "a", "count": 3})

    assert registry.get_sample_value("mneme_evictions_total", {"namespace": "a"}) == 6.0


def test_prometheus_hooks_use_the_default_registry() -> None:
    from prometheus_client import REGISTRY

    PrometheusMetricsHook(namespace="mneme_test_default")("eviction", {"namespace": "a", "count": 1})

    assert REGISTRY.get_sample_value("mneme_test_default_evictions_total", {"namespace": "a"}) == 1.0


def test_a_name_taken_by_another_collector_is_a_clear_error_and_leaves_nothing(
    registry: CollectorRegistry,
) -> None:
    taken = Counter("mneme_evictions", "somebody else's", registry=registry)

    with pytest.raises(InvalidArgumentError, match="namespace= or registry="):
        PrometheusMetricsHook(registry=registry)

    assert [family.name for family in registry.collect()] == ["mneme_evictions"]
    registry.unregister(taken)
    PrometheusMetricsHook(registry=registry)


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


def points(reader: InMemoryMetricReader) -> dict[str, float]:
    """Metric and labels -> its value, or for a histogram its sum."""
    data = reader.get_metrics_data()
    return {
        metric.name + str(sorted(point.attributes.values())): getattr(point, "value", None) or point.sum
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    }


def test_opentelemetry_records_every_event_under_the_same_names(reader: InMemoryMetricReader) -> None:
    hook = OTelMetricsHook(MeterProvider([reader]).get_meter("test"))

    for event, attributes in EVENTS:
        hook(event, attributes)

    assert points(reader) == {
        "mneme_hits_total['a', 'exact']": 1,
        "mneme_hits_total['a', 'semantic']": 2,
        "mneme_misses_total['b', 'no_match']": 1,
        "mneme_evictions_total['a']": 3,
        "mneme_expirations_total['b']": 2,
        "mneme_hit_similarity['a', 'exact']": 1.0,
        "mneme_hit_similarity['a', 'semantic']": pytest.approx(1.7),
        "mneme_hit_age_seconds['a', 'exact']": 30,
        "mneme_hit_age_seconds['a', 'semantic']": 7205,
    }


def test_opentelemetry_gauges_follow_the_stats(reader: InMemoryMetricReader) -> None:
    hook = OTelMetricsHook(MeterProvider([reader]).get_meter("test"), namespace="app")

    hook.update_gauges(stats_of("a", 2))
    hook.update_gauges(stats_of(None, 5))

    assert points(reader) == {
        "app_entries['a']": 2,
        "app_memory_bytes['a']": 512,
        "app_entries[]": 5,
        "app_memory_bytes[]": 1280,
    }


def test_two_opentelemetry_hooks_of_one_meter_count_together(reader: InMemoryMetricReader) -> None:
    meter = MeterProvider([reader]).get_meter("test")

    for _ in range(2):
        OTelMetricsHook(meter)("eviction", {"namespace": "a", "count": 3})

    assert points(reader) == {"mneme_evictions_total['a']": 6}


def test_without_a_provider_opentelemetry_records_nowhere() -> None:
    OTelMetricsHook()("miss", {"namespace": "a", "reason": "no_match"})


@pytest.mark.parametrize(
    ("module", "library", "extra"),
    [
        ("mneme.adapters.prometheus", "prometheus_client", "mneme-middleware[prometheus]"),
        ("mneme.adapters.opentelemetry", "opentelemetry.metrics", "mneme-middleware[otel]"),
    ],
)
def test_a_missing_client_library_names_the_extra(module: str, library: str, extra: str) -> None:
    code = f"import sys; sys.modules[{library!r}] = None; import {module}"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert f"pip install '{extra}'" in done.stderr


HOSTILE = ["\ud800lone", 'quote" } line\nfeed', "x" * 10_000, "", "(others)", "\x1b[31m"]


def spaces_of(registry: CollectorRegistry) -> set[str]:
    return {
        sample.labels["namespace"]
        for family in registry.collect()
        for sample in family.samples
        if "namespace" in sample.labels
    }


def test_prometheus_names_so_many_namespaces_and_counts_the_others_together(registry: CollectorRegistry) -> None:
    hook = PrometheusMetricsHook(registry=registry, most_namespaces=3)
    with SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), metrics_hook=hook) as cache:
        for number in range(500):
            cache.get("q", namespace=f"tenant {number}")
            cache.put("q", "r", namespace=f"tenant {number}")
            cache.get("q", namespace=f"tenant {number}")
        for name in ("tenant 0", "tenant 499"):
            hook.update_gauges(cache.stats(namespace=name))

    labels = {"layer": "exact", "namespace": "(others)"}
    assert spaces_of(registry) == {"tenant 0", "tenant 1", "tenant 2", "(others)"}
    assert registry.get_sample_value("mneme_hits_total", labels) == 497
    assert registry.get_sample_value("mneme_entries", {"namespace": "(others)"}) is None


def test_the_limit_holds_under_threads(registry: CollectorRegistry) -> None:
    hook = PrometheusMetricsHook(registry=registry, most_namespaces=5)
    with ThreadPoolExecutor(8) as threads:
        for number in range(400):
            threads.submit(hook, "miss", {"namespace": f"tenant {number}", "reason": "no_match"})

    assert len(spaces_of(registry)) == 6


@pytest.mark.parametrize("name", HOSTILE, ids=["surrogate", "quotes", "long", "empty", "others", "escape"])
def test_a_namespace_of_any_name_is_exported(registry: CollectorRegistry, name: str) -> None:
    hook = PrometheusMetricsHook(registry=registry)
    hook("miss", {"namespace": name, "reason": "no_match"})
    hook.update_gauges(stats_of(None, 7))
    page = generate_latest(registry)

    (label,) = spaces_of(registry) - {""}
    assert 0 < len(label) <= 200
    assert b'mneme_entries{namespace=""} 7.0' in page


def test_opentelemetry_names_so_many_namespaces() -> None:
    reader = InMemoryMetricReader()
    hook = OTelMetricsHook(MeterProvider([reader]).get_meter("test"), most_namespaces=2)
    for name in (*HOSTILE, "a", "b"):
        hook("miss", {"namespace": name, "reason": "no_match"})
    data = reader.get_metrics_data()
    assert data is not None
    points = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    names = {str(point.attributes["namespace"]).encode("utf-8") for point in points}

    assert len(names) == 3


@pytest.mark.parametrize("most", [-1, 1.5, True, "many"])
def test_a_limit_that_is_no_number_is_refused(registry: CollectorRegistry, most: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="most_namespaces is"):
        PrometheusMetricsHook(registry=registry, most_namespaces=most)
