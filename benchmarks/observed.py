"""What it costs to be observed: exact hits with nobody listening, and with each of what Mneme ships.

    python -m benchmarks.observed

All caches are open side by side and take turns of 1,000 hits; each number is the median of 40 turns, and its ratio to
the turn of the cache that nobody observes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from prometheus_client import CollectorRegistry

from benchmarks import machine
from mneme import MemoryStore, SemanticCache
from mneme.adapters.opentelemetry import Tracing
from mneme.adapters.prometheus import PrometheusMetricsHook
from mneme.observe import AuditTrail, DecisionLog
from mneme.testing import WordEmbedder

TURNS, HITS = 40, 1_000
QUESTION = "how do I pay my bill"


@contextmanager
def observed(folder: Path) -> Iterator[dict[str, dict[str, Any]]]:
    """Yield how each cache is opened, by name."""
    prometheus = PrometheusMetricsHook(registry=CollectorRegistry())
    all_, some = AuditTrail(folder / "all.jsonl"), AuditTrail(folder / "some.jsonl", sample=0.0)
    with all_, some:
        yield {
            "nobody": {},
            "a metrics hook": {"metrics_hook": lambda *_: None},
            "a function": {"observers": [lambda _: None]},
            "DecisionLog, not enabled": {"observers": [DecisionLog()]},
            "AuditTrail, not in the sample": {"observers": [some]},
            "AuditTrail, in the sample": {"observers": [all_]},
            "Prometheus": {"metrics_hook": prometheus},
            "Tracing, not sampled": {"observers": [Tracing(TracerProvider(sampler=ALWAYS_OFF).get_tracer("bench"))]},
            "Tracing": {"observers": [Tracing(TracerProvider().get_tracer("bench"))]},
        }


def turn(get: Callable[[str], Any]) -> float:
    """Return the seconds of one exact hit, over a turn."""
    hit = get(QUESTION)
    assert hit.layer == "exact"
    begun = perf_counter()
    for _ in range(HITS):
        get(QUESTION)
    return (perf_counter() - begun) / HITS


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder, observed(Path(folder)) as openings:
        caches = {
            name: SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), **options)
            for name, options in openings.items()
        }
        for cache in caches.values():
            cache.put(QUESTION, "By card.")
        times = {name: [0.0] * TURNS for name in caches}
        for number in range(TURNS):
            for name, cache in caches.items():
                times[name][number] = turn(cache.get)
    plain = times["nobody"]
    print(f"{'exact hit, observed by':32}{'µs':>8}{'ratio':>8}")
    for name, taken in times.items():
        ratio = median(mine / base for mine, base in zip(taken, plain, strict=True))
        print(f"{name:32}{median(taken) * 1e6:8.2f}{ratio:8.2f}")
    about = machine.describe()
    print(", ".join(f"{name} {about[name]}" for name in ("date", "processor", "python", "mneme-middleware")))


if __name__ == "__main__":
    main()
