"""GPTCache with what its quick start takes: SQLite, faiss, the distance as similarity."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from gptcache import Cache, Config
from gptcache.adapter.api import get, put
from gptcache.manager import CacheBase, VectorBase, get_data_manager
from gptcache.processor.pre import get_prompt
from gptcache.similarity_evaluation.distance import SearchDistanceEvaluation

from benchmarks.peer.adapter import THRESHOLD, Adapter, no_async

# It compares 4 minus the squared distance with this share of 4.
SHARE = (4 - (2 - 2 * THRESHOLD)) / 4


class GPTCache(Adapter):
    """It has no exact layer: a question in the same words is searched like any other."""

    missing = no_async("its get has no async form")

    def __init__(self, place: str, dim: int, asynchronous: bool) -> None:
        del asynchronous
        self._given: Any = None
        self._cache = Cache()
        self._cache.init(
            pre_embedding_func=get_prompt,
            embedding_func=lambda _, **__: self._given,
            data_manager=get_data_manager(
                CacheBase("sqlite", sql_url=f"sqlite:///{Path(place, 'sqlite.db')}"),
                VectorBase("faiss", dimension=dim, index_path=str(Path(place, "faiss.index"))),
                max_size=10**9,  # 1,000 unless given
            ),
            similarity_evaluation=SearchDistanceEvaluation(),
            config=Config(similarity_threshold=SHARE),
        )

    def version(self) -> str:
        return version("gptcache")

    def put(self, query: str, response: str, vector: Any) -> None:
        self._given = vector
        put(query, response, cache_obj=self._cache)

    def exact(self, query: str, vector: Any) -> str | None:
        return self.near(query, vector)

    def near(self, query: str, vector: Any) -> str | None:
        self._given = vector
        found = get(query, cache_obj=self._cache)
        return None if found is None else str(found)

    async def close(self) -> None:
        self._cache.flush()
