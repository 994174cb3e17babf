"""A store that takes changes at once and has a thread write them to the store under it, in groups.

Its log is the cache's own: what was put is in it before it is written. Where others wrote in between, `pull` gives
what brings the cache to where the log of the store under it leads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from mneme.errors import MnemeError
from mneme.stores import forks
from mneme.stores.base import (
    BEGINNING,
    BulkStore,
    Change,
    Cursor,
    EntryRow,
    Identity,
    LeaseStore,
    Put,
    SnapshotStore,
    Store,
    StoreBusyError,
    Usage,
)
from mneme.stores.deferred.merging import Step
from mneme.stores.deferred.numbers import numbered
from mneme.stores.deferred.writer import Writer
from mneme.stores.locks import attempt

T = TypeVar("T")

# For which a reader waits for a group that is being written.
PATIENCE_SECONDS = 0.25


class DeferredStore:
    """Puts a queue before a store. One cache at a time.

    store: one that can be read as a whole, such as SQLiteStore. told: called, without a lock, with the number of
    changes that wait and the error, each time they cannot be written; they stay in the queue and are tried again.
    """

    # Where the store under this one has them.
    load: Callable[[], Iterator[tuple[Sequence[EntryRow], Cursor]]]
    load_vectors: Callable[[range], Iterator[Sequence[tuple[int, bytes]]]]
    lease: Callable[[str, str, float], bool]
    release: Callable[[str, str], None]
    snapshot: Callable[[], SnapshotStore]

    blocking = True

    def __init__(self, store: Store, told: Callable[[int, MnemeError], None] = lambda _, __: None) -> None:
        self.store = store
        self._writer = Writer(store, told)
        if isinstance(store, BulkStore):
            self.load, self.load_vectors = partial(self._load, store), partial(self._load_vectors, store)
        self.path = getattr(store, "path", None)
        if isinstance(store, LeaseStore):
            self.lease, self.release = store.lease, store.release
        if isinstance(store, SnapshotStore):
            self.snapshot = partial(self._snapshot, store)
        forks.watch(self, forks.USER)

    @property
    def name(self) -> str:
        """That of the store under this one."""
        return self.store.name

    @property
    def schema_version(self) -> int:
        """That of the store under this one."""
        return self.store.schema_version

    @property
    def error(self) -> MnemeError | None:
        """What the last group failed with; None since one was written."""
        return self._writer.error

    @property
    def is_encrypted(self) -> bool:
        """Whether the store under this one encrypts."""
        return getattr(self.store, "is_encrypted", False)

    def open(self, identity: Identity) -> None:
        """Open the store under this one."""
        self.store.open(identity)

    # ------------------------------------------------------------------ what the cache reads

    def changed(self, cursor: Cursor) -> bool:  # noqa: ARG002  # which is always its last one
        """Return whether others wrote, before or between what was written here."""
        return bool(self._writer.steps) or self.store.changed(self._writer.cursor)

    def pull(self, cursor: Cursor) -> Iterator[tuple[Sequence[Change], Cursor]]:
        """Yield what others changed, and what that leaves of the cache's own changes; from the beginning everything."""
        if cursor == BEGINNING:
            yield from self._everything() if self._writer.numbers.last else self._first()
            return
        # No lock is held while the reader works: one that fails may keep this generator from its end.
        corrected, number, reached = self._with_store(self._corrected)
        yield corrected, reached
        with self._writer.state:  # which the reader has applied
            del self._writer.steps[:number]

    def _corrected(self) -> tuple[Sequence[Change], int, Cursor]:
        """Read what others changed; return what that leaves to be changed, of how many steps, and the cursor then."""
        for changes, cursor in self.store.pull(self._writer.cursor):
            with self._writer.state:
                if changes:
                    self._writer.steps.append(Step(self._writer.numbers.numbered(changes)))
                self._writer.cursor = cursor
        with self._writer.state:
            corrected, number = self._writer.corrections(), len(self._writer.steps)
            return corrected, number, Cursor(self._writer.numbers.last, 0)

    def _with_store(self, read: Callable[[], T]) -> T:
        taken: list[bool] = []
        try:
            if not attempt(self._writer.io, taken, seconds=PATIENCE_SECONDS):
                raise StoreBusyError(f"the store {self.name!r} is being written, for more than {PATIENCE_SECONDS} s.")
            return read()
        finally:
            if taken == [True]:
                self._writer.io.release()

    def _first(self) -> Iterator[tuple[Sequence[Change], Cursor]]:
        """Yield what the store has when it is opened."""
        for changes, cursor in self.store.pull(BEGINNING):
            yield changes, BEGINNING
            self._writer.cursor = cursor
        yield (), self._begin()

    def _load(self, store: BulkStore) -> Iterator[tuple[Sequence[EntryRow], Cursor]]:
        for rows, cursor in store.load():
            yield rows, BEGINNING
            self._writer.cursor = cursor
        yield (), self._begin()

    def _begin(self) -> Cursor:
        self._writer.numbers.begin(self._writer.cursor.sequence)
        return Cursor(self._writer.numbers.last, 0)

    def _everything(self) -> Iterator[tuple[Sequence[Change], Cursor]]:
        """Yield what the store has, under the numbers by which it is known here, and what waits."""
        ours, waiting = self._with_store(self._known)
        for changes, _ in self.store.pull(BEGINNING):
            puts = [(put, self._writer.numbers.known(put.entry.id, ours)) for put in changes if isinstance(put, Put)]
            yield [numbered(put, number) for put, number in puts if number is not None], BEGINNING
        yield waiting, BEGINNING

    def _known(self) -> tuple[dict[int, int], list[Change]]:
        with self._writer.state:
            waiting: list[Change] = [numbered(put, number) for number, put in self._writer.queue.puts.values()]
            return self._writer.numbers.ours(), waiting

    def _load_vectors(self, store: BulkStore, ids: range) -> Iterator[Sequence[tuple[int, bytes]]]:
        if ids.stop - 1 <= self._writer.numbers.read:
            yield from store.load_vectors(ids)
            return
        with self._writer.state:  # after a fork, where everything is read anew
            ours = self._writer.numbers.ours()
            found = dict(self._writer.queue.vectors(set(ids)))
        for batch in store.load_vectors(range(max(self._writer.cursor.sequence, *ours, 0) + 1)):
            known = ((self._writer.numbers.known(number, ours), vector) for number, vector in batch)
            found |= {number: vector for number, vector in known if number is not None and number in ids}
        if found:
            yield sorted(found.items())

    def _snapshot(self, store: SnapshotStore) -> SnapshotStore:
        self.flush()
        return store.snapshot()

    def counters(self) -> Mapping[tuple[str, str], int]:
        """Return (namespace, counter) -> value, as written so far."""
        return self.store.counters()

    def vectors(self, ids: Sequence[int]) -> Mapping[int, bytes]:
        """Return the float32 vectors of these ids, written or not."""
        with self._writer.state:
            found = {**self._writer.flight.vectors(set(ids)), **self._writer.queue.vectors(set(ids))}
            stored = {self._writer.numbers.stored(number): number for number in ids if number not in found}
        held = self.store.vectors([number for number in stored if number is not None]) if stored else {}
        return {**found, **{stored[number]: vector for number, vector in held.items()}}

    # ------------------------------------------------------------------ what the cache writes

    def room(self) -> Future[None] | None:
        """Return what ends when there may be room in the queue again; None where there is some now.

        Raises StoreBackendError where the queue is full of what cannot be written.
        """
        return self._writer.room()

    def write(
        self,
        changes: Sequence[Change],
        cursor: Cursor,  # noqa: ARG002  # always its last one
        usage: Usage | None = None,
    ) -> tuple[Sequence[Change], Sequence[int], Cursor]:
        """Queue changes; waits for nothing."""
        return self._writer.add(changes, usage)

    def flush(self, *, removals: bool = False) -> None:
        """Write all that waits, in this thread; raises StoreBackendError for what cannot be written.

        removals: only where removals are among that. What failed stays in the queue.
        """
        self._writer.flush(removals=removals)

    # ------------------------------------------------------------------ the rest

    def compact(self) -> None:
        """Write what waits, as far as that can be, and compact the store under this one."""
        with self._writer.io:
            failed = self._writer.write()
        self._writer.tell(failed)
        self.store.compact()

    def before_fork(self) -> None:
        """Let the group end that is being written, and keep everyone out until the fork is done."""
        self._writer.io.acquire()
        self._writer.state.acquire()

    def after_fork_on_both_sides(self) -> None:
        """Let everyone in."""
        self._writer.state.release()
        self._writer.io.release()

    def after_fork(self) -> None:
        """Leave what waits to the parent, which writes it: it comes back as another writer's."""
        self._writer.leave()
        self.store.after_fork()

    def close(self) -> None:
        """Write what waits and close the store under this one; raises StoreBackendError for what is lost by that."""
        try:
            self._writer.close()
        finally:
            with self._writer.io:
                self.store.close()
