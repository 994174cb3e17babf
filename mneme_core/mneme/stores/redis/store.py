"""The store for caches on several machines: keys of one name in a Redis or Valkey server."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

import redis

from mneme.errors import InvalidArgumentError, MnemeError, SchemaMigrationError, StoreBackendError
from mneme.stores.arguments import check_seconds
from mneme.stores.base import REMOVALS_KEPT, Change, Clear, Cursor, Identity, Usage
from mneme.stores.memory import check_identity
from mneme.stores.redis import scripts
from mneme.stores.redis.connecting import check_url, connect, run_of
from mneme.stores.redis.listening import Listener
from mneme.stores.redis.wire import arguments_of, field_of, put_of, removal_of, usage_of

_log = logging.getLogger("mneme.store")

VERSION = 1
BATCH = 512
TRIES = 200
_UNBRACED = re.compile(r"[^{}\ud800-\udfff]+")


class RedisStore:
    """Keeps entries under the keys `{mneme:name}:…`; every cache over them holds a replica in memory.

    url: redis://host:6379/0, rediss://… or unix://…. name: one cache, one name.
    timeout: seconds to wait for a connection or an answer. poll: seconds after which changes of others are noticed even
    where messages are lost; else within milliseconds. No module is needed.
    """

    name = "redis"
    blocking = True

    def __init__(self, url: str, *, name: str = "default", timeout: float = 5.0, poll: float = 1.0) -> None:
        if not isinstance(name, str) or not name or not _UNBRACED.fullmatch(name):
            raise InvalidArgumentError(f"name is {name!r}; it is a text without braces.")
        check_seconds(timeout, "timeout")
        check_seconds(poll, "poll")
        self.schema_version = 0
        self.lag = poll
        self._url = check_url(url)
        self._name = name
        self._timeout = timeout
        self._keys = [f"{{mneme:{name}}}:{part}" for part in scripts.NAMES]
        self._channel = f"{{mneme:{name}}}:changes"
        self._client: Any = None
        self._listener: Listener | None = None
        self._identity: Identity | None = None
        self._epoch, self._run = b"", ""

    def open(self, identity: Identity) -> None:
        """Connect, and bind the name to `identity` or check that it is bound to it."""
        self._identity = identity
        try:
            self._bind()
        except MnemeError:
            self.close()
            raise
        self.schema_version = VERSION
        if self._listener is None:
            self._listener = self._listening()

    def _bind(self) -> None:
        """Make the name where it is missing, or no longer whole, and check that it is bound to this embedder."""
        identity = self._identity
        if identity is None:
            raise StoreBackendError(f"the name {self._name!r} is not open.")
        values = {"version": VERSION, "fingerprint": identity.fingerprint, "dim": identity.dim}
        values |= {"normalize": identity.normalize, "epoch": secrets.token_hex(8)}
        values |= {"last": 0, "forgotten": 0, "held": 0, "noted": 0}
        with self._using("opening") as client:
            self._run = run_of(client)
            flat = [str(item) for pair in values.items() for item in pair]
            found = client.eval(scripts.OPEN, len(self._keys), *self._keys, *flat)
        held = [item.decode() for item in found]
        meta = dict(zip(held[::2], held[1::2], strict=True))
        if meta.get("version") != str(VERSION):
            raise SchemaMigrationError(
                f"the name {self._name!r} has version {meta.get('version')}, this Mneme knows {VERSION}. It is "
                "left as it is; upgrade mneme-middleware, or choose another name."
            )
        bound = Identity(meta["fingerprint"], int(meta["dim"]), meta["normalize"])
        check_identity(bound, identity, f"the name {self._name!r}")
        if self._epoch and meta["epoch"] == values["epoch"]:
            _log.warning("the server lost keys of the cache %r, which begins anew: is it to evict keys?", self._name)
        self._epoch = meta["epoch"].encode()

    def changed(self, cursor: Cursor) -> bool:
        """Compare with what is known of the log; nothing is asked."""
        listener = self._listener
        return listener is None or listener.known != cursor

    def pull(self, cursor: Cursor) -> Iterator[tuple[Sequence[Change], Cursor]]:
        """Yield the changes since `cursor` in batches, each of which is one state of the server."""
        whole: int | None = None
        """How far the log had come when a reading of everything began; removals after it must still be there."""
        while True:
            newest, forgotten, reached, rows, notes = self._since(cursor.sequence)
            mark = self._mark
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
            changes: list[tuple[int, Change]] = [put_of(*row) for row in rows if row[2] is not None]
            changes += map(removal_of, notes)
            cursor = Cursor(reached, mark)
            ended = reached >= newest
            if ended:
                self._saw(cursor)
            yield [change for _, change in sorted(changes, key=lambda pair: pair[0])], cursor
            if ended:
                return

    def _since(self, sequence: int) -> tuple[int, int, int, list[Any], list[bytes]]:
        """Return the next batch; binds the name anew where the server has lost it."""
        for _ in range(TRIES):
            with self._using("reading") as client:
                found: Any = client.eval(scripts.SINCE, len(self._keys), *self._keys, sequence, BATCH)
            if found is not None:
                newest, forgotten, self._epoch, reached, rows, notes = found
                return newest, forgotten, reached, rows, notes
            self._bind()
        raise StoreBackendError(f"reading the name {self._name!r} failed: the server loses its keys.")

    @property
    def _mark(self) -> int:
        """Which log it is. Of this run of the server: one that was restarted may have been put back."""
        return int.from_bytes(blake2b(self._epoch + self._run.encode(), digest_size=7).digest(), "big")

    def _ask(self) -> Cursor:
        """Ask how far the log has come."""
        with self._using("reading") as client:
            self._run = run_of(client)
            last, epoch = client.hmget(self._keys[0], ["last", "epoch"])
        self._epoch = epoch or b""
        return Cursor(int(last or 0), self._mark)

    def write(
        self, changes: Sequence[Change], cursor: Cursor, usage: Usage | None = None
    ) -> tuple[Sequence[Change], Sequence[int], Cursor]:
        """Write `changes` in one step, after reading what others wrote; tried again where another was quicker."""
        arguments = [*arguments_of(changes), *usage_of(usage)]
        foreign: list[Change] = []
        for _ in range(TRIES):
            head = (self._epoch, cursor.sequence, REMOVALS_KEPT, self._channel)
            reached = -1
            if cursor.sequence == 0 or cursor.version == self._mark:
                with self._using("writing") as client:
                    reached = int(client.eval(scripts.WRITE, len(self._keys), *self._keys, *head, *arguments))
            if reached >= 0:
                following = Cursor(reached, self._mark)
                self._saw(following)
                return foreign, range(cursor.sequence + 1, cursor.sequence + 1 + len(changes)), following
            for batch, reached_by in self.pull(cursor):
                foreign += batch
                cursor = reached_by
        raise StoreBackendError(f"writing under the name {self._name!r} failed: others wrote first {TRIES} times.")

    def counters(self) -> Mapping[tuple[str, str], int]:
        """Return (namespace, counter) -> value."""
        with self._using("reading") as client:
            held: Any = client.hgetall(self._keys[6])
        return {field_of(field): int(value) for field, value in held.items()}

    def vectors(self, ids: Sequence[int]) -> Mapping[int, bytes]:
        """Return the float32 vectors of these ids."""
        found: dict[int, bytes] = {}
        for start in range(0, len(ids), 1_000):
            some = ids[start : start + 1_000]
            with self._using("reading") as client:
                held: Any = client.hmget(self._keys[4], [str(number) for number in some])
            found |= {number: vector for number, vector in zip(some, held, strict=True) if vector is not None}
        return found

    def lease(self, key: str, owner: str, seconds: float) -> bool:
        """Take or prolong a lease."""
        with self._using("leasing") as client:
            return bool(client.eval(scripts.LEASE, 1, self._lease_key(key), owner, max(1, int(1_000 * seconds))))

    def release(self, key: str, owner: str) -> None:
        """Give a lease back."""
        with self._using("leasing") as client:
            client.eval(scripts.RELEASE, 1, self._lease_key(key), owner)

    def _lease_key(self, key: str) -> str:
        return f"{{mneme:{self._name}}}:lease:{key}"

    def compact(self) -> None:
        """Nothing to do: the server gives room back by itself."""

    def after_fork(self) -> None:
        """Leave the parent's connections alone, and make new ones."""
        if self._client is not None:
            self._client = None
            self._listener = self._listening()

    def close(self) -> None:
        """Disconnect."""
        self._identity = None
        listener, self._listener = self._listener, None
        client, self._client = self._client, None
        if listener is not None:
            listener.stop()
        if client is not None:
            client.close()

    def _listening(self) -> Listener:
        return Listener(lambda: connect(self._url, self._timeout), self._channel, self.lag, self._ask)

    def _saw(self, reached: Cursor) -> None:
        if self._listener is not None:
            self._listener.saw(reached)

    @contextmanager
    def _using(self, action: str) -> Iterator[Any]:
        """Give the client, made when first needed; errors are raised as Mneme's, without the URL."""
        if self._identity is None:
            raise StoreBackendError(f"the name {self._name!r} is not open.")
        try:
            if self._client is None:
                self._client = connect(self._url, self._timeout)
            yield self._client
        except redis.RedisError as error:
            raise StoreBackendError(f"{action} under {self._name!r} in Redis failed: {type(error).__name__}") from error
