"""The keys of one name in a server, the connection to them, and which log they hold."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from hashlib import blake2b
from typing import Any

import redis

from mneme.errors import SchemaMigrationError, StoreBackendError
from mneme.stores.arguments import server_of
from mneme.stores.base import Cursor, Identity
from mneme.stores.memory import check_identity
from mneme.stores.redis import scripts
from mneme.stores.redis.connecting import connect, run_of

_log = logging.getLogger("mneme.store")

VERSION = 1
TRIES = 200


class Link:
    """Runs scripts over the keys of a name; binds the name anew where the server has lost it.

    bound: called with the fields of `meta` each time the name was bound.
    """

    def __init__(self, url: str, name: str, timeout: float, bound: Callable[[Mapping[str, str]], None]) -> None:
        self.name = name
        self.root = f"{{mneme:{name}}}:"
        self.keys = [self.root + part for part in scripts.NAMES]
        self.channel = self.root + "changes"
        self.identity: Identity | None = None
        self.client: Any = None
        self.epoch = b""
        self._run = ""
        self._url, self._timeout, self._bound = url, timeout, bound

    def connect(self) -> Any:
        """Return a client of one's own."""
        return connect(self._url, self._timeout)

    def bind(self) -> None:
        """Make the name where it is missing, or no longer whole, and check that it is bound to this embedder."""
        identity = self.identity
        if identity is None:
            raise StoreBackendError(f"the name {self.name!r} is not open.")
        values = {"version": VERSION, "fingerprint": identity.fingerprint, "dim": identity.dim}
        values |= {"normalize": identity.normalize, "epoch": secrets.token_hex(8)}
        values |= {"last": 0, "forgotten": 0, "held": 0, "noted": 0}
        with self.using("opening") as client:
            self._run = run_of(client)
        found = self.eval("opening", scripts.OPEN, *[str(item) for pair in values.items() for item in pair])
        held = [item.decode() for item in found]
        meta = dict(zip(held[::2], held[1::2], strict=True))
        if meta.get("version") != str(VERSION):
            raise SchemaMigrationError(
                f"the name {self.name!r} has version {meta.get('version')}, this Mneme knows {VERSION}. It is "
                "left as it is; upgrade mneme-middleware, or choose another name."
            )
        held_by = Identity(meta["fingerprint"], int(meta["dim"]), meta["normalize"])
        check_identity(held_by, identity, f"the name {self.name!r}")
        if self.epoch and meta["epoch"] == values["epoch"]:
            _log.warning("the server lost keys of the cache %r, which begins anew: is it to evict keys?", self.name)
        self.epoch = meta["epoch"].encode()
        self._bound(meta)

    def bound_to(self) -> Identity | None:
        """Return what the name is bound to, through a connection of its own; None where it is not there."""
        with self._translated("reading"), closing(self.connect()) as client:
            fingerprint, dim, normalize = client.hmget(self.keys[0], ["fingerprint", "dim", "normalize"])
        if fingerprint is None or dim is None or normalize is None:
            return None
        return Identity(fingerprint.decode(), int(dim), normalize.decode())

    @property
    def mark(self) -> int:
        """Which log it is. Of this run of the server: one that was restarted may have been put back."""
        return int.from_bytes(blake2b(self.epoch + self._run.encode(), digest_size=7).digest(), "big")

    def ask(self) -> Cursor:
        """Ask how far the log has come."""
        with self.using("reading") as client:
            self._run = run_of(client)
            last, epoch = client.hmget(self.keys[0], ["last", "epoch"])
        self.epoch = epoch or b""
        return Cursor(int(last or 0), self.mark)

    def eval(self, action: str, script: str, *arguments: Any) -> Any:
        """Run a script over the keys of the name; `action` is the word for it in an error."""
        with self.using(action) as client:
            return client.eval(script, len(self.keys), *self.keys, *arguments)

    def whole(self, action: str, script: str, *arguments: Any) -> Any:
        """Run a script that returns nothing where the name is not whole; then bind it anew, and run it again."""
        for _ in range(TRIES):
            found = self.eval(action, script, *arguments)
            if found is not None:
                return found
            self.bind()
        raise StoreBackendError(f"{action} the name {self.name!r} failed: the server loses its keys.")

    @contextmanager
    def using(self, action: str) -> Iterator[Any]:
        """Give the client, made when first needed; errors are raised as Mneme's, without the URL."""
        if self.identity is None:
            raise StoreBackendError(f"the name {self.name!r} is not open.")
        with self._translated(action):
            if self.client is None:
                self.client = self.connect()
            yield self.client

    @contextmanager
    def _translated(self, action: str) -> Iterator[None]:
        try:
            yield
        except redis.RedisError as error:
            raise StoreBackendError(
                f"{action} under {self.name!r} in Redis at {server_of(self._url)} failed: {type(error).__name__}"
            ) from error
