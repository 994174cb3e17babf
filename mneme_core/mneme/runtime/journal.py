"""The one way entries change: submitted, written to the store in groups, then applied to what is resident.

Whoever's turn it is writes all that was submitted meanwhile as one transaction. The store first returns what
other writers changed, so the resident entries always equal a prefix of the store's log of changes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from mneme.errors import MnemeError, MultiProcessLockError, StoreBackendError, store_error
from mneme.indexes.base import Index
from mneme.runtime import collector
from mneme.runtime.record import Record, heads_of, wholes_of
from mneme.runtime.resident import Resident, cleared, without
from mneme.stores import forks
from mneme.stores.base import BulkStore, Change, Clear, Cursor, Delete, Store, StoreBusyError, Usage, text_store
from mneme.stores.locks import attempt

_log = logging.getLogger("mneme.store")

# Seconds between two writes of access times and counters, so that a burst of puts pays for one.
USAGE_SECONDS = 1.0
# Entries whose access times such a write takes along: others wait for it, five milliseconds.
USES_AT_ONCE = 2_048
# After which a reader who waits for a writer looks whether there is still something to wait for.
LOOK_SECONDS = 0.001


@dataclass(slots=True, eq=False)
class Submission:
    """Changes to be written together."""

    changes: Sequence[Change]
    awaited: bool = True
    """False where they are applied to what is resident already, and are written when it suits."""
    future: Future[None] | None = None
    """Ends with the write, for a submitter that does not drive in its own thread; making one costs as much as half
    a dozen statements of SQLite's."""
    told: SimpleQueue[None] | None = None
    """The same for a thread that waits: of C alone, for a signal in the middle of `set_result` may keep its lock."""
    is_done: bool = False
    error: MnemeError | None = None

    def end(self, error: MnemeError | None) -> None:
        """Note that the changes are written, or why they could not be."""
        self.is_done, self.error = True, error
        if self.told is not None:
            self.told.put(None)
        if self.future is not None:
            self.future.set_result(None)

    def check(self) -> None:
        """Raise the error of the write that ended."""
        if self.error is not None:
            raise self.error


