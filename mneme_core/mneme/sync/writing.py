"""Putting answers in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mneme.engine.origins import origins_of
from mneme.engine.spending import check_usage
from mneme.model import Metadata, Mode, TokenUsage, Vary
from mneme.runtime import computing, writing
from mneme.runtime.computing import Embeddings
from mneme.stores.base import Change
from mneme.sync.waiting import Waiting


class Writing(Waiting):
    """Stores answers."""

    def put(
        self,
        query: str,
        response: str,
        *,
        embedding: Any = None,
        namespace: str = "default",
        vary: Vary | None = None,
        metadata: Metadata | None = None,
        ttl: float | None = None,
        tags: Iterable[str] = (),
        source_version: Mapping[str, str] | None = None,
        cost: float | None = None,
        mode: Mode = "semantic",
        usage: TokenUsage | Mapping[str, Any] | None = None,
    ) -> None:
        """Store an answer, in place of the one of the same request; once it returns it survives what `durability` says.

        metadata: a dict of JSON values, copied. ttl: seconds; None is the cache's default, mneme.NEVER has no end.
        tags, source_version: what the answer was made from, for `invalidate`: names, and {source: version}.
        cost: what the answer cost, in a unit of your own, for `eviction="cost"`.
        usage: the tokens that the answer took, which each hit of it saves; see `stats`.
        mode "exact" stores no vector: only the same request will find it.
        Raises InvalidArgumentError for what cannot be stored, EmbedderDimensionError, what the embedder raises, and
        StoreBackendError; nothing is stored then.
        """
        core = self._core
        request = core.request(query, namespace, vary, mode)
        draft = writing.draft(
            core, request, response, metadata, ttl, origins_of(tags, source_version), cost, check_usage(usage)
        )
        if draft is None:
            return
        vector = self._vector(request, embedding)
        self._write([writing.entry(core, draft, vector)])
        self._evict(request.namespace)

    def put_many(
        self,
        items: Iterable[tuple[str, str]],
        *,
        embeddings: Embeddings | None = None,
        namespace: str = "default",
        vary: Vary | None = None,
        metadata: Metadata | None = None,
        ttl: float | None = None,
        tags: Iterable[str] = (),
        source_version: Mapping[str, str] | None = None,
        cost: float | None = None,
        mode: Mode = "semantic",
    ) -> None:
        """Store (query, response) pairs: one call of the embedder, one transaction, all or none.

        Over Redis each 10,000 are one transaction: a StoreBackendError says how many were written.

        metadata, ttl, tags, source_version, cost, vary and mode hold for each of them.
        """
        core = self._core
        core.check_open()
        pairs = list(items)
        given = computing.paired(pairs, embeddings)
        origins = origins_of(tags, source_version)
        drafts = [
            writing.draft(core, core.request(query, namespace, vary, mode), response, metadata, ttl, origins, cost)
            for query, response in pairs
        ]
        kept = [(draft, vector) for draft, vector in zip(drafts, given, strict=True) if draft is not None]
        if not kept:
            return
        texts = [draft.request.text for draft, vector in kept if draft.request.semantic and vector is None]
        new = self._faithful_many(texts)
        changes: list[Change] = []
        for draft, vector in kept:
            if not draft.request.semantic:
                changes.append(writing.entry(core, draft, None))
            elif vector is None:
                changes.append(writing.entry(core, draft, new[draft.request.text]))
            else:
                changes.append(writing.entry(core, draft, writing.unit(core, vector)))
        self._write(changes)
        self._evict(kept[0][0].request.namespace)
