"""The two caches over a Redis server with RediSearch. They have no exact layer: the same words are searched again."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.outputs import Generation
from langchain_redis import RedisSemanticCache
from redisvl.extensions.cache.llm import SemanticCache
from redisvl.utils.vectorize import CustomVectorizer

from benchmarks.peer.adapter import THRESHOLD, Adapter

DISTANCE = 1 - THRESHOLD
MODEL = "model"


class RedisVL(Adapter):
    """RedisVL's SemanticCache, which takes a vector with each call."""

    def __init__(self, place: str, dim: int, asynchronous: bool) -> None:
        del asynchronous
        unused = CustomVectorizer(lambda _: [0.0] * dim)
        self._cache = SemanticCache("redisvl", redis_url=place, vectorizer=unused, distance_threshold=DISTANCE)

    def version(self) -> str:
        return version("redisvl")

    def put(self, query: str, response: str, vector: Any) -> None:
        self._cache.store(query, response, vector=vector.tolist())

    def exact(self, query: str, vector: Any) -> str | None:
        return self.near(query, vector)

    def near(self, query: str, vector: Any) -> str | None:
        del query
        return _response(self._cache.check(vector=vector.tolist()))

    async def exact_async(self, query: str, vector: Any) -> str | None:
        del query
        return _response(await self._cache.acheck(vector=vector.tolist()))

    async def close(self) -> None:
        await self._cache.adisconnect()


class Given(Embeddings):
    """Knows the vectors of the questions that are under way."""

    def __init__(self) -> None:
        self.vectors: dict[str, Any] = {}

    def embed_query(self, text: str) -> list[float]:
        vector: list[float] = self.vectors[text].tolist() if text in self.vectors else [0.0] * self.dim
        return vector

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    dim = 0


class LangChainRedis(Adapter):
    """langchain-redis, which embeds what it is asked."""

    def __init__(self, place: str, dim: int, asynchronous: bool) -> None:
        del asynchronous
        self._given = Given()
        self._given.dim = dim
        self._cache = RedisSemanticCache(
            self._given, redis_url=place, name="langchain", prefix="langchain", distance_threshold=DISTANCE
        )

    def version(self) -> str:
        return version("langchain-redis")

    def put(self, query: str, response: str, vector: Any) -> None:
        self._given.vectors[query] = vector
        self._cache.update(query, MODEL, [Generation(text=response)])
        del self._given.vectors[query]

    def exact(self, query: str, vector: Any) -> str | None:
        return self.near(query, vector)

    def near(self, query: str, vector: Any) -> str | None:
        self._given.vectors[query] = vector
        found = self._cache.lookup(query, MODEL)
        del self._given.vectors[query]
        return found[0].text if found else None

    async def exact_async(self, query: str, vector: Any) -> str | None:
        self._given.vectors[query] = vector
        found = await self._cache.alookup(query, MODEL)
        del self._given.vectors[query]
        return found[0].text if found else None


def _response(found: list[dict[str, Any]]) -> str | None:
    return str(found[0]["response"]) if found else None
