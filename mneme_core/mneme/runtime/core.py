"""The engine both facades drive: it holds the parts and knows the steps, and waits for nothing but memory."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from mneme import plugins
from mneme.engine.freshness import age_seconds, effective_ttl, is_expired
from mneme.engine.judge import Choice, Policy, Trial, choose
from mneme.engine.turns import TURNS, InContext
from mneme.engine.vectors import SIMILARITY_DECIMALS, cosine, unit
from mneme.errors import CacheClosedError, MnemeError, NamespaceQuotaExceededError
from mneme.indexes import make_index
from mneme.indexes.base import Index, Near, Vector
from mneme.model import Candidate, Hit, HitLayer, Metadata, Mode, Neighbour, StoredEntry, Vary, hit_of
from mneme.observe.events import Events
from mneme.runtime import counters as count
from mneme.runtime.counters import Counters
from mneme.runtime.embedding import Embeddings
from mneme.runtime.feedback import Feedback
from mneme.runtime.flight import Flights
from mneme.runtime.journal import Journal
from mneme.runtime.options import Options
from mneme.runtime.requests import Request, Requests
from mneme.runtime.resident import Resident
from mneme.runtime.streams import AsyncStreams, Streams
from mneme.runtime.table import Record, Table
from mneme.stores.base import Identity, Put, Store

_log = logging.getLogger("mneme.cache")

T = TypeVar("T")

NEIGHBOURS = 8
# A thread hop costs about 0.1 ms; a search that is shorter than this is not worth one.
INLINE_SECONDS = 0.001
# Threads of the async facade for stores that block and long searches; the work is one lock or one core wide.
WORKERS = 4


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be put, checked, before its vector is known."""

    request: Request
    response: str
    metadata: Metadata
    ttl: float | None


