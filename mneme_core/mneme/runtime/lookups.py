"""The steps of a lookup: what it asks for, what it finds, and who is told; they wait for nothing but memory."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain, cycle, repeat
from time import perf_counter

from mneme.engine.freshness import is_expired, is_stale
from mneme.engine.measures import latency_counter
from mneme.errors import CacheClosedError, MnemeError
from mneme.model import Candidate, Hit, Mode, Vary
from mneme.observe.decisions import Decided
from mneme.observe.events import Events
from mneme.observe.observers import Observers
from mneme.runtime import counters as count
from mneme.runtime import told
from mneme.runtime.counters import Counters
from mneme.runtime.hits import hit_of
from mneme.runtime.journal import Journal
from mneme.runtime.record import Record, Whole
from mneme.runtime.requests import Request, Requests
from mneme.runtime.table import Table
from mneme.runtime.texts import Texts
from mneme.runtime.threads import Threads
from mneme.runtime.uses import Use
from mneme.stores.base import Store

_log = logging.getLogger("mneme.cache")

# For which a lookup waits for a writer of this process; a model's answer takes longer.
PATIENCE_SECONDS = 0.25
# After which a store that could not be read is asked again.
RETRY_SECONDS = 1.0
# After which what was counted is written, by a thread: for those who watch a cache that is only read.
COUNTS_SECONDS = 1.0
# The first requests are timed, and then one of so many; what is not answered exactly is always timed.
TIMED_FIRST = 64
TIMED_OF = 32
# One of so many requests counts the hits that were noted since: two microseconds, which its own lookup waits for.
COUNTED_OF = 8
UNTIMED, COUNTS, TIMED = range(3)


class Lookups:
    """Looks things up in the parts of a cache that is open."""

    closed: bool
    clock: Callable[[], float]
    counters: Counters
    events: Events
    interval: float
    """Seconds for which a store is not asked again whether others changed it."""
    journal: Journal
    noted: deque[Use]
    """The hits that are still to be counted: those of the table."""
    requests: Requests
    store: Store
    table: Table
    texts: Texts
    threads: Threads
    _counts_due: float
    _next_try: float
    _times: Iterator[int]
    """What the next request is, and the one after it: UNTIMED, COUNTS or TIMED, which counts too."""

    @property
    def observers(self) -> Observers:
        """Who is told decisions."""
        return self.events.observers

    def check_open(self) -> None:
        """Raise CacheClosedError after close."""
        if self.closed:
            raise CacheClosedError("this cache is closed. Open it again to use it.")

    def behind(self) -> bool:
        """Return whether another process or cache changed the store since this one last looked."""
        if self.closed:
            self.check_open()
        return self.journal.behind(self.interval)

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
        due = next(self._times)
        if due:
            self.table.settle_if_free()
            if due == TIMED:
                started = perf_counter()
                return self.requests.resolve(query, namespace, vary, mode).since(started)
        return self.requests.resolve(query, namespace, vary, mode)

    def probe(self, request: Request, grace: float | None = None) -> Hit | None:
        """Return the exact hit, if there is one. Memory only, but for texts that were not used lately; takes no lock.

        grace: instead the one that ran out, not longer than so many seconds ago.
        """
        clock = self.clock  # as a method it would be found more slowly
        now = clock()
        record = self.table.by_key.get(request.key)
        if record is None:
            return None
        if grace is None:
            if record.ttl is not None and is_expired(record.created_at, record.ttl, now):
                return None
        elif not is_stale(record.created_at, record.ttl, grace, now):
            return None
        whole = record if isinstance(record, Whole) else self._read(record)
        if whole is None:
            return None
        seconds = self.seconds(request) if request.started else 0.0
        self.noted.append((whole, now, None, seconds))
        hit = hit_of(whole, 1.0, 1.0, "exact", now, request.query)
        if self.events.heard:
            self._tell(request, hit, "exact" if grace is None else "stale", None)
        return hit

    def _read(self, record: Record) -> Whole | None:
        """Return a record with its texts; None where it cannot be read, or was removed or replaced meanwhile."""
        whole = self.texts.whole(record)
        return whole if record.id in self.table.by_id else None

    def miss(self, request: Request, reason: str, nearest: Candidate | None = None) -> Hit | None:
        """Count and tell a miss, with the nearest neighbour that was refused; return None, as a lookup does."""
        is_timed = request.started and reason != "bypass"
        took = latency_counter("miss", self.seconds(request)) if is_timed else None
        with self.table.lock:
            self.counters.add(request.namespace, count.MISSES)
            if took is not None:
                self.counters.tally(request.namespace, took)
        if self.events.heard:
            self.events.emit("miss", namespace=request.namespace, reason=reason)
            if self.observers.heard:
                self.observers.tell(told.of_miss(request, reason, nearest, self.clock()))
        return None

    def hit(
        self, request: Request, record: Whole, similarity: float, confidence: float, now: float, verdict: str
    ) -> Hit:
        """Return the semantic hit of a record, after telling it."""
        hit = hit_of(record, similarity, confidence, "semantic", now, request.query)
        if self.events.heard:
            self._tell(request, hit, "semantic", verdict)
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

    def came_of(self, request: Request, outcome: Decided) -> None:
        """Tell what a call ended with that was no lookup: a computation, a share in one, a refused value."""
        if self.observers.heard:
            self.observers.tell(told.of_call(request, outcome, self.clock()))

    def timed(self, request: Request) -> Request:
        """Return a request that is timed: since it was asked, where that is known, else from now on."""
        return request if request.started else request.since(perf_counter())

    def seconds(self, request: Request) -> float:
        """Return what a lookup took, and have counts written when it is time. Used with no lock held."""
        now = perf_counter()
        if now >= self._counts_due and self.store.blocking:
            self._counts_due = now + COUNTS_SECONDS
            with suppress(CacheClosedError):
                self.threads.offer(self.journal.write_counts)
        return now - request.started


def times(always: bool) -> Iterator[int]:
    """Return which requests are timed, all of them or some, and which count what was noted."""
    if always:
        return repeat(TIMED)
    untimed = (COUNTS, *repeat(UNTIMED, COUNTED_OF - 1))
    return chain(repeat(TIMED, TIMED_FIRST), cycle((TIMED, *untimed[1:], *untimed * (TIMED_OF // COUNTED_OF - 1))))
