"""Lookups, calls of the embedder and computations as OpenTelemetry spans.

Calls of the embedder follow the GenAI conventions, v0.1.0. They name nothing for a cache: its attributes are `mneme.*`.
https://github.com/open-telemetry/semantic-conventions-genai/blob/v0.1.0/docs/gen-ai/client-embeddings.md
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, Final

from mneme._version import __version__
from mneme.observe.decisions import STEPS, Decision, StepName
from mneme.observe.logs import fields_of

try:
    from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, get_tracer, use_span
except ImportError as error:
    raise ImportError("Tracing needs opentelemetry-api; run `pip install 'mneme-middleware[otel]'`.") from error

_lookup: ContextVar[Span | None] = ContextVar("mneme_lookup_span", default=None)
# The span has its own times.
_LEFT_OUT: Final = ("time", "seconds")


class Tracing:
    """An observer that makes a span of each lookup, and spans inside it of embedding and computing.

    tracer: the global provider's tracer "mneme" where None. text: also the questions, the policy's verdict and what
    errors say; without it spans hold nothing that was asked or answered.
    """

    steps = STEPS

    def __init__(self, tracer: Tracer | None = None, *, text: bool = False) -> None:
        self._tracer = get_tracer("mneme", __version__) if tracer is None else tracer
        self._text = text

    def decided(self, decision: Decision) -> None:
        """Put a decision on the span of the lookup that it belongs to."""
        span = _lookup.get()
        if span is None or not span.is_recording():  # a refresh goes on after its lookup has ended
            return
        fields = fields_of(decision, text=self._text)
        span.set_attributes({f"mneme.{name}": value for name, value in fields.items() if name not in _LEFT_OUT})

    def step(self, name: StepName, about: dict[str, Any]) -> AbstractContextManager[object]:
        """Return the span of a step, as a context in which it is the current one."""
        if name == "lookup":
            return self._looking_up()
        if name == "embed":
            attributes = embedding_attributes(about)
            model = about["model"]
            return self._in_span(f"embeddings {model}", SpanKind.CLIENT, attributes)
        return self._in_span("mneme.compute", SpanKind.INTERNAL, {})

    @contextmanager
    def _looking_up(self) -> Iterator[None]:
        with self._in_span("mneme.lookup", SpanKind.INTERNAL, {}) as span:
            token = _lookup.set(span)
            try:
                yield
            finally:
                _lookup.reset(token)

    @contextmanager
    def _in_span(self, name: str, kind: SpanKind, attributes: dict[str, Any]) -> Iterator[Span]:
        span = self._tracer.start_span(name, kind=kind, attributes=attributes)
        # What an exception says may quote the question.
        with use_span(span, end_on_exit=True, record_exception=self._text, set_status_on_exception=False):
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", type(error).__qualname__)
                span.set_status(Status(StatusCode.ERROR))
                raise


def embedding_attributes(about: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of a call of the embedder; a provider that is not known is called `mneme`."""
    return {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": about["provider"] or "mneme",
        "gen_ai.request.model": about["model"],
        "gen_ai.embeddings.dimension.count": about["dim"],
        "mneme.embeddings.texts": about["texts"],
    }
