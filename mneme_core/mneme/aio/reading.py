"""Looking up: the exact layer, then the semantic one. The twin of `mneme.sync.reading`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from mneme.aio.waiting import AsyncWaiting
from mneme.errors import EmbedderDimensionError, UnembeddableTextError
from mneme.indexes.base import Vector
from mneme.model import Explanation, Hit, Mode, Vary
from mneme.runtime import computing, explaining, writing
from mneme.runtime.complaints import complain
from mneme.runtime.computing import Embeddings
from mneme.runtime.requests import Request

_log = logging.getLogger("mneme.cache")


class AsyncReading(AsyncWaiting):
    """Finds answers."""

    async def get(
        self,
        query: str,
        *,
        embedding: Any = None,
        namespace: str = "default",
        vary: Vary | None = None,
        mode: Mode = "semantic",
        bypass: bool = False,
    ) -> Hit | None:
        """Return the answer of the same request, else of one that means the same, else None.

        embedding: the query's vector, where the caller has it; any `dim` numbers. vary: JSON values that must be equal.
        Failing embedders and stores make a miss. Raises InvalidArgumentError for a query over max_query_bytes or a
        vary that is not JSON, CacheClosedError after close.
        """
        core = self._core
        request = core.request(query, namespace, vary, mode)
        if bypass or not request.reads:
            return core.miss(request, "bypass")
        if core.journal.behind(core.interval):
            return await self._lookup(request, embedding)
        # Not in `_lookup`, which would be a coroutine of its own in the async facade: most hits end here.
        return core.probe(request) or await self._beyond(request, embedding)

    async def _lookup(self, request: Request, embedding: Any = None) -> Hit | None:
        core = self._core
        if core.behind() and not await self._store(core.catch_up):
            return core.miss(request, "store_failure")
        return core.probe(request) or await self._beyond(request, embedding)

    async def _beyond(self, request: Request, embedding: Any = None) -> Hit | None:
        """Look up what this process does not hold under the request's own key."""
        core = self._core
        hit = await self._fetched(request)
        if hit is not None:
            return hit
        if not request.semantic:
            return core.miss(request, "no_match")
        return await self._semantic(request, embedding)

    async def _exact(self, request: Request) -> Hit | None:
        core = self._core
        if not request.reads or (core.behind() and not await self._store(core.catch_up)):
            return None
        return core.probe(request) or await self._fetched(request)

    async def _fetched(self, request: Request) -> Hit | None:
        """Return the exact hit that the store has, where the cache holds only what was asked for lately."""
        remote = self._core.remote
        if remote is None or not await self._store(remote.fetch, request.key):
            return None
        return self._core.probe(request)

    async def _semantic(self, request: Request, embedding: Any = None) -> Hit | None:
        core = self._core
        request = core.timed(request)
        try:
            vector = await self._embed(request.text) if embedding is None else writing.unit(core, embedding)
        except EmbedderDimensionError:
            return core.miss(request, "dim_mismatch")
        except UnembeddableTextError:
            return core.miss(request, "unembeddable")
        except Exception:
            complain("Embedder failed; this lookup is a miss")
            return core.miss(request, "embedder_failure")
        return await self._search(request, vector)

    async def get_many(
        self,
        queries: Sequence[str],
        *,
        embeddings: Embeddings | None = None,
        namespace: str = "default",
        vary: Vary | None = None,
        mode: Mode = "semantic",
    ) -> list[Hit | None]:
        """Return what `get` returns for each query, with one call of the embedder for all that need one.

        Raises InvalidArgumentError when there are not as many embeddings as queries.
        """
        core = self._core
        core.check_open()
        given = computing.paired(queries, embeddings)
        requests = [core.request(query, namespace, vary, mode) for query in queries]
        if any(request.reads and request.semantic for request in requests) and embeddings is None:
            given = await self._embed_ahead(requests)
        return [
            await self.get(query, embedding=vector, namespace=namespace, vary=vary, mode=mode)
            for query, vector in zip(queries, given, strict=True)
        ]

    async def _embed_ahead(self, requests: Sequence[Request]) -> list[Vector | None]:
        """Embed in one call what the exact layer does not know; a failure is left to the single lookups."""
        core = self._core
        needed = [request.text for request in requests if request.semantic and core.peek(request) is None]
        try:
            vectors = dict(zip(needed, await self._embed_many(needed), strict=True))
        except Exception:
            _log.debug("the embedder failed on a batch; its texts are tried one by one", exc_info=True)
            return [None] * len(requests)
        return [vectors.get(request.text) for request in requests]

    async def explain(
        self,
        query: str,
        *,
        embedding: Any = None,
        namespace: str = "default",
        vary: Vary | None = None,
        k: int = 5,
        like: str | None = None,
    ) -> Explanation:
        """Return why this query hits or misses, with its `k` nearest neighbours; counts nothing.

        like: the key of an entry, hexadecimal; asks with all that was to be equal for it, in the place of `namespace`
        and `vary`. Raises InvalidArgumentError where there is no such entry, and what the embedder raises.
        """
        core = self._core
        request = core.request(query, namespace, vary, "semantic")
        if core.behind():
            await self._store(core.catch_up)
        if like is not None:
            request = explaining.beside(core, request, like)
        vector = await self._vector(request, embedding)
        return await self._run(explaining.explain, core, request, vector, k)
