"""The store that encrypts: over any other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from mneme.errors import EncryptionError, InvalidArgumentError
from mneme.model import StoredEntry
from mneme.stores.base import (
    BEGINNING,
    KEY_MARKS,
    BulkStore,
    Change,
    Clear,
    Cursor,
    EntryRow,
    Identity,
    LeaseStore,
    Put,
    SnapshotStore,
    Store,
    Usage,
)
from mneme.stores.encrypted import newer, position, rotation
from mneme.stores.encrypted.keys import Key, Keyring, Keys
from mneme.stores.encrypted.newer import NewerStore
from mneme.stores.encrypted.opening import Opener, warn
from mneme.stores.encrypted.sealing import nonce_of, sealed_changes
from mneme.stores.encrypted.watch import Watch


class EncryptedStore:
    """Keeps entries in another store with query, response, metadata, vector, key and partition encrypted.

    keys: a function that returns keys of 32 random bytes; the first encrypts, every one decrypts. It is asked when the
    store is opened, and again when the store shows that its keys change.
    In clear stay namespaces, times, ttl, sizes and counters. Needs the extra `crypto`.
    """

    is_encrypted = True

    # Where the store under this one has them: a store is what it can do.
    load: Callable[[], Iterator[tuple[Sequence[EntryRow], Cursor]]]
    load_vectors: Callable[[range], Iterator[Sequence[tuple[int, bytes]]]]
    snapshot: Callable[[], EncryptedStore]
    lease: Callable[[str, str, float], bool]
    release: Callable[[str, str], None]
    created: Callable[[Sequence[bytes]], Mapping[bytes, float]]
    put_newer: Callable[[Sequence[StoredEntry], Callable[[StoredEntry, float], bool]], Sequence[StoredEntry]]
    lag: float

    def __init__(self, store: Store, keys: Keys) -> None:
        if getattr(store, "is_encrypted", False):
            raise InvalidArgumentError("the store is an EncryptedStore already. Give it the store under it, once.")
        self.store = store
        self._keys = keys
        self._ring = Keyring(keys)
        self._opener = Opener(self._ring)
        self._watch = Watch(store, self._ring)
        self._rereads = 0
        """How often all had to be read again, as a key came that was missing."""
        if isinstance(store, BulkStore):
            self.load, self.load_vectors = partial(self._load, store), partial(self._load_vectors, store)
        if isinstance(store, SnapshotStore):
            self.snapshot = partial(self._snapshot, store)
        if isinstance(store, LeaseStore):
            self.lease, self.release = partial(self._lease, store), partial(self._release, store)
        if isinstance(store, NewerStore):
            self.created = partial(newer.created, store, self._ring)
            self.put_newer = partial(newer.put, store, self._ring)
        lag = getattr(store, "lag", None)
        if lag is not None:
            self.lag = lag

    @property
    def name(self) -> str:
        """That of the store under this one, which is encrypted."""
        return f"encrypted {self.store.name}"

    @property
    def blocking(self) -> bool:
        """That of the store under this one."""
        return self.store.blocking

    @property
    def durabilities(self) -> tuple[str, ...]:
        """Those of the store under this one."""
        return getattr(self.store, "durabilities", ("normal",))

    def sync(self) -> None:
        """Let what is written from now on survive a power cut, where the store under this one can."""
        self.store.sync()  # type: ignore[attr-defined]  # the method of stores that name more than "normal"

    @property
    def schema_version(self) -> int:
        """That of the store under this one."""
        return self.store.schema_version

    def open(self, identity: Identity) -> None:
        """Ask for the keys, open the store, and check that they are its keys.

        Raises EncryptionError for other keys and for a store in clear; nothing is changed then.
        InvalidArgumentError for a store that searches on its server.
        """
        self._ring.ask()
        self._check_readable()
        self.store.open(identity.sealed())
        try:
            self._check_readable()
            found = rotation.marks(self.store)
            missing = self._ring.lacks(found)
            if missing:
                keys = "1 key" if len(found) == 1 else f"{len(found)} keys"
                raise EncryptionError(
                    f"the store {self.store.name!r} was encrypted with {keys}, of which {len(missing)} "
                    f"{'was' if len(missing) == 1 else 'were'} not given. Give all of them, behind the one that "
                    "encrypts; nothing was changed."
                )
            if not found:
                self.store.write((), BEGINNING, rotation.noting(None, [self._ring.current.mark]))
            self._watch.begin()
        except BaseException:
            self.store.close()
            raise

    def _check_readable(self) -> None:
        """Refuse a store that searches; some know that they do once they are open."""
        if getattr(self.store, "searches", False):
            raise InvalidArgumentError(
                f"the store {self.store.name!r} searches on its server, which cannot search what is encrypted. "
                "Give the store under EncryptedStore mode='replica', or one that does not search."
            )

    def changed(self, cursor: Cursor) -> bool:
        """Ask the store under this one; also true when what did not open may open now."""
        missed = self._opener.missed_at is not None
        if not (missed or self._rereads):
            return self.store.changed(cursor)
        inner, rereads = position.split(cursor)
        if inner.sequence and rereads != self._reread():
            return True
        return (missed and self._watch.is_due) or self.store.changed(inner)

    def _reread(self) -> int:
        if self._opener.can_open_more:
            self._opener.missed_at = None
            self._rereads += 1
        return self._rereads

    def pull(self, cursor: Cursor) -> Iterator[tuple[Sequence[Change], Cursor]]:
        """Yield the changes that open; what does not takes away what it replaced."""
        self._watch.look(changed=True)
        inner, read = position.split(cursor)
        rereads = self._reread()
        if inner.sequence and read != rereads:
            yield from self._everything(cursor, rereads)
            return
        for changes, following in self.store.pull(inner):
            yield self._opener.changes(changes, self.store.name), position.joined(following, rereads)

    def _everything(self, cursor: Cursor, rereads: int) -> Iterator[tuple[Sequence[Change], Cursor]]:
        """Yield all that opens, after a Clear; who is interrupted begins again."""
        yield [Clear(None)], cursor
        following = BEGINNING
        for changes, following in self.store.pull(BEGINNING):  # noqa: B007  # the last one is wanted
            yield self._opener.changes(changes, self.store.name), cursor
        yield (), position.joined(following, rereads)

    def write(
        self, changes: Sequence[Change], cursor: Cursor, usage: Usage | None = None
    ) -> tuple[Sequence[Change], Sequence[int], Cursor]:
        """Encrypt and write `changes`."""
        inner, rereads = position.split(cursor)
        self._watch.look(changed=self.store.changed(inner))
        current = self._ring.current
        sealed, places = sealed_changes(changes, current, self._ring.others(current))
        usage = rotation.noting(usage, self._needed(changes, current))
        foreign, numbers, reached = self.store.write(sealed, inner, usage)
        if foreign:
            self._watch.expect()
        opened = self._opener.changes(foreign, self.store.name)
        own = [numbers[place] for place in places]
        for place, number in zip(places, own, strict=True):
            change = sealed[place]
            if isinstance(change, Put):
                self._opener.remember(number, nonce_of(change.entry.partition))
        if self._opener.is_full:
            rotation.forget(self.store, self._opener)
        return opened, own, position.joined(reached, rereads)

    def _needed(self, changes: Sequence[Change], current: Key) -> set[str]:
        """Return the marks of the keys that the store needs from these changes on, or which they would remove."""
        needed = {current.mark} if any(isinstance(change, Put | Clear) for change in changes) else set()
        if Clear(KEY_MARKS) in changes:
            needed.update(self._ring.marks, self._watch.seen)
        return needed

    def counters(self) -> Mapping[tuple[str, str], int]:
        """Return (namespace, counter) -> value."""
        return {name: value for name, value in self.store.counters().items() if name[0] != KEY_MARKS}

    def vectors(self, ids: Sequence[int]) -> Mapping[int, bytes]:
        """Return the float32 vectors of these ids."""
        return dict(self._opener.vectors(self.store.vectors(ids).items(), self.store.name))

    def reseal(self) -> int:
        """Encrypt anew, with the first of the keys, all that was encrypted with another; return how many entries.

        Afterwards no entry needs the others, unless a process that was not given the new key goes on with an old one:
        opening without that is an EncryptionError then. Caches may use the store meanwhile. What another process
        changes in the same moment wins, but for some milliseconds the older answer may be served.
        """
        self._ring.ask()
        return rotation.reseal(self.store, self._opener)

    def _load(self, store: BulkStore) -> Iterator[tuple[Sequence[EntryRow], Cursor]]:
        """Yield every entry that opens."""
        failed = 0
        cursor = BEGINNING
        # While keys change, one entry may stand under the names of two of them: the newer counts.
        is_single = not self._ring.others(self._ring.current)
        newest: dict[bytes, EntryRow] = {}
        rereads = self._reread()
        for rows, following in store.load():
            cursor = position.joined(following, rereads)
            opened = self._opener.rows(rows)
            failed += len(rows) - len(opened)
            if is_single:
                yield opened, cursor
                continue
            for row in opened:
                newest.pop(row[2], None)
                newest[row[2]] = row
        if not is_single:
            yield list(newest.values()), cursor
        warn(failed, self.store.name)

    def _load_vectors(self, store: BulkStore, ids: range) -> Iterator[Sequence[tuple[int, bytes]]]:
        """Yield the vectors that open."""
        for batch in store.load_vectors(ids):
            opened = list(self._opener.vectors(batch, self.store.name))
            if opened:
                yield opened

    def _snapshot(self, store: SnapshotStore) -> EncryptedStore:
        """Return a second store over the same entries, open, that opens them with the same keys."""
        second = EncryptedStore(store.snapshot(), self._keys)
        second._ring, second._opener = self._ring, Opener(self._ring)
        second._watch = Watch(second.store, self._ring)
        return second

    def _lease(self, store: LeaseStore, key: str, owner: str, seconds: float) -> bool:
        """Take or prolong a lease, under a name that cannot be guessed."""
        return store.lease(self._leased(key), owner, seconds)

    def _release(self, store: LeaseStore, key: str, owner: str) -> None:
        store.release(self._leased(key), owner)

    def _leased(self, key: str) -> str:
        current = self._ring.current
        # Whoever holds the same keys takes the same of them, in whatever order they are.
        named = min((current, *self._ring.others(current)), key=lambda each: each.mark)
        return named.name_of(key.encode()).hex()

    def compact(self) -> None:
        """Compact the store under this one."""
        self.store.compact()

    def after_fork(self) -> None:
        """Let the store under this one make its own connections."""
        self._opener.after_fork()
        self.store.after_fork()

    def close(self) -> None:
        """Close the store under this one."""
        self.store.close()
