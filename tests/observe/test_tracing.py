"""Lookups, embedding and computing as spans, in both facades."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, Tracer, get_current_span

from mneme import AsyncSemanticCache, MemoryStore, SemanticCache
from mneme.adapters.opentelemetry import OTelMetricsHook, Tracing
from mneme.testing import AsyncWordEmbedder, FailingEmbedder, WordEmbedder
from mneme.testing.waiting import aeventually

QUESTION, OTHER_WORDS = "how do I pay my bill", "my bill how do I pay"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exporter: InMemorySpanExporter) -> Iterator[Tracer]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider.get_tracer("test")
    provider.shutdown()


def cache_with(*observers: Any, **options: Any) -> SemanticCache:
    return SemanticCache(store=MemoryStore(), **{"embedder": WordEmbedder(), "observers": observers} | options)


def tree(spans: tuple[ReadableSpan, ...]) -> dict[str, str | None]:
    """Name of each span -> name of the one around it; in the order in which they began."""
    names = {span.context.span_id: span.name for span in spans if span.context}
    inside = sorted(spans, key=lambda span: span.start_time or 0)
    return {span.name: names.get(span.parent.span_id) if span.parent else None for span in inside}


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def lookups(exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    return [span for span in exporter.get_finished_spans() if span.name == "mneme.lookup"]


EMBEDDING = "embeddings " + WordEmbedder().fingerprint
TREE = {"mneme.lookup": None, EMBEDDING: "mneme.lookup", "mneme.compute": "mneme.lookup", "the model": "mneme.compute"}


def test_a_computed_answer_has_the_embedding_and_the_computation_inside(
    tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    cache = cache_with(Tracing(tracer))

    def model() -> str:
        with tracer.start_as_current_span("the model"):
            return "By card."

    cache.get_or_compute(QUESTION, model)

    assert tree(exporter.get_finished_spans()) == TREE


@pytest.mark.parametrize("embedder", [WordEmbedder, AsyncWordEmbedder])
async def test_so_it_has_where_it_is_awaited(
    tracer: Tracer, exporter: InMemorySpanExporter, embedder: type[WordEmbedder]
) -> None:
    cache = AsyncSemanticCache(store=MemoryStore(), embedder=embedder(), observers=[Tracing(tracer)])

    async def model() -> str:
        await asyncio.sleep(0)
        with tracer.start_as_current_span("the model"):
            return "By card."

    async with cache:
        await cache.get_or_compute(QUESTION, model)

    spans = exporter.get_finished_spans()
    names = {span.name.split(" ")[0] for span in spans}
    assert (len(spans), names) == (4, {"mneme.lookup", "embeddings", "mneme.compute", "the"})
    assert [parent for name, parent in tree(spans).items() if name.startswith("embeddings")] == ["mneme.lookup"]
    assert tree(spans)["the model"] == "mneme.compute"


def test_the_span_of_a_lookup_says_what_was_decided_and_nothing_that_was_asked(
    tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    cache = cache_with(Tracing(tracer))
    cache.put(QUESTION, "By card.")

    cache.get(OTHER_WORDS, namespace="default")
    cache.get("when do you open")

    hit, miss = map(attributes, lookups(exporter))
    assert hit == {
        "mneme.namespace": "default",
        "mneme.outcome": "semantic",
        "mneme.layer": "semantic",
        "mneme.similarity": 1.0,
        "mneme.confidence": 1.0,
        "mneme.key": cache.key(OTHER_WORDS),
        "mneme.entry": cache.key(QUESTION),
    }
    assert miss == {
        "mneme.namespace": "default",
        "mneme.outcome": "miss",
        "mneme.reason": "below_threshold",
        "mneme.key": cache.key("when do you open"),
    }


def test_texts_are_on_spans_where_they_are_asked_for(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    cache = cache_with(Tracing(tracer, text=True))
    cache.put(QUESTION, "By card.")
    cache.get(OTHER_WORDS)

    said = attributes(lookups(exporter)[0])
    assert [said[f"mneme.{name}"] for name in ("query", "matched", "verdict")] == [
        OTHER_WORDS,
        QUESTION,
        "similarity at least 0.85",
    ]


def test_the_call_of_the_embedder_follows_the_genai_conventions(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    cache = cache_with(Tracing(tracer))
    cache.get("one two")
    cache.get("one two", namespace="other")  # embedded a moment ago

    spans = [span for span in exporter.get_finished_spans() if span.name.startswith("embeddings")]
    said = {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": "mneme",
        "gen_ai.request.model": WordEmbedder().fingerprint,
        "gen_ai.embeddings.dimension.count": 64,
        "mneme.embeddings.texts": 1,
    }
    assert [(span.name, span.kind, attributes(span)) for span in spans] == [(EMBEDDING, SpanKind.CLIENT, said)]


def test_a_failure_is_on_its_span_without_what_it_says(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    cache = cache_with(Tracing(tracer), embedder=FailingEmbedder())

    def model() -> str:
        raise ValueError(QUESTION)

    with pytest.raises(ValueError, match=QUESTION):
        cache.get_or_compute(QUESTION, model)

    spans = {span.name.split(" ")[0]: span for span in exporter.get_finished_spans()}
    found = {name: attributes(span).get("error.type") for name, span in spans.items()}
    assert found == {"embeddings": "ConnectionError", "mneme.compute": "ValueError", "mneme.lookup": "ValueError"}
    assert {span.status.status_code for span in spans.values()} == {StatusCode.ERROR}
    assert [span.events for span in spans.values()] == [(), (), ()]


async def test_each_of_those_who_share_a_computation_has_a_span_of_its_own(
    tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    cache = AsyncSemanticCache(store=MemoryStore(), embedder=AsyncWordEmbedder(), observers=[Tracing(tracer)])
    go = asyncio.Event()

    async def model() -> str:
        await go.wait()
        return "By card."

    asked = [asyncio.create_task(cache.get_or_compute(QUESTION, model)) for _ in range(3)]
    flights = cache._core.sharing.flights._flights
    assert await aeventually(lambda: [flight.waiters for flight in flights.values()] == [3])
    go.set()
    await asyncio.gather(*asked)

    outcomes = sorted(attributes(span)["mneme.outcome"] for span in lookups(exporter))
    computations = [span for span in exporter.get_finished_spans() if span.name == "mneme.compute"]
    assert (outcomes, len(computations)) == (["computed", "exact", "exact"], 1)


def test_a_lookup_within_a_computation_is_inside_it(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    cache = cache_with(Tracing(tracer))
    cache.put("inner", "1", mode="exact")
    cache.get_or_compute(QUESTION, lambda: cache.get("inner").response, mode="exact")  # type: ignore[union-attr]

    inner, outer = lookups(exporter)
    assert [attributes(span)["mneme.outcome"] for span in (inner, outer)] == ["exact", "computed"]
    assert get_current_span().get_span_context().is_valid is False


def test_both_colours_of_one_cache_are_traced_once(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    cache = cache_with(Tracing(tracer))
    asyncio.run(cache.as_async().get(QUESTION))
    cache.as_async().as_sync().get(QUESTION)

    assert [span.name for span in exporter.get_finished_spans() if span.name == "mneme.lookup"] == ["mneme.lookup"] * 2


def test_a_stream_is_a_lookup_too(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    from mneme import JsonCodec

    cache = cache_with(Tracing(tracer))
    for _ in range(2):
        list(cache.get_or_stream(QUESTION, lambda: iter(["By ", "card."]), codec=JsonCodec()).value)

    assert [attributes(span)["mneme.outcome"] for span in lookups(exporter)] == ["miss", "exact"]


def test_a_cache_that_nobody_traces_has_its_methods_as_they_are() -> None:
    cache = cache_with(lambda decision: None)

    assert not {"get", "get_or_compute", "get_or_stream"} & set(vars(cache))


def test_the_metrics_hook_records_times_of_lookups_and_of_the_embedder() -> None:
    reader = InMemoryMetricReader()
    hook = OTelMetricsHook(MeterProvider([reader]).get_meter("test"))
    cache = cache_with(metrics_hook=hook)
    cache.get_or_compute(QUESTION, lambda: "By card.")
    cache.get(QUESTION)

    data = reader.get_metrics_data()
    assert data is not None
    points: dict[str, list[Any]] = {
        metric.name: list(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    times = {point.attributes["outcome"]: point.count for point in points["mneme_lookup_seconds"]}
    embedded = points["gen_ai.client.embeddings.duration"]
    assert times == {"miss": 1, "computed": 1, "exact": 1}
    assert [(dict(point.attributes), point.count) for point in embedded] == [
        (
            {
                "gen_ai.operation.name": "embeddings",
                "gen_ai.provider.name": "mneme",
                "gen_ai.request.model": WordEmbedder().fingerprint,
            },
            1,
        )
    ]
