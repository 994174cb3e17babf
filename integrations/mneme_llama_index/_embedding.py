"""Any LlamaIndex embedder, with its vectors cached: `Settings.embed_model = cached_embedding(model, cache)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from llama_index.core.base.embeddings.base import BaseEmbedding

from mneme import AsyncSemanticCache, InvalidArgumentError, SemanticCache
from mneme_llama_index._embedding_calls import Numbers, aserve_many, aserve_one, serve_many, serve_one
from mneme_llama_index._embedding_link import EmbeddingLink
from mneme_llama_index._twin import Twin, twin_of

E = TypeVar("E", bound=BaseEmbedding)


def cached_embedding(
    embed_model: E,
    cache: SemanticCache | AsyncSemanticCache,
    *,
    namespace: str = "embeddings",
    vary: Mapping[str, Any] | None = None,
    ttl: float | None = None,
) -> E:
    """Return a copy of `embed_model` that embeds no text twice; `embed_model` itself stays uncached.

    The copy passes for one of the same class. A vector is reused for the same text, as a query or as a document,
    under the same settings of the model; it comes back number for number. The cache holds digests of the texts.
    vary: what else must be equal, such as the version of the weights behind a model's name. ttl: seconds.

    A failure of the cache is a WARNING on the logger `mneme.llama_index`, never the caller's error.
    """
    if not isinstance(embed_model, BaseEmbedding):
        raise InvalidArgumentError(f"embed_model is of type {type(embed_model).__name__}; it is one of LlamaIndex's.")
    if ttl is not None and not ttl > 0:
        raise InvalidArgumentError(f"ttl is {ttl!r}; it is a number of seconds above 0, or None.")
    link = EmbeddingLink(cache.as_sync(), cache.as_async(), namespace, vary, ttl)
    return twin_of(embed_model, CachingEmbedding, link)


if TYPE_CHECKING:

    class _Base(Twin, BaseEmbedding):
        """What a cached embedder is."""
else:
    _Base = Twin


# The embedder's class comes after this one, so what mypy takes for abstract is its method: hence safe-super.
class CachingEmbedding(_Base):
    """Comes before the embedder's own class in the order of methods, and calls it for what is not cached.

    These are the methods beneath callbacks and instrumentation, which are told of a hit what they are told of a call.
    """

    __slots__ = ()

    def _get_query_embedding(self, query: str) -> Numbers:
        return serve_one(self, "query", query, super()._get_query_embedding)  # type: ignore[safe-super]

    async def _aget_query_embedding(self, query: str) -> Numbers:
        return await aserve_one(self, "query", query, super()._aget_query_embedding)  # type: ignore[safe-super]

    def _get_text_embedding(self, text: str) -> Numbers:
        return serve_one(self, "text", text, super()._get_text_embedding)  # type: ignore[safe-super]

    async def _aget_text_embedding(self, text: str) -> Numbers:
        return await aserve_one(self, "text", text, super()._aget_text_embedding)

    def _get_text_embeddings(self, texts: list[str]) -> list[Numbers]:
        return serve_many(self, texts, super()._get_text_embeddings)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[Numbers]:
        return await aserve_many(self, texts, super()._aget_text_embeddings)
