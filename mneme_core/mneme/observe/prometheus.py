"""The cache's events as Prometheus metrics."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from mneme.errors import InvalidArgumentError
from mneme.model import Stats
from mneme.observe.buckets import EMBEDDING_SECONDS, LOOKUP_SECONDS
from mneme.observe.decisions import Decision, StepName
from mneme.observe.gauges import GAUGES, gauges_of
from mneme.observe.naming import MOST_NAMESPACES, OTHERS, NamespaceLabels

try:
    from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
except ImportError as error:
    raise ImportError(
        "PrometheusMetricsHook needs prometheus_client; run `pip install 'mneme-middleware[prometheus]'`."
    ) from error

SIMILARITY_BUCKETS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.975, 0.99, 1.0)
# A minute, ten, an hour, six, a day, a week, thirty days.
AGE_BUCKETS = (1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800, 2_592_000)

_COUNTED = frozenset(("hit", "miss", "eviction", "expired"))

ALL_NAMESPACES = ""
"""The label of gauges over the whole cache."""


class _Collectors(NamedTuple):
    labels: NamespaceLabels
    hits: Counter
    misses: Counter
    evictions: Counter
    expirations: Counter
    similarity: Histogram
    age: Histogram
    lookup: Histogram
    embedding: Histogram
    gauges: dict[str, Gauge]


# A registry refuses a second collector of one name, and two caches of one process share the default registry.
# They are remembered on the registry itself, so that they live exactly as long as it does.
_REMEMBERED = "_mneme_collectors"
_registering = threading.Lock()


class PrometheusMetricsHook:
    """A `metrics_hook` that counts in a Prometheus registry.

    registry: prometheus_client's default where None. namespace: what the metrics' names begin with.
    most_namespaces: how many namespaces of caches get a label of their own; later ones are counted as "(others)".
    Hooks of one registry and namespace share their collectors, and the limit of the first. It hears decisions, too: for
    the time of lookups.
    Raises InvalidArgumentError when the registry holds other collectors of these names.
    """

    steps: tuple[StepName, ...] = ("embed",)

    def __init__(
        self,
        registry: CollectorRegistry | None = None,
        namespace: str = "mneme",
        *,
        most_namespaces: int = MOST_NAMESPACES,
    ) -> None:
        labels = NamespaceLabels(most_namespaces)
        registry = REGISTRY if registry is None else registry
        with _registering:
            remembered: dict[str, _Collectors] = vars(registry).setdefault(_REMEMBERED, {})
            if namespace not in remembered:
                remembered[namespace] = _register(registry, namespace, labels)
            self._collectors = remembered[namespace]

    def __call__(self, event: str, attributes: dict[str, Any]) -> None:
        """Count one event; events this hook does not know are ignored."""
        collectors = self._collectors
        if event not in _COUNTED:
            return
        namespace = collectors.labels.of(attributes["namespace"])
        match event:
            case "hit":
                where = (attributes["layer"], namespace)
                collectors.hits.labels(*where).inc()
                collectors.similarity.labels(*where).observe(attributes["similarity"])
                collectors.age.labels(*where).observe(attributes["age_seconds"])
            case "miss":
                collectors.misses.labels(attributes["reason"], namespace).inc()
            case "eviction":
                collectors.evictions.labels(namespace).inc(attributes["count"])
            case "expired":
                collectors.expirations.labels(namespace).inc(attributes["count"])

    def decided(self, decision: Decision) -> None:
        """Record the time of a lookup."""
        namespace = self._collectors.labels.of(decision.namespace)
        self._collectors.lookup.labels(decision.outcome, namespace).observe(decision.seconds)

    @contextmanager
    def step(self, name: StepName, about: dict[str, Any]) -> Iterator[None]:  # noqa: ARG002  # there is but one
        """Time a call of the embedder."""
        began, failed = time.perf_counter(), "yes"
        try:
            yield
            failed = "no"
        finally:
            self._collectors.embedding.labels(about["model"], failed).observe(time.perf_counter() - began)

    def update_gauges(self, stats: Stats) -> None:
        """Set the gauges to what `cache.stats()` returned; call it when the metrics are read.

        Those of a namespace without a label of its own are left out: they do not add up.
        """
        namespace = ALL_NAMESPACES if stats.namespace is None else self._collectors.labels.of(stats.namespace)
        if namespace == OTHERS:
            return
        for name, labels, value in gauges_of(stats):
            self._collectors.gauges[name].labels(namespace=namespace, **labels).set(value)


def _register(registry: CollectorRegistry, prefix: str, namespaces: NamespaceLabels) -> _Collectors:
    made: list[Any] = []

    def make(kind: Any, name: str, text: str, *labels: str, **options: Any) -> None:
        made.append(kind(name, text, labels, namespace=prefix, registry=registry, **options))

    try:
        hit = ("layer", "namespace")
        make(Counter, "hits", "Lookups answered from the cache.", *hit)
        make(Counter, "misses", "Lookups the cache did not answer.", "reason", "namespace")
        make(Counter, "evictions", "Entries removed to stay within a limit.", "namespace")
        make(Counter, "expirations", "Entries removed at the end of their TTL.", "namespace")
        make(Histogram, "hit_similarity", "Cosine; 1 for exact hits.", *hit, buckets=SIMILARITY_BUCKETS)
        make(Histogram, "hit_age_seconds", "Age of the answers served.", *hit, buckets=AGE_BUCKETS)
        outcome = ("outcome", "namespace")
        make(Histogram, "lookup_seconds", "Time of lookups, by what came of them.", *outcome, buckets=LOOKUP_SECONDS)
        embedding = ("model", "failed")
        make(Histogram, "embedding_seconds", "Time of the embedder's calls.", *embedding, buckets=EMBEDDING_SECONDS)
        for name, (text, _, labels) in GAUGES.items():
            make(Gauge, name, f"{text} An empty namespace is the whole cache.", "namespace", *labels)
    except ValueError as error:
        for collector in made:
            registry.unregister(collector)
        raise InvalidArgumentError(
            f"the metrics {prefix}_* cannot be registered: {error}. Choose another namespace= or registry=."
        ) from error
    others, gauges = made[: -len(GAUGES)], made[-len(GAUGES) :]
    return _Collectors._make([namespaces, *others, dict(zip(GAUGES, gauges, strict=True))])
