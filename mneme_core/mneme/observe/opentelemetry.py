"""The cache's events as OpenTelemetry metrics."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mneme._version import __version__
from mneme.model import Stats
from mneme.observe.buckets import EMBEDDING_SECONDS, LOOKUP_SECONDS
from mneme.observe.decisions import Decision, StepName
from mneme.observe.gauges import GAUGES, gauges_of
from mneme.observe.naming import MOST_NAMESPACES, OTHERS, NamespaceLabels
from mneme.observe.tracing import embedding_attributes

try:
    from opentelemetry.metrics import Meter, get_meter
except ImportError as error:
    raise ImportError("OTelMetricsHook needs opentelemetry-api; run `pip install 'mneme-middleware[otel]'`.") from error

_COUNTED = frozenset(("hit", "miss", "eviction", "expired"))


class OTelMetricsHook:
    """A `metrics_hook` that records with an OpenTelemetry meter.

    meter: the global provider's meter "mneme" where None. namespace: what the metrics' names begin with.
    most_namespaces: how many namespaces of caches get an attribute of their own; later ones are counted as "(others)".
    The SDK hands back the same instrument for the same name, so several hooks may share a meter.
    It hears decisions, too, for the time of lookups, and is around the calls of the embedder, for
    `gen_ai.client.embeddings.duration` of the GenAI conventions.
    """

    steps: tuple[StepName, ...] = ("embed",)

    def __init__(
        self, meter: Meter | None = None, namespace: str = "mneme", *, most_namespaces: int = MOST_NAMESPACES
    ) -> None:
        self._labels = NamespaceLabels(most_namespaces)
        meter = get_meter("mneme", __version__) if meter is None else meter
        self._hits = meter.create_counter(f"{namespace}_hits_total", "{lookup}", "Lookups answered from the cache.")
        self._misses = meter.create_counter(
            f"{namespace}_misses_total", "{lookup}", "Lookups the cache did not answer."
        )
        self._evictions = meter.create_counter(
            f"{namespace}_evictions_total", "{entry}", "Entries removed to stay within a limit."
        )
        self._expirations = meter.create_counter(
            f"{namespace}_expirations_total", "{entry}", "Entries removed at the end of their TTL."
        )
        self._similarity = meter.create_histogram(f"{namespace}_hit_similarity", "1", "Cosine; 1 for exact hits.")
        self._age = meter.create_histogram(f"{namespace}_hit_age_seconds", "s", "Age of the answers served.")
        self._gauges = {
            name: meter.create_gauge(f"{namespace}_{name}", unit, text) for name, (text, unit, _) in GAUGES.items()
        }
        self._lookups = meter.create_histogram(
            f"{namespace}_lookup_seconds",
            "s",
            "Time of lookups, by what came of them.",
            explicit_bucket_boundaries_advisory=LOOKUP_SECONDS,
        )
        self._embeddings = meter.create_histogram(
            "gen_ai.client.embeddings.duration",
            "s",
            "GenAI client embeddings operation duration.",
            explicit_bucket_boundaries_advisory=EMBEDDING_SECONDS,
        )

    def __call__(self, event: str, attributes: dict[str, Any]) -> None:
        """Record one event; events this hook does not know are ignored."""
        if event not in _COUNTED:
            return
        namespace = self._labels.of(attributes["namespace"])
        match event:
            case "hit":
                where = {"layer": attributes["layer"], "namespace": namespace}
                self._hits.add(1, where)
                self._similarity.record(attributes["similarity"], where)
                self._age.record(attributes["age_seconds"], where)
            case "miss":
                self._misses.add(1, {"reason": attributes["reason"], "namespace": namespace})
            case "eviction":
                self._evictions.add(attributes["count"], {"namespace": namespace})
            case "expired":
                self._expirations.add(attributes["count"], {"namespace": namespace})

    def decided(self, decision: Decision) -> None:
        """Record the time of a lookup."""
        self._lookups.record(
            decision.seconds, {"outcome": decision.outcome, "namespace": self._labels.of(decision.namespace)}
        )

    @contextmanager
    def step(self, name: StepName, about: dict[str, Any]) -> Iterator[None]:  # noqa: ARG002  # there is but one
        """Time a call of the embedder."""
        attributes = embedding_attributes(about)
        # A number that may be any is no attribute of a metric.
        del attributes["mneme.embeddings.texts"], attributes["gen_ai.embeddings.dimension.count"]
        began = time.perf_counter()
        try:
            yield
        except BaseException as error:
            attributes["error.type"] = type(error).__qualname__
            raise
        finally:
            self._embeddings.record(time.perf_counter() - began, attributes)

    def update_gauges(self, stats: Stats) -> None:
        """Set the gauges to what `cache.stats()` returned; call it when the metrics are read.

        Gauges of the whole cache carry no namespace; those of a namespace without an attribute of its own are left out.
        """
        where = {} if stats.namespace is None else {"namespace": self._labels.of(stats.namespace)}
        if where.get("namespace") == OTHERS:
            return
        for name, labels, value in gauges_of(stats):
            self._gauges[name].set(value, {**where, **labels})
