"""The engine both facades drive: it holds the parts and knows the steps, and waits for nothing but memory."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from itertools import chain, cycle, repeat
from time import perf_counter
from typing import Any, TypeVar

from mneme import plugins
from mneme.engine.freshness import is_expired, is_stale
from mneme.engine.judge import Trial
from mneme.engine.measures import LatencyOf, latency_counter
from mneme.errors import CacheClosedError, MnemeError
from mneme.indexes import make_index
from mneme.indexes.base import Index, close_index
from mneme.indexes.nothing import NoIndex
from mneme.model import Candidate, Hit, HitLayer, Mode, Vary, VectorDtype, hit_of
from mneme.observe.decisions import Decided
from mneme.observe.events import Events
from mneme.observe.observers import Observers
from mneme.runtime import counters as count
from mneme.runtime import told
from mneme.runtime.beside import graphs_beside
from mneme.runtime.counters import Counters
from mneme.runtime.durability import durable
from mneme.runtime.embedding import Embeddings
from mneme.runtime.feedback import Feedback
from mneme.runtime.journal import Journal
from mneme.runtime.labels import Invalidated
from mneme.runtime.leasing import Leases
from mneme.runtime.options import Options
from mneme.runtime.pacing import Pace
from mneme.runtime.personal import requests_of
from mneme.runtime.record import Record, Whole
from mneme.runtime.remote import remote_of
from mneme.runtime.requests import Request
from mneme.runtime.resident import Resident
from mneme.runtime.sharing import Sharing
from mneme.runtime.table import Table
from mneme.runtime.texts import Texts
from mneme.runtime.threads import Threads
from mneme.stores.base import Change, Delete, Identity, Put, Store

_log = logging.getLogger("mneme.cache")

T = TypeVar("T")

# For which a lookup waits for a writer of this process; a model's answer takes longer.
PATIENCE_SECONDS = 0.25
# After which a store that could not be read is asked again.
RETRY_SECONDS = 1.0
# After which what was counted is written, by a thread: for those who watch a cache that is only read.
COUNTS_SECONDS = 1.0
# The first requests are timed, and then one of so many; what is not answered exactly is always timed.
TIMED_FIRST = 64
TIMED_OF = 32
# Threads of the async facade for stores that block: what they wait for is one lock wide.
WORKERS = 4
# For long searches, which keep a core busy: one is left to the event loop, or it waits behind them for its turn on one.
SEARCHERS = max(1, min(4, (os.cpu_count() or 1) - 1))


class Core:
    """The parts of one open cache, and the steps of a lookup that both facades share.

    CPython finds the attributes of an object with up to 30 of them faster; past that an exact hit takes 7 % longer.
    """

    def __init__(self, store: Store, fingerprint: str, dim: int, options: Options) -> None:
        self.options = options
        self.events = Events([options.metrics_hook, plugins.listener()], options.listeners())
        self.requests = requests_of(self, options)
        self.identity = Identity(fingerprint, dim, self.requests.word)
        self.clock = options.clock
        self.policy = options.judge()
        self.trial = self.policy if isinstance(self.policy, Trial) else None
        self.feedback = Feedback(options.feedback, self.requests.canonical)
        self.validator = options.validate()
        store, self.deferred = durable(store, options.durability, self.events)
        self.store = store
        self.table = Table(options.limits())
        self.counters = Counters()
        self.embeddings = Embeddings(dim, options.batching, self.events.observers)
        self.sharing = Sharing(store, options)
        self.invalidated = Invalidated()
        self.closed = False
        index: Index = self.new_index(options.vector_dtype)
        store.open(self.identity)
        try:
            self.remote = remote_of(store, self.table, dim, options)
        except MnemeError:
            store.close()
            raise
        if self.remote is not None:
            index = NoIndex()
        self.resident = Resident(self.table, index, self.counters, dim, self.invalidated)
        self.journal = Journal(store, self.resident)
        self.texts = Texts(self.table, self.journal)
        try:
            if self.remote is None:
                self.journal.load()
                if not self.resident.unread:
                    self.resident.vectors_read()
            else:
                self.resident.told = self.remote.saw
                self.journal.catch_up()
                self.remote.count()
            counters = store.counters()
        except BaseException:
            store.close()
            raise
        with self.table.lock:
            self.table.rank()
            self.counters.load(counters)
        self._next_check = self._next_try = 0.0
        sampled = chain(repeat(True, TIMED_FIRST), cycle((True, *repeat(False, TIMED_OF - 1))))
        self._times = repeat(True) if self.observers.heard else sampled
        self._counts_due = perf_counter() + COUNTS_SECONDS
        self.threads = Threads(WORKERS, "mneme", self.check_open)
        self.searchers = Threads(SEARCHERS, "mneme-search", self.check_open)
        self._closing = threading.Lock()
        self.pace = Pace()
        # Also at the interpreter's exit: counters and removals that wait for the next write are not lost.
        self._finalizer = weakref.finalize(self, _release, self.journal, self.sharing.leases)
        _open_cores.add(self)

    def new_index(self, dtype: VectorDtype) -> Index:
        """Return an empty index; raises what `make_index` raises."""
        options = self.options
        beside = graphs_beside(self.store, self.identity)
        return make_index(options.index_backend, self.identity.dim, dtype, options.index_options, beside)

    @property
    def observers(self) -> Observers:
        """Who is told decisions."""
        return self.events.observers

    @property
    def index(self) -> Index:
        """The index in use; `requantize` replaces it."""
        return self.resident.index

    def submit(self, step: Callable[..., T], *arguments: Any) -> Future[T]:
        """Run a step in the cache's own threads, which are made when first needed."""
        return self.threads.submit(step, *arguments)

    def check_open(self) -> None:
        """Raise CacheClosedError after close."""
        if self.closed:
            raise CacheClosedError("this cache is closed. Open it again to use it.")

    # ------------------------------------------------------------------ the steps of a lookup

    @property
    def error(self) -> MnemeError | None:
        """What the store last failed with; None since it last answered."""
        return self.journal.error or getattr(self.store, "error", None)

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
        """Apply what others changed; return whether the store could be read.

        Where it could not, it is not tried again for a moment: a server that is away must not hold up every lookup.
        """
        return self._catch_up(lambda: self.journal.catch_up(patience=PATIENCE_SECONDS))

    def look(self) -> None:
        """Apply what others changed where nothing has to be waited for but the store's answer."""
        if self.behind():
            self._catch_up(self.journal.catch_up_if_free)

    def _catch_up(self, read: Callable[[], bool]) -> bool:
        if time.monotonic() < self._next_try:
            return False
        try:
            return read()
        except MnemeError as error:
            self._next_try = time.monotonic() + RETRY_SECONDS
            _log.warning("the store has changes that could not be read; lookups are misses meanwhile: %s", error)
            return False

    def read_up(self) -> None:
        """Apply all that others changed before now; raises StoreBackendError when the store cannot be read.

        A store that learns of it later is asked.
        """
        if getattr(self.store, "lag", None) is not None or self.behind():
            self.journal.catch_up()

    def request(self, query: str, namespace: str, vary: Vary | None, mode: Mode) -> Request:
        """Return the request of these arguments; raises for arguments that cannot be used."""
        if self.closed:
            self.check_open()
        if next(self._times):
            started = perf_counter()
            return self.requests.resolve(query, namespace, vary, mode)._replace(started=started)
        return self.requests.resolve(query, namespace, vary, mode)

    def probe(self, request: Request) -> Hit | None:
        """Return the exact hit, if there is one. Memory only, but for texts that were not used lately."""
        now = self.clock()
        table = self.table
        with table.lock:
            record = table.by_key.get(request.key)
            if record is None or (record.ttl is not None and is_expired(record.created_at, record.ttl, now)):
                return None
            whole = record if isinstance(record, Whole) else None
            if whole is not None:
                table.touch(whole, now)
                worth = table.worths.get(whole.id) or table.weigh(whole)
                self.counters.hit(whole.namespace, count.HITS_EXACT, worth)
        if whole is None:
            whole = self._read(record, now)
            if whole is None:
                return None
        if request.started:
            self.time(request, "exact")
        return self.hit(request, whole, 1.0, 1.0, "exact", now)

    def _read(self, record: Record, now: float) -> Whole | None:
        """Return a record with its texts, counted as an exact hit; None where it is gone or cannot be read."""
        whole = self.texts.whole(record)
        with self.table.lock:
            if whole is None or record.id not in self.table.by_id:  # removed or replaced while it was read
                return None
            self.table.touch(whole, now)
            self.counters.hit(record.namespace, count.HITS_EXACT, self.table.worth(record))
        return whole

    def stale(self, request: Request, grace: float) -> Hit | None:
        """Return the exact entry as a hit where it ran out not longer than `grace` seconds ago. Memory only."""
        now = self.clock()
        with self.table.lock:
            record = self.table.by_key.get(request.key)
            if record is None or not is_stale(record.created_at, record.ttl, grace, now):
                return None
            whole = record if isinstance(record, Whole) else None
            if whole is not None:
                self.table.touch(whole, now)
                self.counters.hit(whole.namespace, count.HITS_EXACT, self.table.worth(whole))
        if whole is None:
            whole = self._read(record, now)
            if whole is None:
                return None
        return self.hit(request, whole, 1.0, 1.0, "exact", now, outcome="stale")

    def miss(self, request: Request, reason: str, nearest: Candidate | None = None) -> Hit | None:
        """Count and tell a miss, with the nearest neighbour that was refused; return None, as a lookup does."""
        with self.table.lock:
            self.counters.add(request.namespace, count.MISSES)
        if request.started and reason != "bypass":
            self.time(request, "miss")
        if self.events.heard:
            self.events.emit("miss", namespace=request.namespace, reason=reason)
            if self.observers.heard:
                self.observers.tell(told.of_miss(request, reason, nearest, self.clock()))
        return None

    def time(self, request: Request, of: LatencyOf) -> None:
        """Count what a lookup took, and have counts written when it is time. Used with no lock held."""
        now = perf_counter()
        with self.table.lock:
            self.counters.tally(request.namespace, latency_counter(of, now - request.started))
        if now >= self._counts_due and self.store.blocking:
            self._counts_due = now + COUNTS_SECONDS
            with suppress(CacheClosedError):
                self.submit(self.journal.write_counts)

    def timed(self, request: Request) -> Request:
        """Return a request that is timed: since it was asked, where that is known, else from now on."""
        return request if request.started else request._replace(started=perf_counter())

    def came_of(self, request: Request, outcome: Decided) -> None:
        """Tell what a call ended with that was no lookup: a computation, a share in one, a refused value."""
        if self.observers.heard:
            self.observers.tell(told.of_call(request, outcome, self.clock()))

    def hit(
        self,
        request: Request,
        record: Whole,
        similarity: float,
        confidence: float,
        layer: HitLayer,
        now: float,
        outcome: Decided | None = None,
        verdict: str | None = None,
    ) -> Hit:
        """Return the hit of a record, after telling it. outcome: the layer, unless it is another."""
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
            self._tell(request, hit, outcome or layer, verdict)
        return hit

    def _tell(self, request: Request, hit: Hit, outcome: Decided, verdict: str | None) -> None:
        self.events.emit(
            "hit",
            namespace=hit.namespace,
            layer=hit.layer,
            similarity=hit.similarity,
            confidence=hit.confidence,
            age_seconds=hit.age_seconds,
        )
        if self.observers.heard:
            self.observers.tell(told.of_hit(request, hit, outcome, verdict, self.clock()))

    def _answering(self, key: bytes, response: str) -> list[Whole]:
        """Return the record of a key, in a list, while it is this answer."""
        with self.table.lock:
            record = self.table.by_key.get(key)
        whole = None if record is None else self.texts.whole(record)
        return [whole] if whole is not None and whole.response == response else []

    def removal(self, key: bytes, response: str) -> list[Change]:
        """Return what removes the entry of a key while it is this answer."""
        return [Delete(record.key.hex(), record.id) for record in self._answering(key, response)]

    def remove_answer(self, key: str, response: str) -> None:
        """Remove an entry that must not be served, unless another answer took its place."""
        self.journal.retire(self._answering(bytes.fromhex(key), response))

    # ------------------------------------------------------------------ the steps of a write

    def entries(self, namespace: str | None) -> int:
        """Return the number of entries of a namespace, or of all."""
        self.check_open()
        sizes = self.sizes()
        return sum(sizes.values()) if namespace is None else sizes.get(namespace, 0)

    @property
    def resident_bytes(self) -> int:
        """What the cache holds in memory, as an estimate."""
        with self.table.lock:
            held = self.table.memory_bytes + self.texts.memory_bytes
        return held + self.index.memory_bytes + getattr(self.store, "memory_bytes", 0)

    def sizes(self) -> Mapping[str, int]:
        """Return namespace -> entries; of a store that searches for itself as counted some seconds ago."""
        if self.remote is not None:
            return self.remote.sizes(self.submit)
        with self.table.lock:
            return dict(self.table.counts)

    def records(self, namespace: str | None) -> Iterable[Record]:
        """Return the records of a namespace, or all; of a store that searches for itself by reading everything."""
        if self.remote is not None:
            return (record for record in self.remote.records() if namespace in (None, record.namespace))
        with self.table.lock:
            return self.table.of(namespace)

    def peek(self, request: Request) -> Record | None:
        """Return the record of a request's key, fresh or not, without counting it as used."""
        with self.table.lock:
            return self.table.by_key.get(request.key)

    def room(self, changes: Iterable[Change]) -> Future[None] | None:
        """Return what to wait for before these changes may be written; None for nothing.

        Raises StoreBackendError where too many puts wait that cannot be written. Removals never wait.
        """
        self.check_open()
        if self.deferred is None or not any(isinstance(change, Put) for change in changes):
            return None
        return self.deferred.room()

    def writes_here(self) -> bool:
        """Write what the journal has in this thread, if that waits for nothing; return whether it was done."""
        if self.store.blocking and self.deferred is None:
            return False
        return self.journal.drive_if_free()

    def settles(self, changes: Iterable[Change]) -> bool:
        """Return whether these changes are to be written before the call returns, where puts are written later."""
        return self.deferred is not None and not all(isinstance(change, Put) for change in changes)

    def settle(self) -> None:
        """Write all that waits; raises StoreBackendError where removals cannot be written."""
        if self.deferred is not None:
            self.deferred.flush(removals=True)

    def flush(self) -> None:
        """Write all that waits, access times and counters too; raises StoreBackendError for what cannot be written."""
        self.journal.flush()
        if self.deferred is not None:
            self.deferred.flush()

    # ------------------------------------------------------------------ the end

    def close(self) -> None:
        """Write what waits and release the store. Closing twice does nothing."""
        with self._closing:
            if self.closed:
                return
            self.closed = True
        _open_cores.discard(self)
        self.searchers.close()
        self.threads.close()
        try:
            self._finalizer()
        finally:  # last, for it may save for some seconds what can be made anew
            close_index(self.index)

    def after_fork(self) -> None:
        """Make this process's own locks, connection and threads."""
        self._closing = threading.Lock()
        self.threads.after_fork()
        self.searchers.after_fork()
        self.sharing.after_fork()
        if self.remote is not None:
            self.remote.after_fork()
        self.invalidated.after_fork()
        self.embeddings.after_fork()
        self.store.after_fork()
        self.journal.after_fork()
        if self.resident.unread:  # another thread may have been reading them
            self.resident.index = self.new_index(self.index.dtype)
            self.resident.unread = range(self.journal.cursor.sequence + 1)
        index_after_fork = getattr(self.index, "after_fork", None)
        if index_after_fork is not None:
            index_after_fork()
        # The parent writes what was counted before the fork.
        self.table.take_accesses()
        self.counters.take()


_open_cores: weakref.WeakSet[Core] = weakref.WeakSet()


def _release(journal: Journal, leases: Leases | None) -> None:
    if leases is not None:
        leases.stop()
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
