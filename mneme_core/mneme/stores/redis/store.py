"""The store for caches on several machines: keys of one name in a Redis or Valkey server."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import redis

from mneme.errors import InvalidArgumentError, MnemeError, SchemaMigrationError, StoreBackendError
from mneme.model import StoredEntry
from mneme.stores.base import REMOVALS_KEPT, Change, Clear, Cursor, Delete, Identity, Put, Usage
from mneme.stores.memory import check_identity
from mneme.stores.redis import scripts

_log = logging.getLogger("mneme.store")

VERSION = 1
BATCH = 512
TRIES = 200
RETRY_SECONDS = 1.0


class RedisStore:
    """Keeps entries under the keys `{mneme:name}:…`; every cache over them holds a replica in memory.

    url: redis://host:6379/0, rediss://… or unix://…. name: one cache, one name.
    timeout: seconds to wait for a connection or an answer. poll: seconds after which changes of others are noticed even
    where messages are lost; else within milliseconds. No module is needed.
    """

    name = "redis"
    blocking = True

    def __init__(self, url: str, *, name: str = "default", timeout: float = 5.0, poll: float = 1.0) -> None:
        if not isinstance(url, str) or not url.startswith(("redis://", "rediss://", "unix://")):
            raise InvalidArgumentError("the url of a RedisStore starts with redis://; its value is not shown.")
        if not isinstance(name, str) or not name or "}" in name or "{" in name:
            raise InvalidArgumentError(f"name is {name!r}; it is a text without braces.")
        if not timeout > 0 or not poll > 0:
            raise InvalidArgumentError(f"timeout is {timeout} and poll is {poll}; both are seconds above 0.")
        self.schema_version = 0
        self.lag = poll
        self._url = url
        self._name = name
        self._timeout = timeout
        self._keys = [f"{{mneme:{name}}}:{part}" for part in scripts.NAMES]
        self._channel = f"{{mneme:{name}}}:changes"
        self._client: redis.Redis | None = None
        self._listener: _Listener | None = None

    def open(self, identity: Identity) -> None:
        """Connect, and bind the name to `identity` or check that it is bound to it."""
        if self._client is None:
            self._client = self._connect()
        values: dict[str, object] = {"version": VERSION, "fingerprint": identity.fingerprint, "dim": identity.dim}
        values["normalize"] = identity.normalize
        try:
            with self._using("opening") as client:
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
        except MnemeError:
            self.close()
            raise
        self.schema_version = VERSION
        if self._listener is None:
            self._listener = _Listener(self._connect(), self._channel, self._keys[1], self.lag)

    def changed(self, cursor: Cursor) -> bool:
        """Compare with the newest number that is known of; nothing is asked."""
        listener = self._listener
        return listener is None or listener.latest > cursor.sequence

    def pull(self, cursor: Cursor) -> Iterator[tuple[Sequence[Change], Cursor]]:
        """Yield the changes since `cursor` in batches, each of which is one state of the server."""
        sequence = cursor.sequence
        while True:
            with self._using("reading") as client:
                found: Any = client.eval(scripts.SINCE, len(self._keys), *self._keys, sequence, BATCH)
            newest, forgotten, reached, entries, notes = found
            changes: list[tuple[int, Change]] = [_put(*row) for row in entries]
            changes += map(_removal, notes)
            ordered = [change for _, change in sorted(changes, key=lambda pair: pair[0])]
            if sequence < forgotten:
                ordered.insert(0, Clear(None))
            sequence = reached
            self._saw(newest)
            yield ordered, Cursor(reached, 0)
            if reached >= newest:
                return

    def write(
        self, changes: Sequence[Change], cursor: Cursor, usage: Usage | None = None
    ) -> tuple[Sequence[Change], Sequence[int], Cursor]:
        """Write `changes` in one step, after reading what others wrote; tried again where another was quicker."""
        arguments = [*_arguments(changes), *_used(usage)]
        foreign: list[Change] = []
        for _ in range(TRIES):
            with self._using("writing") as client:
                head = (cursor.sequence, REMOVALS_KEPT, self._channel)
                reached = int(client.eval(scripts.WRITE, len(self._keys), *self._keys, *head, *arguments))
            if reached >= 0:
                self._saw(reached)
                return foreign, range(cursor.sequence + 1, cursor.sequence + 1 + len(changes)), Cursor(reached, 0)
            for batch, following in self.pull(cursor):
                foreign += batch
                cursor = following
        raise StoreBackendError(f"writing under the name {self._name!r} failed: others wrote first {TRIES} times.")

    def counters(self) -> Mapping[tuple[str, str], int]:
        """Return (namespace, counter) -> value."""
        with self._using("reading") as client:
            held: Any = client.hgetall(self._keys[8])
        return {_field_of(field): int(value) for field, value in held.items()}

    def vectors(self, ids: Sequence[int]) -> Mapping[int, bytes]:
        """Return the float32 vectors of these ids."""
        found: dict[int, bytes] = {}
        for start in range(0, len(ids), 1_000):
            some = ids[start : start + 1_000]
            with self._using("reading") as client:
                held: Any = client.hmget(self._keys[6], [str(number) for number in some])
            found |= {number: vector for number, vector in zip(some, held, strict=True) if vector is not None}
        return found

    def compact(self) -> None:
        """Nothing to do: the server gives room back by itself."""

    def after_fork(self) -> None:
        """Leave the parent's connections alone, and make new ones."""
        if self._client is not None:
            self._client = self._connect()
            self._listener = _Listener(self._connect(), self._channel, self._keys[1], self.lag)

    def close(self) -> None:
        """Disconnect."""
        listener, self._listener = self._listener, None
        client, self._client = self._client, None
        if listener is not None:
            listener.stop()
        if client is not None:
            client.close()

    def _connect(self) -> redis.Redis:
        return redis.Redis.from_url(
            self._url, socket_timeout=self._timeout, socket_connect_timeout=self._timeout, client_name="mneme"
        )

    def _saw(self, sequence: int) -> None:
        if self._listener is not None:
            self._listener.saw(sequence)

    @contextmanager
    def _using(self, action: str) -> Iterator[redis.Redis]:
        """Give the client; errors are raised as Mneme's, without the URL."""
        if self._client is None:
            raise StoreBackendError(f"the name {self._name!r} is not open.")
        try:
            yield self._client
        except redis.RedisError as error:
            raise StoreBackendError(f"{action} under {self._name!r} in Redis failed: {type(error).__name__}") from error


