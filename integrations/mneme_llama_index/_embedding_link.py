"""What ties an embedder to a cache, and what is known about the call being made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding

from mneme import AsyncSemanticCache, SemanticCache
from mneme_llama_index._link import warn_once
from mneme_llama_index._model_key import embedder_key
from mneme_llama_index._twin import LINK, plain_class

# The embedder whose own method is running: what that calls is part of the same vectors.
_embedding: ContextVar[BaseEmbedding | None] = ContextVar("mneme_llama_index_embedding", default=None)


@dataclass(frozen=True, slots=True)
class EmbeddingLink:
    """Where and how an embedder's vectors are kept. Copies of the embedder share it."""

    cache: SemanticCache
    async_cache: AsyncSemanticCache
    namespace: str
    vary: Mapping[str, Any] | None
    ttl: float | None
    warned: set[str] = field(default_factory=set)

    def __deepcopy__(self, memo: object) -> EmbeddingLink:
        return self

    def place(self, model: BaseEmbedding, kind: str) -> dict[str, Any] | None:
        """Return the arguments that say where the vectors of `kind` are kept, or None where that has no key."""
        try:
            key = embedder_key(model, plain_class(type(model)))
            vary = {"client": "llama_index", "embedder": key, "kind": kind, "vary": dict(self.vary or {})}
        except Exception as error:  # settings are the user's: reading them may fail anyhow
            self.warn("an embedder without a key was asked without the cache", error)
            return None
        return {"namespace": self.namespace, "vary": vary, "mode": "exact"}

    def warn(self, what: str, error: Exception) -> None:
        """Log that the cache was left out, once for each reason; no text is told."""
        warn_once(self.warned, what, error)


@dataclass(frozen=True, slots=True)
class Plan:
    """A call of an embedder on its way to the cache."""

    link: EmbeddingLink
    place: dict[str, Any]


def plan_for(model: BaseEmbedding, kind: str) -> Plan | None:
    """Return how to ask the cache, or None where the call is part of another, or has no key."""
    link: EmbeddingLink | None = getattr(model, LINK, None)
    if link is None or _embedding.get() is model:
        return None
    place = link.place(model, kind)
    return None if place is None else Plan(link, place)


@contextmanager
def asking(model: BaseEmbedding) -> Iterator[None]:
    """Hold while a method of `model` itself makes vectors."""
    token = _embedding.set(model)
    try:
        yield
    finally:
        _embedding.reset(token)
