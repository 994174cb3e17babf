"""Learns how far the log on a server has come without asking for it before each lookup."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from mneme.errors import StoreBackendError
from mneme.stores.base import Cursor

_log = logging.getLogger("mneme.store")

RETRY_SECONDS = 1.0


class Listener:
    """A thread that is told of every write; a subclass says how, in `listen` and `leave`.

    A message only wakes: what is lost while it is not connected is found by asking, every `poll` seconds and after each
    connection; by `ask`, through another connection, where none can be had.
    """

    errors: tuple[type[Exception], ...] = (ValueError,)
    """What `listen` raises where it is interrupted."""

    def __init__(self, name: str, poll: float, ask: Callable[[], Cursor]) -> None:
        self.known = Cursor(0, 0)
        """How far the log has come, as far as is known."""
        self._poll, self._ask = poll, ask
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"mneme-{name}", daemon=True)
        self._thread.start()

    def listen(self) -> None:
        """Connect, and note what is told until it is stopped."""
        raise NotImplementedError  # each server tells in its own way

    def leave(self) -> None:
        """End a wait that `listen` may be in."""
        raise NotImplementedError

    def saw(self, reached: Cursor) -> None:
        """Note how far the log had come when it was read or written."""
        with self._lock:
            if reached.version != self.known.version or reached.sequence > self.known.sequence:
                self.known = reached

    def know(self, reached: Cursor) -> None:
        """Note how far the log has come, also where it is less than what was known: then the log was put back."""
        with self._lock:
            self.known = reached

    def told(self, sequence: int) -> None:
        """Note a number that a message brought."""
        self.saw(Cursor(sequence, self.known.version))

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self.leave()
        self._thread.join(timeout=self._poll + RETRY_SECONDS)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self.listen()
            except self.errors as error:
                if not self._stopped.is_set():
                    _log.debug("listening for other caches' changes was interrupted: %s", type(error).__name__)
                    self._ask_otherwise()
                    self._stopped.wait(min(RETRY_SECONDS, self._poll))

    def _ask_otherwise(self) -> None:
        try:
            self.know(self._ask())
        except StoreBackendError:
            pass  # the server cannot be reached at all; lookups are answered from what is here
