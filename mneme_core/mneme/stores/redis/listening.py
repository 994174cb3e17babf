"""Learns how far the log has come without asking for it before each lookup."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import redis

from mneme.errors import StoreBackendError
from mneme.stores.base import Cursor

_log = logging.getLogger("mneme.store")

RETRY_SECONDS = 1.0


class Listener:
    """A thread that is told of every write.

    A message only wakes: what is lost while it is not connected is found by `ask`, every `poll` seconds and after each
    connection.
    """

    def __init__(self, connect: Callable[[], Any], channel: str, poll: float, ask: Callable[[], Cursor]) -> None:
        self.known = Cursor(0, 0)
        """How far the log has come, as far as is known."""
        self._connect, self._channel, self._poll, self._ask = connect, channel, poll, ask
        self._client: Any = None
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mneme-redis", daemon=True)
        self._thread.start()

    def saw(self, reached: Cursor) -> None:
        """Note how far the log had come when it was read or written."""
        with self._lock:
            if reached.version != self.known.version or reached.sequence > self.known.sequence:
                self.known = reached

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        client = self._client
        try:
            if client is not None:
                client.publish(self._channel, 0)  # it waits for a message
        except redis.RedisError:
            pass  # then it ends when its wait does
        self._thread.join(timeout=self._poll + RETRY_SECONDS)
        if client is not None:
            client.close()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                if self._client is None:
                    self._client = self._connect()
                self._listen(self._client)
            except (redis.RedisError, OSError, ValueError, StoreBackendError) as error:
                if not self._stopped.is_set():
                    _log.debug("listening for other caches' changes was interrupted: %s", type(error).__name__)
                    self._without_messages()
                    self._stopped.wait(min(RETRY_SECONDS, self._poll))

    def _listen(self, client: Any) -> None:
        with client.pubsub(ignore_subscribe_messages=True) as messages:
            messages.subscribe(self._channel)
            while not self._stopped.is_set():
                self._know(self._ask())
                told = messages.get_message(timeout=self._poll)
                while told is not None:
                    self.saw(Cursor(int(told["data"]), self.known.version))
                    told = messages.get_message(timeout=0)

    def _know(self, reached: Cursor) -> None:
        with self._lock:  # also where it is less than what was known: then the log was put back
            self.known = reached

    def _without_messages(self) -> None:
        try:
            self._know(self._ask())
        except StoreBackendError:
            pass  # the server cannot be reached at all; lookups are answered from what is here
