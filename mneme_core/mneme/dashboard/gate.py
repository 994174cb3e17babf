"""Many who share a thing, or one who has it alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """A lock that many hold at once, or one alone. Who wants it alone waits for the others, and they for him."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._inside = 0
        self._is_wanted_alone = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold it beside others."""
        with self._free:
            self._free.wait_for(lambda: not self._is_wanted_alone)
            self._inside += 1
        try:
            yield
        finally:
            with self._free:
                self._inside -= 1
                self._free.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold it while nobody else does."""
        with self._free:
            self._free.wait_for(lambda: not self._is_wanted_alone)
            self._is_wanted_alone = True
            self._free.wait_for(lambda: not self._inside)
        try:
            yield
        finally:
            with self._free:
                self._is_wanted_alone = False
                self._free.notify_all()
