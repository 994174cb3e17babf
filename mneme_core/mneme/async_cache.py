"""AsyncSemanticCache: the async driver, the twin of `mneme.cache` with `await` added."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from mneme.embedders.adapters import to_async_embedder
from mneme.embedders.base import AsyncEmbedder, Embedder
from mneme.engine.origins import origins_of
from mneme.engine.spending import check_usage
from mneme.errors import CacheClosedError, EmbedderDimensionError, UnembeddableTextError
from mneme.indexes.base import Vector
from mneme.model import Explanation, Hit, Metadata, Mode, Outcome, TokenUsage, Vary
from mneme.runtime import (
    checkpoint,
    computing,
    explaining,
    feedback,
    invalidating,
    opening,
    searching,
    streams,
    writing,
)
from mneme.runtime.computing import (
    Admission,
    Codec,
    Cost,
    Embeddings,
    Filled,
    Kept,
    Plan,
    SourceVersion,
    Tags,
    UsageOf,
)
from mneme.runtime.facade import Facade, check_embedder
from mneme.runtime.invalidating import Source
from mneme.runtime.leasing import Turn
from mneme.runtime.requests import Request
from mneme.runtime.threads import Threads
from mneme.runtime.unhurried import BREATH_SECONDS, STEPS
from mneme.stores.base import Change, Delete

if TYPE_CHECKING:
    from mneme.cache import SemanticCache
    from mneme.stores.encrypted import Keys

_log = logging.getLogger("mneme.cache")

T = TypeVar("T")


class AsyncSemanticCache(Facade[AsyncEmbedder]):
    """Answers a request from the cache when it is the same, or means the same, as one answered before.

    An exact hit and a short search run in the event loop without giving it up. What waits for a disk, and searches
    over about a millisecond, run in the cache's own few threads. Cancelling a write does not undo it.
    """

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
        return await self._lookup(request, embedding)

    async def _lookup(self, request: Request, embedding: Any = None) -> Hit | None:
        core = self._core
        if core.behind() and not await self._store(core.catch_up):
            return core.miss(request, "store_failure")
        hit = core.probe(request) or await self._fetched(request)
        if hit is not None:
            return hit
        if not request.semantic:
            return core.miss(request, "no_match")
        return await self._semantic(request, embedding)

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
            _log.warning("Embedder failed; this lookup is a miss", exc_info=True)
            return core.miss(request, "embedder_failure")
        return await self._search(request, vector)

    async def put(
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
        vector = await self._vector(request, embedding)
        await self._write([writing.entry(core, draft, vector)])
        await self._evict(request.namespace)

    async def _evict(self, namespace: str) -> None:
        """Remove what must leave after a put into `namespace`, in parts between which others use the cache."""
        while writing.evict(self._core, namespace):
            await self._pause(BREATH_SECONDS)

    async def _vector(self, request: Request, embedding: Any = None) -> Vector | None:
        """Return the vector to store; None leaves the entry to the exact layer."""
        if not request.semantic:
            return None
        if embedding is not None:
            return writing.unit(self._core, embedding)
        return await self._faithful(request.text)

    async def _faithful(self, text: str) -> Vector | None:
        try:
            return await self._embed(text)
        except UnembeddableTextError as error:
            _log.info("kept for the same request only: %s", error)
            return None

    async def get_or_compute(
        self,
        query: str,
        compute: Callable[[], T | Awaitable[T]],
        *,
        namespace: str = "default",
        vary: Vary | None = None,
        ttl: float | None = None,
        metadata: Metadata | None = None,
        mode: Mode = "semantic",
        codec: Codec[T] | None = None,
        cache_if: Admission[T] | None = None,
        tags: Tags[T] = (),
        source_version: SourceVersion[T] | None = None,
        stale_while_revalidate: float | None = None,
        cost: Cost[T] = None,
        usage: UsageOf[T] | None = None,
    ) -> Outcome[T]:
        """Return the cached value, or compute it once however many callers wait, and store it.

        codec: how values become text and back; without one only text is stored. cache_if: whether a value may be
        stored; "exact" stores it for the same request alone. tags, source_version: as for `put`, or functions of the
        value; what was begun before it was invalidated is not stored. cost: what it cost, in a unit of your own, or a
        function of the value that says so. stale_while_revalidate: seconds after its ttl for
        which the answer of the same request is still given, while it is computed anew once in the background.
        usage: the tokens that the value took, or a function of the value, such as mneme.usage_in.
        An error of `compute` is raised in every caller that waits and is not stored; an error of the cache is logged,
        and the value is computed.
        """
        core = self._core
        plan = computing.plan(
            core,
            lambda: core.request(query, namespace, vary, mode),
            codec=codec,
            cache_if=cache_if,
            ttl=ttl,
            metadata=metadata,
            mode=mode,
            tags=tags,
            source_version=source_version,
            stale_while_revalidate=stale_while_revalidate,
            cost=cost,
            usage=usage,
        )
        if plan is None or not (plan.request.reads or plan.request.writes):
            return computing.computed(await _value(compute))
        outcome = plan.of_hit(await self._exact(plan.request)) or await self._stale(plan) or plan.of_refused()
        if outcome is not None:
            if plan.is_due(outcome):
                refresh = partial(core.sharing.flights.arun, plan.flight, lambda: self._take_turn(plan, compute))
                core.sharing.refreshes.astart(plan.flight, refresh)
            return outcome
        filled, led = await core.sharing.flights.arun(plan.flight, lambda: self._fill(plan, compute))
        return filled.outcome if led else await self._follow(plan, filled)

    async def _exact(self, request: Request) -> Hit | None:
        core = self._core
        if not request.reads or (core.behind() and not await self._store(core.catch_up)):
            return None
        return core.probe(request) or await self._fetched(request)

    async def _stale(self, plan: Plan[T]) -> Outcome[T] | None:
        core = self._core
        for _ in range(plan.looks):
            outcome = plan.of_stale()
            if outcome is not None or not core.behind() or not await self._store(core.catch_up):
                return outcome
        return None

    async def _fetched(self, request: Request) -> Hit | None:
        """Return the exact hit that the store has, where the cache holds only what was asked for lately."""
        remote = self._core.remote
        if remote is None or not await self._store(remote.fetch, request.key):
            return None
        return self._core.probe(request)

    async def _fill(self, plan: Plan[T], compute: Callable[[], T | Awaitable[T]]) -> Filled[T]:
        core, request = self._core, plan.request
        if request.reads:
            outcome = plan.of_hit(await self._lookup(request))  # another leader may just have stored it
            if outcome is not None:
                return Filled(outcome, None)
        else:
            core.miss(request, "bypass")
        return await self._take_turn(plan, compute)

    async def _take_turn(self, plan: Plan[T], compute: Callable[[], T | Awaitable[T]]) -> Filled[T]:
        """Compute, after other processes that compute the same, unless one of them has stored it meanwhile."""
        core, request = self._core, plan.request
        turn = core.sharing.turn(request)
        if turn is None:
            return await self._make(plan, compute, None)
        try:
            with suppress(CacheClosedError):  # closed while it waited: computed all the same
                outcome = await self._wait(plan, turn)
                if outcome is not None:
                    return Filled(outcome, None)
            return await self._make(plan, compute, turn)
        finally:
            turn.release()

    async def _wait(self, plan: Plan[T], turn: Turn) -> Outcome[T] | None:
        """Wait for the turn; return the outcome where another has stored it meanwhile."""
        is_mine = False
        while not is_mine:
            is_mine = await self._store(turn.take)
            if is_mine:  # whoever had it before may have stored what is not told here yet
                await self._store(self._core.catch_up)
            outcome = plan.of_hit(await self._exact(self._core.timed(plan.request)))
            if outcome is not None:
                return outcome
            if not is_mine:
                await self._pause(turn.pause)
        return None

    async def _make(self, plan: Plan[T], compute: Callable[[], T | Awaitable[T]], turn: Turn | None) -> Filled[T]:
        core = self._core
        started = time.perf_counter()
        with core.observers.computing():
            value = await _value(compute)
        seconds = time.perf_counter() - started
        kept = plan.kept(value)
        if kept is not None:
            await self._keep(plan, kept, seconds, turn)
        core.came_of(plan.request, "computed")
        return Filled(computing.computed(value), kept and kept.text)

    async def _keep(self, plan: Plan[Any], kept: Kept, seconds: float, turn: Turn | None = None) -> None:
        core, request = self._core, plan.request
        try:
            draft = writing.draft(
                core, request, kept.text, plan.metadata, plan.ttl, kept.origins, kept.cost, kept.usage
            )
            if draft is None or plan.is_outdated(kept.origins):
                return
            try:
                vector = await self._vector(request) if kept.semantic else None
            except Exception:
                _log.warning("Embedder failed; the value is kept for the same request only", exc_info=True)
                vector = None
            if turn is not None and turn.is_lost():
                return
            await self._write([writing.entry(core, draft, vector, seconds)])
            if plan.is_outdated(kept.origins):  # invalidated while it was written
                await self._write(core.removal(request.key, kept.text))
            await self._evict(request.namespace)
        except Exception:
            _log.warning("a computed value could not be stored", exc_info=True)

    async def _follow(self, plan: Plan[T], filled: Filled[T]) -> Outcome[T]:
        core = self._core
        request = core.timed(plan.request)
        if request.reads:
            hit = await self._exact(request)
            if hit is None:
                shared = filled.outcome.status == "hit" and request.semantic
                hit = await self._semantic(request) if shared else core.miss(request, "no_match")
            outcome = plan.of_hit(hit)
            if outcome is not None:
                return outcome
        return plan.of_shared(filled)

    async def get_or_stream(
        self,
        query: str,
        produce: Callable[[], AsyncIterator[T]],
        *,
        codec: Codec[list[T]],
        namespace: str = "default",
        vary: Vary | None = None,
        ttl: float | None = None,
        metadata: Metadata | None = None,
        mode: Mode = "semantic",
        cache_if: Admission[list[T]] | None = None,
        tags: Tags[list[T]] = (),
        source_version: SourceVersion[list[T]] | None = None,
        cost: Cost[list[T]] = None,
        usage: UsageOf[list[T]] | None = None,
    ) -> Outcome[AsyncIterator[T]]:
        """Return a cached stream chunk for chunk, or `produce()`, run once for all who read it meanwhile.

        The outcome's value is the stream. It is stored when it ends by itself: not where it fails, or is left
        early by all. Readers that come later get the earlier chunks, then live ones, as objects of their own.
        codec: how the list of chunks becomes text and back; the rest as for `get_or_compute`.
        """
        core = self._core
        plan = computing.plan(
            core,
            lambda: core.request(query, namespace, vary, mode),
            codec=codec,
            cache_if=cache_if,
            ttl=ttl,
            metadata=metadata,
            mode=mode,
            tags=tags,
            source_version=source_version,
            cost=cost,
            usage=usage,
        )
        if plan is None or not (plan.request.reads or plan.request.writes):
            return computing.computed(produce())
        if plan.request.reads:
            outcome = plan.of_hit(await self._lookup(plan.request))
            if outcome is not None:
                return computing.streamed(outcome, streams.areplayed(outcome.value))
        else:
            core.miss(plan.request, "bypass")
        return computing.computed(core.sharing.astreams.follow(plan.flight, produce, self._finisher(plan)))

    def _finisher(self, plan: Plan[list[T]]) -> Callable[[list[T]], Awaitable[None]]:
        started = time.perf_counter()

        async def finish(chunks: list[T]) -> None:
            kept = plan.kept(chunks)
            if kept is not None:
                await self._keep(plan, kept, time.perf_counter() - started)
            self._core.came_of(plan.request, "computed")

        return finish

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

    async def put_many(
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
        new = await self._faithful_many(texts)
        changes: list[Change] = []
        for draft, vector in kept:
            if not draft.request.semantic:
                changes.append(writing.entry(core, draft, None))
            elif vector is None:
                changes.append(writing.entry(core, draft, new[draft.request.text]))
            else:
                changes.append(writing.entry(core, draft, writing.unit(core, vector)))
        await self._write(changes)
        await self._evict(kept[0][0].request.namespace)

    async def _faithful_many(self, texts: Sequence[str]) -> dict[str, Vector | None]:
        try:
            return dict(zip(texts, await self._embed_many(texts), strict=True))
        except UnembeddableTextError:
            return {text: await self._faithful(text) for text in texts}

    async def delete(self, query: str, *, namespace: str = "default", vary: Vary | None = None) -> bool:
        """Remove the answer of the same request; return whether there was one."""
        core = self._core
        request = core.request(query, namespace, vary, "exact")
        await self._store(core.read_up)
        if core.remote is not None:
            await self._store(core.remote.fetch, request.key)
        record = core.peek(request)
        if record is None:
            return False
        await self._write([Delete(record.key.hex())])
        return True

    async def invalidate(
        self,
        *,
        tags: Iterable[str] = (),
        source: Source | None = None,
        query: str | None = None,
        near: str | None = None,
        min_similarity: float = 0.85,
        namespace: str | None = None,
    ) -> int:
        """Remove the answers that are out of date, whatever their `vary`; return how many.

        Exactly one of: tags, those that carry one of them; source, those made from it, or, as {source: version}, from
        another version of it; query, all answers of the same question; near, those to questions whose cosine with it
        reaches min_similarity. namespace: None is every one, or that of the scope around.
        What others put before this returns is removed too; what `get_or_compute` of this process began before is not
        stored. Raises StoreBackendError where the store cannot be read or written.
        """
        core = self._core
        core.check_open()
        aim = invalidating.aim(core, tags, source, query, near, min_similarity, namespace)
        vector = None if aim.near is None else await self._vector(aim.near)
        await self._store(core.journal.catch_up)
        number = 0
        # Writing brings in what others put meanwhile: until nothing is left of it.
        while removals := await self._store(invalidating.removals, core, aim, vector):
            await self._write(removals)
            number += len(removals)
        invalidating.tell(core, aim, number)
        return number

    def clear_namespace(self, namespace: str) -> int:
        """Remove a namespace's entries and counters; return how many entries."""
        return self._clear(self._core.requests.placed(namespace))

    def clear(self) -> int:
        """Remove every entry and all counters; return how many entries.

        Raises InvalidArgumentError inside a scope with a namespace.
        """
        self._check_unscoped()
        return self._clear(None)

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

    async def report_wrong(self, hit: Hit) -> int:
        """Take back an answer that was wrong for what was asked; return how many entries changed.

        An answer to the very question is removed. One to another question stays with that question and is served to no
        other, nor is the same answer under questions near it. The two questions are never taken for one another again:
        while the cache is open, and where it was opened with `feedback=` as long as that file is kept.
        """
        core = self._core
        core.check_open()
        feedback.check_hit(hit)
        await self._store(feedback.note, core, hit)
        await self._store(core.read_up)
        changes = await self._store(feedback.corrections, core, hit)
        if changes:
            await self._write(changes)
        return len(changes)

    async def vacuum(self, *, namespace: str | None = None, compact: bool = True) -> int:
        """Remove expired entries; return how many. compact: give their room back to the file system too."""
        core = self._core
        core.check_open()
        scanned, number = writing.scan(core, namespace), 0
        while (expired := await self._store(writing.part, scanned)) is not None:
            for start in range(0, len(expired), STEPS):
                removed = expired[start : start + STEPS]
                await self._write([Delete(record.key.hex(), record.id) for record in removed])
                writing.forget_expired(core, removed)
                number += len(removed)
            await self._pause(BREATH_SECONDS)
        if compact:
            await self.compact()
        return number

    async def compact(self) -> int:
        """Give back unused room in memory and in the store; return the number of index tombstones reclaimed."""
        core = self._core
        core.check_open()
        await self._store(core.store.compact)
        return await self._store(core.index.compact)

    async def flush(self) -> None:
        """Wait until all that was put survives a power cut with durability="deferred", else what it survives anyway.

        Access times and counters are written too. Raises StoreBackendError where something cannot be written: it stays
        in memory, is served, and is tried again.
        """
        self._core.check_open()
        await self._store(self._core.flush)

    async def dumps(self, dest: str | PathLike[str] | BinaryIO) -> None:
        """Write every entry to one archive file, mode 0600.

        Raises CheckpointError for a store that cannot be read apart from the cache, such as MemoryStore.
        """
        self._core.check_open()
        await self._run(checkpoint.dump, self._core, dest)

    @classmethod
    async def loads(
        cls,
        source: str | PathLike[str] | BinaryIO,
        path: str | PathLike[str],
        embedder: AsyncEmbedder | Embedder,
        **kwargs: Any,
    ) -> AsyncSemanticCache:
        """Make the file `path` from an archive of `dumps`, in place of what is there, and open it.

        Raises CheckpointError for a missing or broken archive, EmbedderMismatchError for another embedder's; nothing
        at `path` is touched before the whole archive has been read.
        """
        await _aside(checkpoint.load, source, path, embedder)
        return cls(path, cls._check_embedder(embedder), **kwargs)

    @classmethod
    def open(
        cls,
        url: str | PathLike[str],
        *,
        embedder: AsyncEmbedder | Embedder | None = None,
        encryption: Keys | None = None,
        **options: Any,
    ) -> AsyncSemanticCache:
        """Open a cache by URL: "sqlite:///cache.db" (or a path), "memory:", or a scheme that a plugin brings.

        embedder: `mneme.default_embedder()` unless given. encryption: a function that returns keys of 32 bytes; what is
        stored is then encrypted (extra `crypto`). options: those of the constructor; neighbours are judged by
        `Guarded()` unless they name a policy; similarity_threshold is its floor.
        """
        chosen = opening.embedder_or_default(embedder)
        return cls(store=opening.store_of(url, encryption), embedder=chosen, **opening.careful(options, chosen))

    def as_async(self) -> AsyncSemanticCache:
        """Return this cache."""
        return self

    def as_sync(self) -> SemanticCache:
        """Return the sync facade over this engine; closing either closes both."""
        from mneme.cache import SemanticCache

        return SemanticCache._over(self._core, self._embedder)

    async def close(self) -> None:
        """Write what waits and release the store. Closing twice does nothing."""
        if not self._core.closed:
            await _aside(self._core.close)

    async def __aenter__(self) -> AsyncSemanticCache:
        self._core.check_open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # ------------------------------------------------------------------ what an async cache awaits

    @classmethod
    def _check_embedder(cls, embedder: Any) -> AsyncEmbedder:
        check_embedder(embedder)
        return to_async_embedder(embedder)

    async def _embed(self, text: str) -> Vector:
        return await self._core.embeddings.aof(text, self._embedder)

    async def _embed_many(self, texts: Sequence[str]) -> list[Vector]:
        return await self._core.embeddings.aof_many(texts, self._embedder)

    async def _search(self, request: Request, vector: Vector) -> Hit | None:
        """Search here where that is short and others leave time for it, else in a thread."""
        core = self._core
        threads = searching.threads_for(core, request)
        if threads is None:
            return await core.pace.run(searching.search, core, request, vector)
        return await self._run(searching.search, core, request, vector, threads=threads)

    async def _run(self, step: Callable[..., T], *arguments: Any, threads: Threads | None = None) -> T:
        """Run a step in the cache's own threads, with the caller's context variables."""
        context = contextvars.copy_context()
        submit = self._core.submit if threads is None else threads.submit
        return await asyncio.wrap_future(submit(context.run, step, *arguments))

    async def _store(self, step: Callable[..., T], *arguments: Any) -> T:
        """Run a step that uses the store: here where the store never blocks, else in a thread."""
        if not self._core.store.blocking:
            return step(*arguments)
        return await self._run(step, *arguments)

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _write(self, changes: Sequence[Change]) -> None:
        core = self._core
        while (room := core.room(changes)) is not None:
            await asyncio.wrap_future(room)
        submission, drives = core.journal.submit(changes)
        if drives and not core.writes_here():
            # Not awaited itself: a cancelled caller must not stop the group that waits for this write.
            core.submit(core.journal.drive)
        if submission.future is not None and not submission.is_done:
            await asyncio.shield(asyncio.wrap_future(submission.future))
        submission.check()
        if core.settles(changes):
            await self._store(core.settle)

    def _clear(self, namespace: str | None) -> int:
        """Remove from memory at once and from the store soon after: a plain method must not wait for a disk."""
        core = self._core
        number = core.entries(namespace)
        core.journal.forget(namespace)
        if not core.writes_here():
            core.submit(core.journal.drive)
        return number


async def _aside(step: Callable[..., T], *arguments: Any) -> T:
    """Run a step in a thread of its own: the event loop's default ones may all be waiting for something else."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="mneme-aside")
    try:
        return await asyncio.wrap_future(thread.submit(step, *arguments))
    finally:
        thread.shutdown(wait=False)


async def _value(compute: Callable[[], T | Awaitable[T]]) -> T:
    value = compute()
    if inspect.isawaitable(value):
        value = await value
    return cast("T", value)
