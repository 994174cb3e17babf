"""What LlamaIndex's instrumentation is told of a hit, besides what it is told of every answer."""

from __future__ import annotations

from llama_index.core.instrumentation.events import BaseEvent
from llama_index_instrumentation import get_dispatcher

from mneme import Hit

_dispatcher = get_dispatcher(__name__)


class SemanticCacheHitEvent(BaseEvent):
    """An answer came from the cache; no model was called. It comes before the events that tell of the answer."""

    layer: str
    similarity: float
    age_seconds: int
    namespace: str

    @classmethod
    def class_name(cls) -> str:
        """Return the event's name."""
        return "SemanticCacheHitEvent"


def tell(hit: Hit) -> None:
    """Tell LlamaIndex's event handlers of `hit`."""
    _dispatcher.event(
        SemanticCacheHitEvent(
            layer=hit.layer, similarity=hit.similarity, age_seconds=hit.age_seconds, namespace=hit.namespace
        )
    )
