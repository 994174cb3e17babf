"""Messages of Redis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis

from mneme.errors import StoreBackendError
from mneme.stores import listening
from mneme.stores.base import Cursor


class Listener(listening.Listener):
    """Told of every write, through a client of its own."""

    errors = (redis.RedisError, OSError, ValueError, StoreBackendError)

    def __init__(self, connect: Callable[[], Any], channel: str, poll: float, ask: Callable[[], Cursor]) -> None:
        self._connect, self._channel = connect, channel
        self._client: Any = None
        super().__init__("redis", poll, ask)

    def listen(self) -> None:
        """Connect, and note messages until it is stopped."""
        if self._client is None:
            self._client = self._connect()
        with self._client.pubsub(ignore_subscribe_messages=True) as messages:
            messages.subscribe(self._channel)
            while not self._stopped.is_set():
                self.know(self._ask())
                told = messages.get_message(timeout=self._poll)
                while told is not None:
                    self.told(int(told["data"]))
                    told = messages.get_message(timeout=0)

    def leave(self) -> None:
        """Wake it with a message."""
        try:
            if self._client is not None:
                self._client.publish(self._channel, 0)
        except redis.RedisError:
            pass  # then it ends when its wait does

    def stop(self) -> None:
        """End the thread, and the client."""
        super().stop()
        if self._client is not None:
            self._client.close()
