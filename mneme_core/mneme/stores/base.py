"""What Mneme asks of a store: a log of changes that can be read from any point.

A cache keeps its entries resident and treats the store as the truth: it writes its own changes with
`write`, which first returns what other writers changed since the cache's cursor, so that every cache over
one store applies the same changes in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self, TypeAlias, runtime_checkable

from mneme.errors import StoreBackendError
from mneme.model import StoredEntry

# Removals a store remembers for other caches over it; one that is further behind reads everything anew.
REMOVALS_KEPT = 10_000

# How the fingerprint of a store begins whose content EncryptedStore sealed.
SEALED = "sealed:1:"
# The namespace of the counters whose names tell with which keys; no caller's, as it begins with a control character.
KEY_MARKS = "\x01mneme: keys"
# What sealing adds to a vector: the store under an EncryptedStore is bound to vectors that are longer by it.
SEAL_BYTES = 32


class StoreBusyError(StoreBackendError):
    """A store cannot be read just now: it is itself writing to what is under it. Whoever can wait asks again."""


class Cursor(NamedTuple):
    """How far a cache has read a store's changes."""

    sequence: int
    """The last change applied; 0 before the first."""
    version: int
    """The store's own mark, whose meaning is the store's: which commit it saw last, or which log it read."""


BEGINNING = Cursor(0, 0)
"""Of a reader that has read nothing."""