class _Listener:
    """A thread that is told of every write; what is lost while it is not connected is found by asking."""

    def __init__(self, client: redis.Redis, channel: str, key: str, poll: float) -> None:
        self.latest = 0
        self._client, self._channel, self._key, self._poll = client, channel, key, poll
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mneme-redis", daemon=True)
        self._thread.start()

    def saw(self, sequence: int) -> None:
        """Note a number that was read or written."""
        if sequence > self.latest:
            self.latest = sequence

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        try:
            self._client.publish(self._channel, self.latest)  # it waits for a message
        except redis.RedisError:
            pass  # then it ends when its wait does
        self._thread.join(timeout=self._poll + RETRY_SECONDS)
        self._client.close()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                with self._client.pubsub(ignore_subscribe_messages=True) as messages:  # type: ignore[no-untyped-call]
                    messages.subscribe(self._channel)
                    while not self._stopped.is_set():
                        self.saw(int(self._client.get(self._key) or 0))
                        told = messages.get_message(timeout=self._poll)
                        while told is not None:
                            self.saw(int(told["data"]))
                            told = messages.get_message(timeout=0)
            except (redis.RedisError, OSError, ValueError) as error:
                if not self._stopped.is_set():
                    _log.debug("listening for other caches' changes was interrupted: %s", type(error).__name__)
                    self._stopped.wait(RETRY_SECONDS)


def _arguments(changes: Sequence[Change]) -> list[Any]:
    found: list[Any] = []
    for change in changes:
        if isinstance(change, Put):
            entry = change.entry
            found += ["P", entry.query_hash, _bytes(entry.namespace), _payload(entry), entry.embedding]
        elif isinstance(change, Delete):
            found += ["D", change.key, "" if change.id is None else change.id]
        else:
            found += ["C", int(change.namespace is None), _bytes(change.namespace or "")]
    return found


def _used(usage: Usage | None) -> list[Any]:
    found: list[Any] = []
    if usage is not None:
        for number, (last, uses) in usage.accesses.items():
            found += ["U", number, repr(float(last)), uses]
        for (space, name), amount in usage.counters.items():
            found += ["N", _field(space, name), amount]
    return found


def _field(space: str, name: str) -> bytes:
    held = _bytes(space)
    return b"%d:%s%s" % (len(held), held, name.encode())


def _field_of(field: bytes) -> tuple[str, str]:
    length, _, rest = field.partition(b":")
    return rest[: int(length)].decode(), rest[int(length) :].decode()


def _payload(entry: StoredEntry) -> bytes:
    return json.dumps(
        [
            *(entry.namespace, entry.query, entry.response, entry.metadata, entry.created_at, entry.last_accessed_at),
            *(entry.ttl, entry.access_count, entry.partition.hex(), entry.compute_seconds),
        ]
    ).encode()


def _put(number: bytes, key: bytes, payload: bytes, vector: bytes, used: bytes) -> tuple[int, Change]:
    space, query, response, metadata, created, accessed, ttl, uses, partition, seconds = json.loads(payload)
    if used:
        last, more = used.split()
        accessed, uses = max(accessed, float(last)), uses + int(more)
    entry = StoredEntry(
        int(number),
        space,
        key.decode(),
        query,
        response,
        vector,
        metadata,
        created,
        accessed,
        ttl,
        uses,
        bytes.fromhex(partition),
        seconds,
    )
    return entry.id, Put(entry)


def _removal(note: bytes) -> tuple[int, Change]:
    number, kind, rest = note.split(b":", 2)
    if kind == b"K":
        return int(number), Delete(rest.decode())
    return int(number), Clear(None if kind == b"A" else rest.decode())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
