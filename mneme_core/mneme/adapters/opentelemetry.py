"""`OTelMetricsHook` and `Tracing`; they need the extra `otel`."""

from mneme.observe.opentelemetry import OTelMetricsHook
from mneme.observe.tracing import Tracing

__all__ = ["OTelMetricsHook", "Tracing"]