@dataclass(frozen=True, slots=True)
class Put:
    """Add an entry, or replace the one of the same key."""

    entry: StoredEntry


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the entry of this key (hexadecimal), if there is one.

    id: remove it only while it is this version; a newer one put meanwhile stays. A delete that finds a newer one has a
    number all the same, and is not passed on: readers remove by the key alone.
    """

    key: str
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Clear:
    """Remove every entry of a namespace with its counters, or of all where `namespace` is None."""

    namespace: str | None


Change: TypeAlias = Put | Delete | Clear


@dataclass(frozen=True, slots=True)
class Identity:
    """What a store is bound to when it is first opened."""

    fingerprint: str
    dim: int
    normalize: str
    """`default`, `none` or `custom`: how canonical queries were made."""

    @property
    def is_sealed(self) -> bool:
        """Whether this is what an EncryptedStore binds the store under it to."""
        return self.fingerprint.startswith(SEALED)

    def sealed(self) -> Identity:
        """Return what an EncryptedStore of this identity binds the store under it to."""
        return Identity(SEALED + self.fingerprint, self.dim + SEAL_BYTES // 4, self.normalize)

    def unsealed(self) -> Identity:
        """Return the identity that `sealed` was made of, or this one."""
        if not self.is_sealed:
            return self
        return Identity(self.fingerprint.removeprefix(SEALED), self.dim - SEAL_BYTES // 4, self.normalize)


@dataclass(frozen=True, slots=True)
class Usage:
    """What reading changed, written in batches with the next write."""

    accesses: Mapping[int, tuple[float, int]]
    """Entry id -> (last access, accesses to add). The latest access counts; an id that is gone is passed over."""
    counters: Mapping[tuple[str, str], int]
    """(namespace, counter) -> amount to add."""


@runtime_checkable
class Store(Protocol):
    """Keeps entries. Every failure is a StoreBackendError with the client's error chained.

    One that can do more than survive the death of the process has `durabilities`, the values of `durability=` that it
    takes, and a method `sync()`, called before `open`: from then on what was written survives a power cut. "deferred"
    needs a BulkStore.

    One that has a method `identity()` can be looked into by the command line. It is called before `open`, makes
    nothing, and returns what the store is bound to, or None where it has never been opened.
    """

    @property
    def name(self) -> str:
        """The word `health()` shows, such as "sqlite"."""
        ...

    @property
    def blocking(self) -> bool:
        """Whether a call may wait for a disk or a network; the async cache then calls it in a thread."""
        ...

    @property
    def schema_version(self) -> int:
        """The version of the layout; 0 where there is none."""
        ...

    def open(self, identity: Identity) -> None:
        """Open and bind the store, creating it where there is none; opening twice does nothing more.

        Raises EmbedderMismatchError or EmbedderDimensionError when it is bound to another embedder; the message names
        `mneme reembed`, which makes a copy for that one.
        """
        ...

    def changed(self, cursor: Cursor) -> bool:
        """Return whether another writer changed anything since `cursor`.

        Called before every lookup: it must cost microseconds and must not wait for anything. A store that learns of
        others' changes only after a while has an attribute `lag`, the seconds that this takes at most.
        """
        ...

    def pull(self, cursor: Cursor) -> Iterator[tuple[Sequence[Change], Cursor]]:
        """Yield the changes since `cursor` in order, in batches, each with the cursor that follows it.

        From Cursor(0, 0) this is the whole content. A reader that is too far behind gets Clear(None) first, and so does
        one whose cursor is of another log: the store was emptied, made anew, or put back to an older state.
        """
        ...

    def write(
        self, changes: Sequence[Change], cursor: Cursor, usage: Usage | None = None
    ) -> tuple[Sequence[Change], Sequence[int], Cursor]:
        """Write `changes` as one transaction; once it returns they survive the death of the process.

        Returns the changes of others between `cursor` and these (to be applied first), the sequence number given to
        each of `changes`, and the cursor that follows them.
        """
        ...

    def counters(self) -> Mapping[tuple[str, str], int]:
        """Return (namespace, counter) -> value, as flushed so far."""
        ...

    def vectors(self, ids: Sequence[int]) -> Mapping[int, bytes]:
        """Return the float32 vectors of these entry ids; an id that is gone or has none is left out."""
        ...

    def compact(self) -> None:
        """Give back free room, where the store can."""
        ...

    def after_fork(self) -> None:
        """Drop what must not cross a fork; called in the child."""
        ...

    def close(self) -> None:
        """Release the store. Closing twice does nothing."""
        ...


EntryRow: TypeAlias = tuple[
    int, str, bytes, str, str, int | None, str | None, float, float, float | None, int, bytes, float | None
]
"""An entry in bulk: id, namespace, key, query, response, the bytes its vector takes (None where it has none), metadata
as JSON text, created_at, last_accessed_at, ttl, access_count, partition, compute_seconds. A plain tuple, since making
100,000 of any other kind takes longer than reading them."""


@runtime_checkable
class BulkStore(Store, Protocol):
    """A store that can be read as a whole faster than change by change: what opening a large cache uses.

    Vectors, most of the bytes, are read apart: a process that only asks for the same requests never needs them.
    """

    def load(self) -> Iterator[tuple[Sequence[EntryRow], Cursor]]:
        """Yield every entry, by ascending id, in batches; the last batch comes with the cursor that follows them."""
        ...

    def load_vectors(self, ids: range) -> Iterator[Sequence[tuple[int, bytes]]]:
        """Yield (id, float32 vector) of every entry among `ids` that has one, by ascending id, in batches.

        Must not wait for a `write` that waits.
        """
        ...


HeadRow: TypeAlias = tuple[
    int, str, bytes, None, None, int | None, str | None, float, float, float | None, int, bytes, float | None, int
]
"""An EntryRow without query and response, and at its end how many bytes they take in UTF-8."""


@runtime_checkable
class TextStore(BulkStore, Protocol):
    """A store on this machine that gives a text in microseconds: caches over it hold only those used lately."""

    def load_heads(self) -> Iterator[tuple[Sequence[HeadRow], Cursor]]:
        """Yield what `load` yields, without the texts."""
        ...

    def text(self, id: int, key: bytes) -> tuple[str, str] | None:
        """Return query and response of the entry of this key while it is this version, else None.

        Called on the event loop: it must not wait for a `write`.
        """
        ...

    def queries(self, ids: Sequence[int]) -> Mapping[int, str]:
        """Return the queries of these ids; an id that is gone is left out."""
        ...


def text_store(store: Store) -> TextStore | None:
    """Return the store if its own class gives texts: one that passes unknown calls on may change what it passes."""
    return store if isinstance(store, TextStore) and hasattr(type(store), "text") else None


@runtime_checkable
class SnapshotStore(Store, Protocol):
    """A store that can be read as a whole, in one state, while it is written: what `dumps` needs."""

    def snapshot(self) -> Self:
        """Return a second store over the same entries, open; the caller closes it."""
        ...


@runtime_checkable
class LeaseStore(Store, Protocol):
    """A store through which processes agree which of them does a work: what `flight_wait` needs."""

    def lease(self, key: str, owner: str, seconds: float) -> bool:
        """Take the lease of `key` for `owner`, or prolong it, for `seconds` from now; return whether it is the owner's.

        One that ran out, or whose process died, is free. `owner` is a text that no other caller uses.
        """
        ...

    def release(self, key: str, owner: str) -> None:
        """Give the lease of `key` back where it is still the owner's."""
        ...


@runtime_checkable
class SearchStore(BulkStore, Protocol):
    """A store that can search for itself, for caches that do not hold a replica of all entries.

    While `searches` is true, `pull` and the changes that `write` returns first name what changed and do not bring it:
    `Delete` of the key for a put, a replacement or a removal, `Clear` as ever; from Cursor(0, 0) nothing, with the
    newest cursor. `load` reads everything as ever.
    """

    @property
    def searches(self) -> bool:
        """Whether caches over this handle leave the search to it; known once it is open."""
        ...

    def find(self, key: str) -> StoredEntry | None:
        """Return the entry of this key (hexadecimal), fresh or not, without its vector; None where there is none."""
        ...

    def nearest(self, partition: bytes, vector: bytes, k: int, floor: float) -> Sequence[tuple[StoredEntry, float]]:
        """Return at most `k` entries of `partition` with their cosine to `vector`, best first, without their vectors.

        vector: float32, unit length, native byte order. Those whose cosine is below `floor` are left out. May be
        approximate in what it finds, never in the cosine of what it returns.
        """
        ...

    def sizes(self) -> Mapping[str, int]:
        """Return namespace -> entries. May take as long as counting them takes."""
        ...
