"""Waking a thread that waits."""

from __future__ import annotations

from contextlib import suppress
from queue import Empty, SimpleQueue


class Bell:
    """What `threading.Event` does, but in C: a signal in the middle of `Event.set` may leave its lock held for ever."""

    def __init__(self) -> None:
        self._rings: SimpleQueue[None] = SimpleQueue()

    def ring(self) -> None:
        """Wake who waits, or who waits next."""
        if self._rings.empty():
            self._rings.put(None)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it rings, or for so many seconds; it then is to ring anew."""
        with suppress(Empty):
            self._rings.get(timeout=timeout)
            while True:
                self._rings.get_nowait()