class Journal:
    """Writes changes to a store and applies them to what is resident, in one order."""

    def __init__(self, store: Store, resident: Resident) -> None:
        self.store = store
        self.cursor = Cursor(0, 0)
        self._resident = resident
        self._pending: list[Submission] = []
        self._again: list[Submission] = []
        self._driven = False
        self._lock = threading.Lock()
        # Serialises writers, as the store would; readers never take it.
        self._turn = threading.RLock()
        self._reading = threading.Lock()
        self._usage_due = 0.0
        self._next_look = 0.0
        self.error: MnemeError | None = None
        """What the store last failed with; None since it last answered."""
        forks.watch(self, forks.WRITER)

    def write_if_free(self, changes: Sequence[Change]) -> bool:
        """Write changes in this thread if nobody else writes and nothing is queued; return whether that was done.

        Raises what the store raises.
        """
        taken: list[bool] = []
        try:
            if not attempt(self._turn, taken) or self._pending:
                return False
            self._write(changes, cleared(changes))
            return True
        finally:
            if taken == [True]:
                self._turn.release()

    def write(self, changes: Sequence[Change]) -> None:
        """Write changes in this thread, with those of others who wait, or wait for the thread that writes them.

        Raises what the store raises.
        """
        if self.write_if_free(changes):
            return
        try:
            submission, drives = self.submit(changes, inline=True)
            if drives:
                self.drive()
            elif submission.told is not None:
                submission.told.get()
        except BaseException:
            self._hand_over()
            raise
        submission.check()

    def _hand_over(self) -> None:
        """Let another thread write what others wait for, where this one was interrupted before it did so."""
        if self._driven:
            threading.Thread(target=self.drive, name="mneme-journal", daemon=True).start()

    def submit(
        self, changes: Sequence[Change], *, awaited: bool = True, inline: bool = False
    ) -> tuple[Submission, bool]:
        """Queue changes; return them, and whether the caller must see to it that `drive` runs.

        inline: the caller is a thread that runs it where told so, and else waits for what it is told.
        """
        submission = Submission(changes, awaited)
        with self._lock:
            self._pending.append(submission)
            drives = awaited and not self._driven
            self._driven = self._driven or drives
            if inline and not drives:
                submission.told = SimpleQueue()
            elif awaited and not inline:
                submission.future = Future()
        return submission, drives

    def drive(self) -> None:
        """Write all that is queued; errors go to those who wait for it."""
        with self._turn:
            pending: list[Submission] = []
            try:
                with self._lock:
                    pending, self._pending, self._driven = self._pending, [], False
                if pending and not self._attempt(pending):
                    self._attempt_each(pending)
            except BaseException:  # interrupted: nobody may wait for ever
                for submission in pending:
                    if not submission.is_done:
                        self._fail(submission)
                raise
            finally:
                with self._lock:
                    self._pending[:0], self._again = self._again, []

    def drive_if_free(self) -> bool:
        """Write all that is queued unless another thread is at it; return whether that was done."""
        taken: list[bool] = []
        try:
            if not attempt(self._turn, taken):
                return False
            self.drive()
            return True
        finally:
            if taken == [True]:
                self._turn.release()

    def _attempt_each(self, submissions: Sequence[Submission]) -> None:
        """Write submissions one by one: it may be that one of them cannot be written and the others can."""
        locked = isinstance(self.error, MultiProcessLockError)  # then none can, and each would wait as long
        for submission in submissions:
            if len(submissions) == 1 or locked or not self._attempt([submission]):
                self._fail(submission)

    def _attempt(self, submissions: Sequence[Submission]) -> bool:
        """Write submissions as one transaction; return whether it succeeded."""
        try:
            self._write_together(submissions)
        except MnemeError:
            return False
        for submission in submissions:
            submission.end(None)
        return True

    def _fail(self, submission: Submission) -> None:
        if submission.awaited:
            submission.end(self.error or StoreBackendError("the write was interrupted."))
        else:
            _log.warning("a removal could not be written, it is tried again with the next write: %s", self.error)
            self._again.append(submission)

    def write_counts(self) -> None:
        """Write what was counted, unless another thread is writing, who does so when it is due.

        A store that does not take it now gets it later: it is logged, and no error of the cache's.
        """
        if not self._turn.acquire(blocking=False):
            return
        usage, before = self._resident.take_counts(), self.error
        try:
            if usage.counters:
                self._write((), set(), usage)
        except MnemeError as error:
            self.error = before
            _log.debug("counters are kept for later: %s", error)
        finally:
            self._turn.release()

    def _write_together(self, submissions: Sequence[Submission]) -> None:
        changes = [change for submission in submissions for change in submission.changes]
        awaited = (change for submission in submissions if submission.awaited for change in submission.changes)
        self._write(changes, cleared(awaited))

    def _write(self, changes: Sequence[Change], gone: set[str | None], usage: Usage | None = None) -> None:
        """Write changes, and what is to be written of usage when it is due.

        gone: the namespaces that they clear here and now, whose counters must not be written after it.
        """
        before = self.cursor
        if usage is None and time.monotonic() >= self._usage_due:
            usage = self._take_usage(USES_AT_ONCE)
        try:
            foreign, numbers, cursor = self.store.write(changes, before, usage and without(usage, gone))
            if foreign:
                self._resident.apply_foreign(foreign)
            # Before its own changes: a lookup waits for what others wrote, and for no more than that.
            self.cursor = cursor
            self._resident.apply([*zip(numbers, changes, strict=True)])
            if gone:
                self._resident.drop_counters(gone)
        except BaseException as error:
            self.cursor = before
            if usage is not None:
                self._resident.give_back(usage)
            self.error = store_error(error, self.store.name)
            if isinstance(error, Exception):
                raise self.error from self.error.__cause__
            raise
        self.error = None

    def _take_usage(self, most: int | None = None) -> Usage:
        self._usage_due = time.monotonic() + USAGE_SECONDS
        return self._resident.take_usage(most)

    def behind(self, interval: float = 0.0) -> bool:
        """Return whether another writer changed the store.

        interval: seconds for which it is not asked again after it said no.
        """
        if interval and time.monotonic() < self._next_look:
            return False
        try:
            is_behind = self.store.changed(self.cursor)
        except Exception:
            return True  # `catch_up` says what is wrong
        if interval and not is_behind:
            self._next_look = time.monotonic() + interval
        return is_behind

    def load(self) -> None:
        """Apply all that the store holds; raises StoreBackendError when it cannot be read."""
        if not isinstance(self.store, BulkStore):
            self.catch_up()
            return
        with self._turn:
            try:
                with collector.paused():
                    for records, cursor in _records(self.store):
                        self._resident.load(records)
                        self.cursor = cursor
            except Exception as error:
                self.error = store_error(error, self.store.name)
                raise self.error from self.error.__cause__

    def read_vectors(self) -> None:
        """Read the vectors that opening left in the store; raises StoreBackendError when it cannot be read.

        Not in a writer's turn, which may be waiting for another process's lock: what is written meanwhile has
        ids of its own.
        """
        with self._reading:
            unread = self._resident.unread
            if not (unread and isinstance(self.store, BulkStore)):
                return
            try:
                with collector.paused():
                    for batch in self.store.load_vectors(unread):
                        self._resident.load_vectors(batch)
            except Exception as error:
                self.error = store_error(error, self.store.name)
                raise self.error from self.error.__cause__
            self._resident.vectors_read()

    def catch_up(self, *, patience: float = -1) -> bool:
        """Apply what other writers changed; raises StoreBackendError when the store cannot be read.

        patience: seconds to wait for a writer whose turn it is, and who will bring the changes; -1 has no end. Returns
        False where that took longer.
        """
        until = time.monotonic() + patience
        taken: list[bool] = []
        try:
            # Among many writers the turn may not come to a reader, who needs it only until one of them has written.
            while not attempt(self._turn, taken, seconds=-1 if patience < 0 else min(LOOK_SECONDS, patience)):
                if not self.behind():
                    return True
                if time.monotonic() >= until:
                    return False
            return self._caught_up(None if patience < 0 else until)
        finally:
            if taken == [True]:
                self._turn.release()

    def _caught_up(self, until: float | None) -> bool:
        """Apply what other writers changed, in a writer's turn; return False where the store's own writer has it."""
        try:
            while not self._pulled():
                if until is not None and until <= time.monotonic():
                    return False
        except Exception as error:
            self.error = store_error(error, self.store.name)
            raise self.error from self.error.__cause__
        self.error = None
        return True

    def _pulled(self) -> bool:
        """Apply what others changed; return False where the store's own writer has it just now."""
        try:
            for changes, cursor in self.store.pull(self.cursor):
                self._resident.apply_foreign(changes)
                self.cursor = cursor
        except StoreBusyError:
            return False
        return True

    def catch_up_if_free(self) -> bool:
        """Catch up unless another thread is writing, who will bring the changes."""
        return self.catch_up(patience=0)

    def retire(self, records: Sequence[Record]) -> list[Record]:
        """Remove records at once; the store learns of it with the next write. Returns those that were still there."""
        gone = self._resident.retire(records)
        if gone:
            self._submit_removal(gone)
        return gone

    def removed(self, records: Sequence[Record]) -> None:
        """Remove from the index, and from the store with the next write, records that the table has let go."""
        self._resident.unindex(records)
        self._submit_removal(records)

    def _submit_removal(self, records: Sequence[Record]) -> None:
        self.submit([Delete(record.key.hex(), record.id) for record in records], awaited=False)

    def forget(self, namespace: str | None) -> None:
        """Remove a namespace, or all, at once; the store learns of it when `drive` runs, which the caller sees to."""
        self._resident.forget(namespace)
        self.submit([Clear(namespace)], awaited=False)

    def rebuild(self, index: Index) -> None:
        """Use another index, filled from the store's vectors."""
        with self._turn, self._reading:
            self._resident.replace_index(index, (changes for changes, _ in self.store.pull(Cursor(0, 0))))

    def flush(self) -> None:
        """Write what is queued, and the access times and counters."""
        with self._turn:
            self.drive()
            self._write((), set(), self._take_usage())

    def before_fork(self) -> None:
        """Let what is being written, or read, be applied: a child could not end it, and serve what it replaces."""
        self._turn.acquire()

    def after_fork_on_both_sides(self) -> None:
        """Let everyone write."""
        self._turn.release()

    def after_fork(self) -> None:
        """Start without the locks and the queue of threads that are not in this process."""
        self._lock = threading.Lock()
        self._turn = threading.RLock()
        self._reading = threading.Lock()
        self._pending, self._again, self._driven = [], [], False


def _records(store: BulkStore) -> Iterator[tuple[Sequence[Record], Cursor]]:
    """Yield all that a store holds, with the texts where they cannot be left there."""
    lazy = text_store(store)
    if lazy is not None:
        shared: dict[Any, Any] = {}
        for heads, cursor in lazy.load_heads():
            yield heads_of(heads, shared) if heads else (), cursor
    else:
        for rows, cursor in store.load():
            yield wholes_of(rows), cursor
