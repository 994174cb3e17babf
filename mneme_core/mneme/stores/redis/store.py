"""The store for caches on several machines: keys of one name in a Redis or Valkey server."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias, get_args

import redis

from mneme.errors import InvalidArgumentError, MnemeError, StoreBackendError
from mneme.model import StoredEntry
from mneme.stores.arguments import check_seconds
from mneme.stores.base import Change, Clear, Cursor, Delete, EntryRow, Identity, Put, Usage
from mneme.stores.redis import bulk, leasing, scripts, searching, writing
from mneme.stores.redis.connecting import check_url
from mneme.stores.redis.link import VERSION, Link
from mneme.stores.redis.listening import Listener
from mneme.stores.redis.wire import entry_of, field_of, removal_of

_log = logging.getLogger("mneme.store")

Mode: TypeAlias = Literal["auto", "replica", "server"]

# As in Postgres: a replica of this many takes a process 0.8 GB and seconds to open.
AUTO_ENTRIES = 300_000
BATCH = 512
# A sequence number that no log reaches, and that a score can hold.
FAR: Final = 2**53 - 1
_UNBRACED = re.compile(r"[^{}\ud800-\udfff]+")


class RedisStore:
    """Keeps entries under the keys `{mneme:name}:…`.

    url: redis://host:6379/0, rediss://… or unix://…. name: one cache, one name.
    mode: "replica", where every cache holds all entries in memory, on any server; "server", where the server searches
    (Redis 8 with vector sets, or RediSearch); "auto", decided when it is opened: the second for more than AUTO_ENTRIES
    on a server that can.
    timeout: seconds to wait for a connection or an answer. poll: seconds after which changes of others are noticed even
    where messages are lost; else within milliseconds.
    """

    name = "redis"
    blocking = True

    def __init__(
        self, url: str, *, name: str = "default", mode: Mode = "auto", timeout: float = 5.0, poll: float = 1.0
    ) -> None:
        if not isinstance(name, str) or not name or not _UNBRACED.fullmatch(name):
            raise InvalidArgumentError(f"name is {name!r}; it is a text without braces.")
        if mode not in get_args(Mode):
            raise InvalidArgumentError(f"mode is {mode!r}; it is one of {', '.join(get_args(Mode))}.")
        check_seconds(timeout, "timeout")
        check_seconds(poll, "poll")
        self.schema_version = 0
        self.searches = False
        self.lag = poll
        self._mode = mode
        self._link = Link(check_url(url), name, timeout, self._bound)
        self._listener: Listener | None = None

    def open(self, identity: Identity) -> None:
        """Connect, and bind the name to `identity` or check that it is bound to it."""
        self._link.identity = identity
        try:
            self._link.bind()
        except MnemeError:
            self.close()
            raise
        self.schema_version = VERSION
        if self._listener is None:
            self._listener = self._listening()

    def identity(self) -> Identity | None:
        """Return what the name is bound to; None where there is none. Nothing is made."""
        return self._link.bound_to()

    def _bound(self, meta: Mapping[str, str]) -> None:
        """Decide whether the server searches; make the name searchable, again where the server had lost it."""
        is_asked = self.searches or self._mode == "server"
        identity = self._link.identity
        is_sealed = identity is not None and identity.is_sealed  # then a server could compare nothing
        if not is_asked and (
            self.schema_version or self._mode == "replica" or is_sealed or int(meta["held"]) <= AUTO_ENTRIES
        ):
            return
        ways = searching.ways_of(self._link)
        try:
            searching.prepare(self._link, meta, ways)
        except StoreBackendError as error:
            is_unable = error.__cause__ is None or isinstance(error.__cause__, redis.ResponseError)
            if is_asked or not is_unable:
                raise
            _log.warning("the name %r has %s entries, which this cache holds: %s", self._link.name, meta["held"], error)
            return
        self.searches = True

    def changed(self, cursor: Cursor) -> bool:
        """Compare with what is known of the log; nothing is asked."""
        listener = self._listener
        return listener is None or listener.known != cursor

    def pull(self, cursor: Cursor) -> Iterator[tuple[Sequence[Change], Cursor]]:
        """Yield the changes since `cursor` in batches, each of which is one state of the server."""
        if self.searches:
            yield from self._pull_names(cursor)
            return
        whole: int | None = None
        """How far the log had come when a reading of everything began; removals after it must still be there."""
        while True:
            newest, forgotten, reached, rows, notes = self._since(cursor.sequence)
            mark = self._link.mark
            if whole is None:
                is_anew = cursor.sequence > 0 and (cursor.version != mark or newest < cursor.sequence)
                is_anew = is_anew or 0 < cursor.sequence < forgotten
            else:
                is_anew = cursor.version != mark or newest < whole or whole < forgotten
            if is_anew:
                whole, cursor = None, Cursor(0, mark)
                yield [Clear(None)], cursor
                continue
            if cursor.sequence == 0:
                whole = newest
            changes: list[tuple[int, Change]] = [(int(row[0]), Put(entry_of(*row))) for row in rows]
            changes += map(removal_of, notes)
            cursor = Cursor(reached, mark)
            ended = reached >= newest
            if ended:
                self._saw(cursor)
            yield [change for _, change in sorted(changes, key=lambda pair: pair[0])], cursor
            if ended:
                return

    def _pull_names(self, cursor: Cursor) -> Iterator[tuple[Sequence[Change], Cursor]]:
        """Yield what changed since `cursor` as removals: a cache holds what it was asked for, and asks again."""
        is_new = cursor == Cursor(0, 0)
        while True:
            newest, forgotten, reached, rows, notes = self._since(FAR if is_new else cursor.sequence)
            mark, since = self._link.mark, cursor.sequence
            changes = [(int(number), Delete(key.decode())) for number, key, *_ in rows] + [*map(removal_of, notes)]
            found: Sequence[Change] = [change for _, change in sorted(changes, key=lambda pair: pair[0])]
            if not is_new and (cursor.version != mark or newest < since or since < forgotten):
                found, reached = [Clear(None)], newest
            cursor = Cursor(reached, mark)
            ended = reached >= newest
            if ended:
                self._saw(cursor)
            yield found, cursor
            if ended:
                return

    def _since(self, sequence: int) -> tuple[int, int, int, list[Any], list[bytes]]:
        """Return the next batch."""
        script = (scripts.SINCE, sequence, BATCH, int(self.searches))
        newest, forgotten, self._link.epoch, *batch = self._link.whole("reading", *script)
        return newest, forgotten, *batch

    def load(self) -> Iterator[tuple[Sequence[EntryRow], Cursor]]:
        """Yield every entry in batches of rows; what changes meanwhile comes after the cursor."""
        for rows, cursor in bulk.everything(self._link):
            if cursor != Cursor(0, 0):
                self._saw(cursor)
            yield rows, cursor

    def load_vectors(self, ids: range) -> Iterator[Sequence[tuple[int, bytes]]]:
        """Yield the ids and vectors of the entries among `ids`."""
        return bulk.all_vectors(self._link, ids)

    def write(
        self, changes: Sequence[Change], cursor: Cursor, usage: Usage | None = None
    ) -> tuple[Sequence[Change], Sequence[int], Cursor]:
        """Write `changes`, 10,000 in one step, after reading what others wrote."""
        foreign, numbers, following = writing.write(self._link, self.pull, changes, cursor, usage)
        self._saw(following)
        return foreign, numbers, following

    def counters(self) -> Mapping[tuple[str, str], int]:
        """Return (namespace, counter) -> value."""
        with self._link.using("reading") as client:
            held: Any = client.hgetall(self._link.keys[6])
        return {field_of(field): int(value) for field, value in held.items()}

    def vectors(self, ids: Sequence[int]) -> Mapping[int, bytes]:
        """Return the float32 vectors of these ids."""
        found: dict[int, bytes] = {}
        for start in range(0, len(ids), 1_000):
            some = ids[start : start + 1_000]
            with self._link.using("reading") as client:
                held: Any = client.hmget(self._link.keys[4], [str(number) for number in some])
            found |= {number: vector for number, vector in zip(some, held, strict=True) if vector is not None}
        return found

    def find(self, key: str) -> StoredEntry | None:
        """Return the entry of a key."""
        return searching.find(self._link, key)

    def nearest(self, partition: bytes, vector: bytes, k: int, floor: float) -> Sequence[tuple[StoredEntry, float]]:
        """Search among the server's entries; raises StoreBackendError where the name was not opened to be."""
        if not self.searches:
            raise StoreBackendError(f'the name {self._link.name!r} was not opened with mode="server".')
        return searching.nearest(self._link, partition, vector, k, floor)

    def sizes(self) -> Mapping[str, int]:
        """Count the entries of each namespace."""
        return searching.sizes(self._link)

    def lease(self, key: str, owner: str, seconds: float) -> bool:
        """Take or prolong a lease."""
        return leasing.take(self._link, key, owner, seconds)

    def release(self, key: str, owner: str) -> None:
        """Give a lease back."""
        leasing.release(self._link, key, owner)

    def compact(self) -> None:
        """Nothing to do: the server gives room back by itself."""

    def after_fork(self) -> None:
        """Leave the parent's connections alone, and make new ones."""
        if self._link.client is not None:
            self._link.client = None
            self._listener = self._listening()

    def close(self) -> None:
        """Disconnect."""
        self._link.identity = None
        listener, self._listener = self._listener, None
        client, self._link.client = self._link.client, None
        if listener is not None:
            listener.stop()
        if client is not None:
            client.close()

    def _listening(self) -> Listener:
        return Listener(self._link.connect, self._link.channel, self.lag, self._link.ask)

    def _saw(self, reached: Cursor) -> None:
        if self._listener is not None:
            self._listener.saw(reached)
