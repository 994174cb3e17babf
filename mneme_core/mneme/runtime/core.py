"""The engine both facades drive: it makes the parts, holds them and ends them, and knows the steps of a write."""

from __future__ import annotations

import logging
import os
import weakref
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from time import perf_counter
from typing import Any, TypeVar

from mneme import plugins
from mneme.engine.judge import Trial
from mneme.errors import MnemeError
from mneme.indexes import make_index
from mneme.indexes.base import Index, close_index
from mneme.indexes.nothing import NoIndex
from mneme.model import VectorDtype
from mneme.observe.events import Events
from mneme.runtime.beside import graphs_beside
from mneme.runtime.counters import Counters
from mneme.runtime.durability import durable
from mneme.runtime.embedding import Embeddings
from mneme.runtime.journal import Journal
from mneme.runtime.labels import Invalidated
from mneme.runtime.leasing import Leases
from mneme.runtime.lookups import COUNTS_SECONDS, Lookups, times
from mneme.runtime.options import Options
from mneme.runtime.pacing import Pace
from mneme.runtime.personal import requests_of
from mneme.runtime.record import Record, Whole
from mneme.runtime.remote import remote_of
from mneme.runtime.reports import Reports
from mneme.runtime.requests import Request
from mneme.runtime.resident import Resident
from mneme.runtime.sharing import Sharing
from mneme.runtime.table import Table
from mneme.runtime.texts import Texts
from mneme.runtime.threads import Threads
from mneme.stores.base import Change, Delete, Identity, Put, Store

_log = logging.getLogger("mneme.cache")

T = TypeVar("T")

# Threads of the async facade for stores that block: what they wait for is one lock wide.
WORKERS = 4
# For long searches, which keep a core busy: one is left to the event loop, or it waits behind them for its turn on one.
SEARCHERS = max(1, min(4, (os.cpu_count() or 1) - 1))


class Core(Lookups):
    """The parts of one open cache.

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
        self.feedback = Reports(options.feedback, self.requests.canonical)
        self.validator = options.validate()
        store, self.deferred = durable(store, options.durability, self.events)
        self.store = store
        self.counters = Counters()
        self.table = Table(options.limits(), self.counters)
        self.noted = self.table.uses.noted
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
        self.interval = options.stale_check_interval
        self._next_try = 0.0
        self._times = times(always=self.observers.heard)
        self._counts_due = perf_counter() + COUNTS_SECONDS
        self.threads = Threads(WORKERS, "mneme", self.check_open)
        self.searchers = Threads(SEARCHERS, "mneme-search", self.check_open)
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
    def index(self) -> Index:
        """The index in use; `requantize` replaces it."""
        return self.resident.index

    def submit(self, step: Callable[..., T], *arguments: Any) -> Future[T]:
        """Run a step in the cache's own threads, which are made when first needed."""
        return self.threads.submit(step, *arguments)

    @property
    def error(self) -> MnemeError | None:
        """What the store last failed with; None since it last answered."""
        return self.journal.error or getattr(self.store, "error", None)

    # ------------------------------------------------------------------ what is held

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

    # ------------------------------------------------------------------ the steps of a write

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
        with self.table.lock:
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
        self.table.uses.take()
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
