"""SemanticCache: the sync driver. Every rule is the engine's; this fetches, asks and does what it says."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from mneme.embedders.adapters import to_sync_embedder
from mneme.embedders.base import Embedder
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
from mneme.runtime.unhurried import BREATH_SECONDS, STEPS
from mneme.stores.base import Change, Clear, Delete

if TYPE_CHECKING:
    from mneme.async_cache import AsyncSemanticCache
    from mneme.stores.encrypted import Keys

_log = logging.getLogger("mneme.cache")

T = TypeVar("T")


class SemanticCache(Facade[Embedder]):
    """Answers a request from the cache when it is the same, or means the same, as one answered before."""

    _reads_store = True

    def get(
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
        return self._lookup(request, embedding)

    def _lookup(self, request: Request, embedding: Any = None) -> Hit | None:
        core = self._core
        if core.behind() and not self._store(core.catch_up):
            return core.miss(request, "store_failure")
        hit = core.probe(request) or self._fetched(request)
        if hit is not None:
            return hit
        if not request.semantic:
            return core.miss(request, "no_match")
        return self._semantic(request, embedding)

    def _semantic(self, request: Request, embedding: Any = None) -> Hit | None:
        core = self._core
        request = core.timed(request)
        try:
            vector = self._embed(request.text) if embedding is None else writing.unit(core, embedding)
        except EmbedderDimensionError:
            return core.miss(request, "dim_mismatch")
        except UnembeddableTextError:
            return core.miss(request, "unembeddable")
        except Exception:
            _log.warning("Embedder failed; this lookup is a miss", exc_info=True)
            return core.miss(request, "embedder_failure")
        return self._search(request, vector)

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

    def _evict(self, namespace: str) -> None:
        """Remove what must leave after a put into `namespace`, in parts between which others use the cache."""
        while writing.evict(self._core, namespace):
            self._pause(BREATH_SECONDS)

    def _vector(self, request: Request, embedding: Any = None) -> Vector | None:
        """Return the vector to store; None leaves the entry to the exact layer."""
        if not request.semantic:
            return None
        if embedding is not None:
            return writing.unit(self._core, embedding)
        return self._faithful(request.text)

    def _faithful(self, text: str) -> Vector | None:
        try:
            return self._embed(text)
        except UnembeddableTextError as error:
            _log.info("kept for the same request only: %s", error)
            return None

    def get_or_compute(
        self,
        query: str,
        compute: Callable[[], T],
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
            return computing.computed(compute())
        outcome = plan.of_hit(self._exact(plan.request)) or self._stale(plan) or plan.of_refused()
        if outcome is not None:
            if plan.is_due(outcome):
                refresh = partial(core.sharing.flights.run, plan.flight, lambda: self._take_turn(plan, compute))
                core.sharing.refreshes.start(plan.flight, refresh)
            return outcome
        filled, led = core.sharing.flights.run(plan.flight, lambda: self._fill(plan, compute))
        return filled.outcome if led else self._follow(plan, filled)

    def _exact(self, request: Request) -> Hit | None:
        core = self._core
        if not request.reads or (core.behind() and not self._store(core.catch_up)):
            return None
        return core.probe(request) or self._fetched(request)

    def _stale(self, plan: Plan[T]) -> Outcome[T] | None:
        core = self._core
        for _ in range(plan.looks):
            outcome = plan.of_stale()
            if outcome is not None or not core.behind() or not self._store(core.catch_up):
                return outcome
        return None

    def _fetched(self, request: Request) -> Hit | None:
        """Return the exact hit that the store has, where the cache holds only what was asked for lately."""
        remote = self._core.remote
        if remote is None or not self._store(remote.fetch, request.key):
            return None
        return self._core.probe(request)

    def _fill(self, plan: Plan[T], compute: Callable[[], T]) -> Filled[T]:
        core, request = self._core, plan.request
        if request.reads:
            outcome = plan.of_hit(self._lookup(request))  # another leader may just have stored it
            if outcome is not None:
                return Filled(outcome, None)
        else:
            core.miss(request, "bypass")
        return self._take_turn(plan, compute)

    def _take_turn(self, plan: Plan[T], compute: Callable[[], T]) -> Filled[T]:
        """Compute, after other processes that compute the same, unless one of them has stored it meanwhile."""
        core, request = self._core, plan.request
        turn = core.sharing.turn(request)
        if turn is None:
            return self._make(plan, compute, None)
        try:
            with suppress(CacheClosedError):  # closed while it waited: computed all the same
                outcome = self._wait(plan, turn)
                if outcome is not None:
                    return Filled(outcome, None)
            return self._make(plan, compute, turn)
        finally:
            turn.release()

    def _wait(self, plan: Plan[T], turn: Turn) -> Outcome[T] | None:
        """Wait for the turn; return the outcome where another has stored it meanwhile."""
        is_mine = False
        while not is_mine:
            is_mine = self._store(turn.take)
            if is_mine:  # whoever had it before may have stored what is not told here yet
                self._store(self._core.catch_up)
            outcome = plan.of_hit(self._exact(self._core.timed(plan.request)))
            if outcome is not None:
                return outcome
            if not is_mine:
                self._pause(turn.pause)
        return None

    def _make(self, plan: Plan[T], compute: Callable[[], T], turn: Turn | None) -> Filled[T]:
        core = self._core
        started = time.perf_counter()
        with core.observers.computing():
            value = compute()
        seconds = time.perf_counter() - started
        kept = plan.kept(value)
        if kept is not None:
            self._keep(plan, kept, seconds, turn)
        core.came_of(plan.request, "computed")
        return Filled(computing.computed(value), kept and kept.text)

    def _keep(self, plan: Plan[Any], kept: Kept, seconds: float, turn: Turn | None = None) -> None:
        core, request = self._core, plan.request
        try:
            draft = writing.draft(
                core, request, kept.text, plan.metadata, plan.ttl, kept.origins, kept.cost, kept.usage
            )
            if draft is None or plan.is_outdated(kept.origins):
                return
            try:
                vector = self._vector(request) if kept.semantic else None
            except Exception:
                _log.warning("Embedder failed; the value is kept for the same request only", exc_info=True)
                vector = None
            if turn is not None and turn.is_lost():
                return
            self._write([writing.entry(core, draft, vector, seconds)])
            if plan.is_outdated(kept.origins):  # invalidated while it was written
                self._write(core.removal(request.key, kept.text))
            self._evict(request.namespace)
        except Exception:
            _log.warning("a computed value could not be stored", exc_info=True)

    def _follow(self, plan: Plan[T], filled: Filled[T]) -> Outcome[T]:
        core = self._core
        request = core.timed(plan.request)
        if request.reads:
            hit = self._exact(request)
            if hit is None:
                shared = filled.outcome.status == "hit" and request.semantic
                hit = self._semantic(request) if shared else core.miss(request, "no_match")
            outcome = plan.of_hit(hit)
            if outcome is not None:
                return outcome
        return plan.of_shared(filled)

    def get_or_stream(
        self,
        query: str,
        produce: Callable[[], Iterator[T]],
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
    ) -> Outcome[Iterator[T]]:
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
            outcome = plan.of_hit(self._lookup(plan.request))
            if outcome is not None:
                return computing.streamed(outcome, streams.replayed(outcome.value))
        else:
            core.miss(plan.request, "bypass")
        return computing.computed(core.sharing.streams.follow(plan.flight, produce, self._finisher(plan)))

    def _finisher(self, plan: Plan[list[T]]) -> Callable[[list[T]], None]:
        started = time.perf_counter()

        def finish(chunks: list[T]) -> None:
            kept = plan.kept(chunks)
            if kept is not None:
                self._keep(plan, kept, time.perf_counter() - started)
            self._core.came_of(plan.request, "computed")

        return finish

    def get_many(
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
            given = self._embed_ahead(requests)
        return [
            self.get(query, embedding=vector, namespace=namespace, vary=vary, mode=mode)
            for query, vector in zip(queries, given, strict=True)
        ]

    def _embed_ahead(self, requests: Sequence[Request]) -> list[Vector | None]:
        """Embed in one call what the exact layer does not know; a failure is left to the single lookups."""
        core = self._core
        needed = [request.text for request in requests if request.semantic and core.peek(request) is None]
        try:
            vectors = dict(zip(needed, self._embed_many(needed), strict=True))
        except Exception:
            _log.debug("the embedder failed on a batch; its texts are tried one by one", exc_info=True)
            return [None] * len(requests)
        return [vectors.get(request.text) for request in requests]

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

    def _faithful_many(self, texts: Sequence[str]) -> dict[str, Vector | None]:
        try:
            return dict(zip(texts, self._embed_many(texts), strict=True))
        except UnembeddableTextError:
            return {text: self._faithful(text) for text in texts}

    def delete(self, query: str, *, namespace: str = "default", vary: Vary | None = None) -> bool:
        """Remove the answer of the same request; return whether there was one."""
        core = self._core
        request = core.request(query, namespace, vary, "exact")
        self._store(core.read_up)
        if core.remote is not None:
            self._store(core.remote.fetch, request.key)
        record = core.peek(request)
        if record is None:
            return False
        self._write([Delete(record.key.hex())])
        return True

    def invalidate(
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
        vector = None if aim.near is None else self._vector(aim.near)
        self._store(core.journal.catch_up)
        number = 0
        # Writing brings in what others put meanwhile: until nothing is left of it.
        while removals := self._store(invalidating.removals, core, aim, vector):
            self._write(removals)
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

    def explain(
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
            self._store(core.catch_up)
        if like is not None:
            request = explaining.beside(core, request, like)
        vector = self._vector(request, embedding)
        return self._run(explaining.explain, core, request, vector, k)

    def report_wrong(self, hit: Hit) -> int:
        """Take back an answer that was wrong for what was asked; return how many entries changed.

        An answer to the very question is removed. One to another question stays with that question and is served to no
        other, nor is the same answer under questions near it. The two questions are never taken for one another again:
        while the cache is open, and where it was opened with `feedback=` as long as that file is kept.
        """
        core = self._core
        core.check_open()
        feedback.check_hit(hit)
        self._store(feedback.note, core, hit)
        self._store(core.read_up)
        changes = self._store(feedback.corrections, core, hit)
        if changes:
            self._write(changes)
        return len(changes)

    def vacuum(self, *, namespace: str | None = None, compact: bool = True) -> int:
        """Remove expired entries; return how many. compact: give their room back to the file system too."""
        core = self._core
        core.check_open()
        scanned, number = writing.scan(core, namespace), 0
        while (expired := self._store(writing.part, scanned)) is not None:
            for start in range(0, len(expired), STEPS):
                removed = expired[start : start + STEPS]
                self._write([Delete(record.key.hex(), record.id) for record in removed])
                writing.forget_expired(core, removed)
                number += len(removed)
            self._pause(BREATH_SECONDS)
        if compact:
            self.compact()
        return number

    def compact(self) -> int:
        """Give back unused room in memory and in the store; return the number of index tombstones reclaimed."""
        core = self._core
        core.check_open()
        self._store(core.store.compact)
        return self._store(core.index.compact)

    def flush(self) -> None:
        """Wait until all that was put survives a power cut with durability="deferred", else what it survives anyway.

        Access times and counters are written too. Raises StoreBackendError where something cannot be written: it stays
        in memory, is served, and is tried again.
        """
        self._core.check_open()
        self._store(self._core.flush)

    def dumps(self, dest: str | PathLike[str] | BinaryIO) -> None:
        """Write every entry to one archive file, mode 0600.

        Raises CheckpointError for a store that cannot be read apart from the cache, such as MemoryStore.
        """
        self._core.check_open()
        self._run(checkpoint.dump, self._core, dest)

    @classmethod
    def loads(
        cls,
        source: str | PathLike[str] | BinaryIO,
        path: str | PathLike[str],
        embedder: Embedder,
        **kwargs: Any,
    ) -> SemanticCache:
        """Make the file `path` from an archive of `dumps`, in place of what is there, and open it.

        Raises CheckpointError for a missing or broken archive, EmbedderMismatchError for another embedder's; nothing
        at `path` is touched before the whole archive has been read.
        """
        checkpoint.load(source, path, embedder)
        return cls(path, embedder, **kwargs)

    @classmethod
    def open(
        cls,
        url: str | PathLike[str],
        *,
        embedder: Embedder | None = None,
        encryption: Keys | None = None,
        **options: Any,
    ) -> SemanticCache:
        """Open a cache by URL: "sqlite:///cache.db" (or a path), "memory:", or a scheme that a plugin brings.

        embedder: `mneme.default_embedder()` unless given. encryption: a function that returns keys of 32 bytes; what is
        stored is then encrypted (extra `crypto`). options: those of the constructor; neighbours are judged by
        `Guarded()` unless they name a policy; similarity_threshold is its floor.
        """
        chosen = opening.embedder_or_default(embedder)
        return cls(store=opening.store_of(url, encryption), embedder=chosen, **opening.careful(options, chosen))

    def as_async(self) -> AsyncSemanticCache:
        """Return the async facade over this engine; closing either closes both."""
        from mneme.async_cache import AsyncSemanticCache

        return AsyncSemanticCache._over(self._core, self._embedder)

    def as_sync(self) -> SemanticCache:
        """Return this cache."""
        return self

    def close(self) -> None:
        """Write what waits and release the store. Closing twice does nothing."""
        self._core.close()

    def __enter__(self) -> SemanticCache:
        self._core.check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------------ what a sync cache waits for

    @classmethod
    def _check_embedder(cls, embedder: Any) -> Embedder:
        check_embedder(embedder)
        return to_sync_embedder(embedder)

    def _embed(self, text: str) -> Vector:
        return self._core.embeddings.of(text, self._embedder)

    def _embed_many(self, texts: Sequence[str]) -> list[Vector]:
        return self._core.embeddings.of_many(texts, self._embedder)

    def _search(self, request: Request, vector: Vector) -> Hit | None:
        return searching.search(self._core, request, vector)

    def _run(self, step: Callable[..., T], *arguments: Any) -> T:
        return step(*arguments)

    def _store(self, step: Callable[..., T], *arguments: Any) -> T:
        return step(*arguments)

    def _pause(self, seconds: float) -> None:
        time.sleep(seconds)

    def _write(self, changes: Sequence[Change]) -> None:
        core = self._core
        while (room := core.room(changes)) is not None:
            room.result()
        submission, drives = core.journal.submit(changes, inline=True)
        if drives:
            core.journal.drive()
        elif submission.future is not None:
            submission.future.result()
        submission.check()
        if core.settles(changes):
            core.settle()

    def _clear(self, namespace: str | None) -> int:
        self._look()
        number = self._core.entries(namespace)
        self._core.invalidated.note_cleared(namespace)
        self._write([Clear(namespace)])
        return number