class Core:
    """The parts of one open cache, and the steps of a lookup that both facades share."""

    def __init__(self, store: Store, fingerprint: str, dim: int, options: Options) -> None:
        self.options = options
        self.requests = Requests(
            self, options.normalize, options.max_query_bytes, options.max_response_bytes, options.max_metadata_bytes
        )
        self.identity = Identity(fingerprint, dim, self.requests.word)
        self.clock = options.clock
        self.policy = options.judge()
        self.trial = self.policy if isinstance(self.policy, Trial) else None
        self.feedback = Feedback(options.feedback, self.requests.canonical)
        self.validator = options.validate()
        self.store = store
        self.table = Table(options.max_entries, options.namespace_quotas or {})
        self.counters = Counters()
        self.embeddings = Embeddings(dim)
        self.flights = Flights()
        self.streams, self.astreams = Streams(), AsyncStreams()
        self.events = Events([options.metrics_hook, plugins.listener()])
        self.closed = False
        index = self._new_index()
        store.open(self.identity)
        self.resident = Resident(self.table, index, self.counters, dim)
        self.journal = Journal(store, self.resident)
        try:
            self.journal.load()
            counters = store.counters()
        except BaseException:
            store.close()
            raise
        with self.table.lock:
            self.table.sort_recency()
            self.counters.load(counters)
        self._next_check = 0.0
        self._executor: ThreadPoolExecutor | None = None
        self._executor_lock = threading.Lock()
        # Also at the interpreter's exit: counters and removals that wait for the next write are not lost.
        self._finalizer = weakref.finalize(self, _release, self.journal)
        _open_cores.add(self)

    def _new_index(self) -> Index:
        options = self.options
        return make_index(options.index_backend, self.identity.dim, options.vector_dtype, options.index_options)

    @property
    def index(self) -> Index:
        """The index in use; `requantize` replaces it."""
        return self.resident.index

    def submit(self, step: Callable[..., T], *arguments: Any) -> Future[T]:
        """Run a step in the cache's own threads, which are made when first needed."""
        with self._executor_lock:
            self.check_open()  # `close` takes the same lock: nothing is submitted after it
            if self._executor is None:
                self._executor = ThreadPoolExecutor(WORKERS, thread_name_prefix="mneme")
            return self._executor.submit(step, *arguments)

    def check_open(self) -> None:
        """Raise CacheClosedError after close."""
        if self.closed:
            raise CacheClosedError("this cache is closed. Open it again to use it.")

    # ------------------------------------------------------------------ the steps of a lookup

    def behind(self) -> bool:
        """Return whether another process or cache changed the store since this one last looked."""
        if self.closed:
            self.check_open()
        interval = self.options.stale_check_interval
        if interval:
            now = time.monotonic()
            if now < self._next_check:
                return False
            self._next_check = now + interval
        return self.journal.behind()

    def catch_up(self) -> bool:
        """Apply what others changed; return whether the store could be read."""
        try:
            self.journal.catch_up()
        except MnemeError:
            _log.warning("the store could not be read; this lookup is a miss", exc_info=True)
            return False
        return True

    def request(self, query: str, namespace: str, vary: Vary | None, mode: Mode) -> Request:
        """Return the request of these arguments; raises for arguments that cannot be used."""
        if self.closed:
            self.check_open()
        return self.requests.resolve(query, namespace, vary, mode)

    def probe(self, request: Request) -> Hit | None:
        """Return the exact hit, if there is one. Memory only."""
        now = self.clock()
        table = self.table
        with table.lock:
            record = table.by_key.get(request.key)
            if record is None or (record.ttl is not None and is_expired(record.created_at, record.ttl, now)):
                return None
            table.touch(record, now)
            self.counters.add(record.namespace, count.HITS_EXACT)
        return self._hit(request, record, 1.0, 1.0, "exact", now)

    def search(self, request: Request, vector: Vector) -> Hit | None:
        """Return the semantic hit of an embedded request, or None after the event of the miss."""
        now = self.clock()
        try:
            accepted = self._accepted(request, vector, now)
        except Exception:
            _log.warning("the search failed; this lookup is a miss", exc_info=True)
            return self.miss(request, "store_failure")
        if accepted is None:
            return self.miss(request, "below_threshold" if self.index.count(request.partition) else "no_match")
        neighbour, verdict = accepted.neighbour, accepted.verdict
        with self.table.lock:
            record = self.table.by_key.get(bytes.fromhex(neighbour.key))
            served = record is not None and record.response == neighbour.response
            if record is not None and served:
                self.table.touch(record, now)
                self.counters.add(record.namespace, count.HITS_SEMANTIC)
        if record is None or not served:  # removed or replaced while it was judged
            return self.miss(request, "no_match")
        return self._hit(request, record, neighbour.similarity, verdict.confidence, "semantic", now)

    def _accepted(self, request: Request, vector: Vector, now: float) -> Candidate | None:
        choice = self.choice(request, vector, now)
        for error in choice.errors:
            _log.warning("the policy or the validator raised; the neighbour is refused", exc_info=error)
        if request.writes:
            for neighbour in choice.invalid:
                self.remove_answer(neighbour.key, neighbour.response)
        return choice.accepted if self.trial is None else self.trial.judged(request.key, request.query, choice.accepted)

    def choice(self, request: Request, vector: Vector, now: float) -> Choice:
        """Judge neighbours, nearest first, in ever larger rounds until one is accepted or none is left."""
        floor, wanted = self.policy.floor, NEIGHBOURS
        policy = self.judging(request)
        while True:
            near = self.nearest(request.partition, vector, wanted, floor)
            choice = choose(request.query, self.neighbours(near, vector, now), policy, self.validator)
            if choice.accepted is not None or len(near) < wanted:
                return choice
            wanted *= 4

    def judging(self, request: Request) -> Policy:
        """Return what judges the neighbours of a request: the policy, after reports and with what was said before."""
        policy = self.feedback.over(self.policy)
        return policy if request.turns is None else InContext(policy, request.turns)

    def nearest(self, partition: bytes, vector: Vector, k: int, floor: float) -> list[Near]:
        """Return the ids nearest to a vector; raises StoreBackendError where vectors must still be read and cannot."""
        if self.resident.unread:
            self.journal.read_vectors()
        return self.index.search(partition, vector, k, floor)

    def neighbours(self, near: Sequence[Near], vector: Vector, now: float) -> list[Neighbour]:
        """Return the fresh entries of `near` with exact similarities, best first.

        Raises StoreBackendError where vectors are held inexactly and the store cannot be read.
        """
        records = self.table.by_id
        fresh: list[tuple[float, Record]] = []
        for number, similarity in self._exact(near, vector):
            record = records.get(number)
            if record is not None and not is_expired(record.created_at, record.ttl, now):
                fresh.append((similarity, record))
        return [
            Neighbour(
                record.query,
                record.response,
                similarity,
                age_seconds(record.created_at, now),
                record.metadata_copy(),
                record.namespace,
                record.key.hex(),
                record.turns(),
            )
            for similarity, record in fresh
        ]

    def _exact(self, near: Sequence[Near], vector: Vector) -> list[tuple[int, float]]:
        if self.index.dtype == "float32":
            return [(number, min(round(similarity, SIMILARITY_DECIMALS), 1.0)) for number, similarity in near]
        held = self.store.vectors([number for number, _ in near])
        numbers = [number for number, _ in near if number in held]
        if not numbers:
            return []
        similarities = cosine(vector, b"".join(held[number] for number in numbers))
        return sorted(zip(numbers, similarities, strict=True), key=lambda pair: -pair[1])

    def leaves_loop(self, request: Request) -> bool:
        """Return whether a search would hold an event loop for longer than a thread hop is worth."""
        if self.store.blocking and (self.resident.unread or self.index.dtype != "float32"):
            return True
        return self.index.search_seconds(request.partition) > INLINE_SECONDS

    def miss(self, request: Request, reason: str) -> Hit | None:
        """Count and tell a miss; return None, as a lookup does."""
        with self.table.lock:
            self.counters.add(request.namespace, count.MISSES)
        if self.events.heard:
            self.events.emit("miss", namespace=request.namespace, reason=reason)
        return None

    def _hit(
        self, request: Request, record: Record, similarity: float, confidence: float, layer: HitLayer, now: float
    ) -> Hit:
        age = int(now - record.created_at) if now > record.created_at else 0
        metadata = {} if record.metadata is None else record.metadata_copy()
        hit = hit_of(
            record.response,
            similarity,
            confidence,
            age,
            layer,
            record.namespace,
            metadata,
            record.query,
            record.key.hex(),
            record.compute_seconds,
            request.query,
        )
        if self.events.heard:
            self.tell(hit)
        return hit

    def tell(self, hit: Hit) -> None:
        """Tell a hit."""
        self.events.emit(
            "hit",
            namespace=hit.namespace,
            layer=hit.layer,
            similarity=hit.similarity,
            confidence=hit.confidence,
            age_seconds=hit.age_seconds,
        )

    def remove_answer(self, key: str, response: str) -> None:
        """Remove an entry that must not be served, unless another answer took its place."""
        with self.table.lock:
            record = self.table.by_key.get(bytes.fromhex(key))
        if record is not None and record.response == response:
            self.journal.retire([record])

    # ------------------------------------------------------------------ the steps of a write

    def unit(self, embedding: Any) -> Vector:
        """Return a caller's embedding as a unit vector; raises for one that cannot be compared."""
        return unit(embedding, self.identity.dim)

    def draft(self, request: Request, response: str, metadata: Any, ttl: float | None) -> Draft | None:
        """Check what is to be put; None where the scope forbids writing. Raises for what cannot be stored."""
        if (self.options.namespace_quotas or {}).get(request.namespace) == 0:
            raise NamespaceQuotaExceededError(
                f"the namespace {request.namespace!r} has a quota of 0 entries. Raise it in namespace_quotas, "
                "or do not put into it."
            )
        metadata = self.requests.check_storable(request, response, metadata)
        lifetime = effective_ttl(ttl, self.options.default_ttl)
        return Draft(request, response, metadata, lifetime) if request.writes else None

    def entry(self, draft: Draft, vector: Vector | None, compute_seconds: float | None = None) -> Put:
        """Return the change that stores a draft with its vector; None leaves it to the exact layer."""
        request, now = draft.request, self.clock()
        if self.trial is not None:
            self.trial.answered(request.key, draft.response)
        embedding = b"" if vector is None else vector.tobytes()
        metadata = {**draft.metadata, TURNS: request.turns} if request.turns else draft.metadata
        return Put(
            StoredEntry(
                0,
                request.namespace,
                request.key.hex(),
                request.query,
                draft.response,
                embedding,
                metadata,
                now,
                now,
                draft.ttl,
                0,
                request.partition,
                compute_seconds,
            )
        )

    def evict(self, namespace: str) -> None:
        """Remove the least recently used entries where a put into `namespace` passed a limit."""
        with self.table.lock:
            leaving = self.table.leaving(namespace)
        if leaving:
            self._count_gone("eviction", count.EVICTIONS, self.journal.retire(leaving))

    def entries(self, namespace: str | None) -> int:
        """Return the number of entries of a namespace, or of all."""
        self.check_open()
        with self.table.lock:
            return len(self.table.by_key) if namespace is None else self.table.counts.get(namespace, 0)

    def peek(self, request: Request) -> Record | None:
        """Return the record of a request's key, fresh or not, without counting it as used."""
        with self.table.lock:
            return self.table.by_key.get(request.key)

    def forget_expired(self, records: Sequence[Record]) -> None:
        """Count and tell entries that `vacuum` removed."""
        self._count_gone("expired", count.EXPIRATIONS, records)

    def _count_gone(self, event: str, which: int, records: Sequence[Record]) -> None:
        amounts = Counter(record.namespace for record in records)
        with self.table.lock:
            for namespace, amount in amounts.items():
                self.counters.add(namespace, which, amount)
        if self.events.heard:
            for namespace, amount in amounts.items():
                self.events.emit(event, namespace=namespace, count=amount)

    # ------------------------------------------------------------------ the end

    def close(self) -> None:
        """Write what waits and release the store. Closing twice does nothing."""
        with self._executor_lock:
            if self.closed:
                return
            self.closed = True
        _open_cores.discard(self)
        if self._executor is not None:
            self._executor.shutdown(wait=True)
        self._finalizer()

    def after_fork(self) -> None:
        """Make this process's own locks, connection and threads."""
        self.table.lock = threading.Lock()
        self._executor, self._executor_lock = None, threading.Lock()
        self.flights = Flights()
        self.streams, self.astreams = Streams(), AsyncStreams()
        self.embeddings.after_fork()
        self.store.after_fork()
        self.journal.after_fork()
        if self.resident.unread:  # another thread may have been reading them
            self.resident.index, self.resident.unread = self._new_index(), range(self.journal.cursor.sequence + 1)
        index_after_fork = getattr(self.index, "after_fork", None)
        if index_after_fork is not None:
            index_after_fork()
        # The parent writes what was counted before the fork.
        self.table.take_accesses()
        self.counters.take()


_open_cores: weakref.WeakSet[Core] = weakref.WeakSet()


def _release(journal: Journal) -> None:
    try:
        journal.flush()
    except MnemeError as error:
        _log.warning("access times and counters of the last moments could not be written: %s", error)
    journal.store.close()


def _after_fork_in_child() -> None:
    for core in list(_open_cores):
        core.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
