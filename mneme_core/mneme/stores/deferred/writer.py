"""Writing a queue to a store in groups, in a thread of its own or that of who cannot wait for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress

from mneme.errors import MnemeError, MultiProcessLockError, StoreBackendError, store_error
from mneme.stores.base import Change, Clear, Cursor, Delete, Put, Store, Usage
from mneme.stores.deferred.bell import Bell
from mneme.stores.deferred.merging import Step, corrections
from mneme.stores.deferred.numbers import Numbers
from mneme.stores.deferred.queue import Queue

_log = logging.getLogger("mneme.store")

# What may wait: a put that comes then waits for the next group to be written.
MOST_CHANGES = 10_000
MOST_BYTES = 64 * 1_048_576
# Between the first change and the writing of its group; a sync of the disk takes 0.2 to 4 ms.
DELAY_SECONDS = 0.05
# Puts in one transaction, of some 20 ms, for which others cannot write.
GROUP = 1_000
# After which a store that failed is tried again.
RETRY_SECONDS = 1.0


class Writer:
    """Takes changes at once and writes them later; `told` hears, with no lock held, what could not be written."""

    def __init__(self, store: Store, told: Callable[[int, MnemeError], None]) -> None:
        self.store = store
        self.numbers = Numbers()
        self.queue = Queue()
        self.flight = Queue()
        """What is just being written."""
        self.steps: list[Step] = []
        """What was written behind changes of others that the cache has not pulled yet, with those changes."""
        self.cursor = Cursor(0, 0)
        self.error: MnemeError | None = None
        """What the last group failed with; None since one was written."""
        # Held by whoever uses the store; `state`, which is taken inside it, by nobody who waits.
        self.io, self.state = threading.Lock(), threading.Lock()
        self._told = told
        self._waiting: list[Future[None]] = []
        self._thread: threading.Thread | None = None
        self._closed = False
        self._begun, self._hurried = Bell(), Bell()

    def corrections(self) -> list[Change]:
        """Return what others' changes leave to be changed in the cache; under `state`."""
        if not self.steps:
            return []
        return corrections([*self.steps, Step((), self.flight), Step((), self.queue)])

    def room(self) -> Future[None] | None:
        """Return what ends when there may be room in the queue again; None where there is some now.

        Raises StoreBackendError where the queue is full of what cannot be written.
        """
        if self.has_room():
            return None
        with self.state:
            if self.has_room():
                return None
            if self.error is not None:
                raise StoreBackendError(
                    f"{self.queue.number:,} changes wait, and none can be written: {self.error}"
                ) from self.error
            waiting: Future[None] = Future()
            self._waiting.append(waiting)
        self._hurried.ring()
        return waiting

    def has_room(self) -> bool:
        """Return whether the queue takes more puts."""
        return self.queue.number < MOST_CHANGES and self.queue.size_bytes < MOST_BYTES

    def add(self, changes: Sequence[Change], usage: Usage | None) -> tuple[Sequence[Change], Sequence[int], Cursor]:
        """Queue changes; waits for nothing."""
        with self.state:
            if self._closed:
                raise StoreBackendError(f"the store {self.store.name!r} is closed.")
            foreign, self.steps = self.corrections(), []
            numbers = [self.numbers.next() if isinstance(change, Put) else self.numbers.last for change in changes]
            for number, change in zip(numbers, changes, strict=True):
                self.queue.add(number, change)
            if usage is not None:
                self.queue.count(usage)
            if self._thread is None and self.queue:
                self._start()
            reached = Cursor(self.numbers.last, 0)
        self._begun.ring()
        return foreign, numbers, reached

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="mneme-writer", daemon=True)
        # There may be no more threads, as while the interpreter ends: closing flushes.
        with suppress(RuntimeError):
            thread.start()
            self._thread = thread

    def flush(self, *, removals: bool = False) -> None:
        """Write all that waits, in this thread; raises StoreBackendError for what cannot be written.

        removals: only where removals are among that. What failed stays in the queue.
        """
        with self.io:
            failed = self.write()
            left = bool(self.queue.removals or (self.queue.puts and not removals))
            number = self.queue.number
        self.tell(failed)
        if left and failed is not None:
            raise StoreBackendError(f"{number:,} changes could not be written and wait: {failed}") from failed

    def _run(self) -> None:
        while not self._closed:
            self._begun.wait()
            self._hurried.wait(DELAY_SECONDS if self.error is None else RETRY_SECONDS)
            self._begun.wait(0)  # what rang meanwhile is written now
            with self.io:
                failed = None if self._closed else self.write()
            self.tell(failed)
            if self.queue:
                self._begun.ring()

    def tell(self, failed: MnemeError | None) -> None:
        """Tell of a group that failed; with no lock held."""
        if failed is not None:
            number = self.queue.number
            _log.warning("%d changes could not be written yet, they are tried again: %s", number, failed)
            self._told(number, failed)

    def write(self) -> MnemeError | None:
        """Write what waits by now, in groups, until one fails; return what that failed with. Under `io`.

        Not all that comes meanwhile: while others put without end, this would have none.
        """
        failed: MnemeError | None = None
        # One more than the puts need: uses of an entry can be written once its put is.
        for _ in range(0, len(self.queue.puts) + GROUP, GROUP):
            if failed is not None or not self.queue:
                break
            with self.state:
                self.flight = self.queue.take(GROUP)
            try:
                failed = self._write_group()
            finally:  # interrupted or not: nothing is lost
                with self.state:
                    self.queue.give_back(self.flight)
                    self.flight, self.error = Queue(), failed
                    waiting, self._waiting = self._waiting, []
                for each in waiting:
                    if each.set_running_or_notify_cancel():
                        each.set_result(None)  # who finds no room is told why
        return failed

    def _write_group(self) -> MnemeError | None:
        """Write what is in flight, one by one where it cannot be written as one; return what the rest failed with."""
        flight = self.flight
        try:
            self._write(flight.removals, flight.puts, Usage(flight.accesses, flight.counters))
        except MnemeError as error:
            # Where another process has the lock, each would wait as long.
            return error if isinstance(error, MultiProcessLockError) else self._write_each()
        return None

    def _write_each(self) -> MnemeError | None:
        """Write the removals, which may make room, then the puts, until one fails."""
        flight, puts = self.flight, list(self.flight.puts.items())
        tried = None
        try:
            if flight.removals:
                self._write(flight.removals, {}, None)
            for tried, waiting in puts:
                self._write((), {tried: waiting}, None)
        except MnemeError as error:
            if tried is not None:  # last from now on: what stands behind it may be smaller
                flight.puts[tried] = flight.puts.pop(tried)
            return error
        return None

    def _write(
        self, removals: Sequence[Delete | Clear], puts: Mapping[str, tuple[int, Put]], usage: Usage | None
    ) -> None:
        """Write a part of what is in flight as one transaction, and take it out of that."""
        settled = [change for change in map(self._settled, removals) if change is not None]
        changes = [*settled, *(put for _, put in puts.values())]
        own = Queue(list(removals), dict(puts))
        places = ((number, self.numbers.stored(number)) for number in (usage.accesses if usage else ()))
        known = {number: place for number, place in places if place is not None}
        used = usage and Usage({place: usage.accesses[number] for number, place in known.items()}, usage.counters)
        try:
            foreign, stored, self.cursor = self.store.write(changes, self.cursor, used)
        except Exception as error:
            raise store_error(error, self.store.name) from error.__cause__
        with self.state:
            new = dict(zip((number for number, _ in puts.values()), stored[len(settled) :], strict=True))
            for number, place in new.items():
                self.numbers.note(number, place)
            if foreign or self.steps:
                self.steps.append(Step(self.numbers.numbered(foreign), own))
            self.flight.written(own)
            if usage is not None:  # uses of what had no number of the store's then, and will have one
                unknown = usage.accesses.keys() - known.keys()
                coming = {*new, *(number for number, _ in self.queue.puts.values())} if unknown else ()
                self.flight.accesses = {number: usage.accesses[number] for number in unknown if number in coming}
                self.flight.counters = {}

    def _settled(self, change: Delete | Clear) -> Change | None:
        """Return a removal as the store knows what it is about; None for that of a version it has never had."""
        if isinstance(change, Clear) or change.id is None:
            return change
        number = self.numbers.stored(change.id)
        return None if number is None else Delete(change.key, number)

    def leave(self) -> None:
        """Forget what waits, in the child of a fork."""
        self.queue, self.flight, self._waiting, self._thread, self.error = Queue(), Queue(), [], None, None
        self._begun, self._hurried = Bell(), Bell()

    def close(self) -> None:
        """Write what waits and end the thread; raises StoreBackendError for what is lost by that."""
        with self.state:
            was_closed, self._closed = self._closed, True
        self._begun.ring()
        self._hurried.ring()
        if not was_closed:
            self.flush()
