"""Runs under a peer's interpreter: does what lines of JSON tell it. Imports nothing but the peer.

Each peer has the settings it is shipped with; `group` keeps pairs or tenants apart by the peer's own means.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import hashlib
import json
import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


class MnemeCache:
    """mneme-cache: namespaces keep groups apart."""

    distribution = "mneme-cache"

    def __init__(self, dim: int) -> None:
        import mneme

        class Unused:
            fingerprint = "given"

            def __init__(self) -> None:
                self.dim = dim

            def embed(self, text: str) -> Any:  # noqa: ARG002
                raise AssertionError("every call has its vector")

        self._cache: Any = mneme.SemanticCache(store=mneme.MemoryStore(), embedder=Unused())

    def ask(self, group: str, query: str, vector: list[float]) -> str | None:
        import numpy

        hit = self._cache.get(query, embedding=numpy.array(vector, "float32"), namespace=group)
        return None if hit is None else str(hit.response)

    def keep(self, group: str, query: str, response: str, vector: list[float]) -> None:
        import numpy

        self._cache.put(query, response, embedding=numpy.array(vector, "float32"), namespace=group)


class GPTCache:
    """GPTCache: a cache object for each group; vectors in faiss, answers in SQLite, judged by their distance."""

    distribution = "gptcache"

    def __init__(self, dim: int) -> None:
        import tempfile

        self._dim = dim
        self._caches: dict[str, Any] = {}
        self._vectors: dict[str, list[float]] = {}
        self._folder = tempfile.TemporaryDirectory()

    def ask(self, group: str, query: str, vector: list[float]) -> str | None:
        from gptcache.adapter.api import get

        self._vectors[query] = vector
        found = get(query, cache_obj=self._of(group))
        return None if found is None else str(found)

    def keep(self, group: str, query: str, response: str, vector: list[float]) -> None:
        from gptcache.adapter.api import put

        self._vectors[query] = vector
        put(query, response, cache_obj=self._of(group))

    def _of(self, group: str) -> Any:
        if group not in self._caches:
            import numpy
            from gptcache import Cache
            from gptcache.manager import CacheBase, VectorBase, get_data_manager
            from gptcache.processor.pre import get_prompt
            from gptcache.similarity_evaluation.distance import SearchDistanceEvaluation

            if len(self._caches) >= 50 and group.isdigit():
                self._caches.clear()  # pairs come one after the other
            folder = Path(self._folder.name, _tag(group))
            folder.mkdir(exist_ok=True)
            cache = Cache()
            cache.init(
                pre_embedding_func=get_prompt,
                embedding_func=lambda text, **_: numpy.array(self._vectors[text], "float32"),
                data_manager=get_data_manager(
                    CacheBase("sqlite", sql_url=f"sqlite:///{folder}/sqlite.db"),
                    VectorBase("faiss", dimension=self._dim, index_path=f"{folder}/faiss.index"),
                ),
                similarity_evaluation=SearchDistanceEvaluation(),
            )
            self._caches[group] = cache
        return self._caches[group]


class RedisVL:
    """RedisVL's SemanticCache on the server that REDIS_URL names; a tag keeps groups apart."""

    distribution = "redisvl"

    def __init__(self, dim: int) -> None:
        from redisvl.extensions.cache.llm import SemanticCache
        from redisvl.utils.vectorize import CustomVectorizer

        self._cache: Any = SemanticCache(
            name="mneme-evaluate",
            redis_url=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"),
            vectorizer=CustomVectorizer(lambda _: [0.0] * dim),
            filterable_fields=[{"name": "group", "type": "tag"}],
            overwrite=True,
        )
        self._cache.clear()

    def ask(self, group: str, query: str, vector: list[float]) -> str | None:  # noqa: ARG002  # as the others
        from redisvl.query.filter import Tag

        found = self._cache.check(vector=vector, filter_expression=Tag("group") == _tag(group))
        return str(found[0]["response"]) if found else None

    def keep(self, group: str, query: str, response: str, vector: list[float]) -> None:
        self._cache.store(query, response, vector=vector, filters={"group": _tag(group)})


def _tag(group: str) -> str:
    return "g" + hashlib.sha256(group.encode()).hexdigest()[:16]


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "(no version)"


KINDS: dict[str, Any] = {"mneme-cache": MnemeCache, "gptcache": GPTCache, "redisvl": RedisVL}


def main() -> None:
    out, sys.stdout = sys.stdout, sys.stderr  # what a peer prints is no answer
    kind = KINDS[sys.argv[1]]
    peer = kind(int(sys.argv[2]))
    for line in sys.stdin:
        method, *arguments = json.loads(line)
        result = _version(kind.distribution) if method == "about" else getattr(peer, method)(*arguments)
        out.write(json.dumps(result) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
