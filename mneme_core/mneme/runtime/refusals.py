"""Values that were computed and may not be stored, kept for a moment so that they are not asked for again at once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

from mneme.runtime.labels import Label

# Kept at most; the oldest leave.
KEPT = 1_000


class Refused(NamedTuple):
    """A value as it was computed, and as text where it has one."""

    value: Any
    text: str | None
    codec: object
    """What made the text."""
    labels: tuple[Label, ...]
    """Of what it was made from, as far as was said."""
    moment: int
    """When it was begun, as `Invalidated` counts."""


class Refusals:
    """Refused values by request, in memory alone. seconds: for how long; None keeps none."""

    def __init__(self, seconds: float | None, clock: Callable[[], float]) -> None:
        self.seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._held: OrderedDict[Hashable, tuple[float, Refused]] = OrderedDict()

    def note(self, key: Hashable, refused: Refused) -> None:
        """Keep a value that was refused just now."""
        if self.seconds is None:
            return
        with self._lock:
            self._held[key] = (self._clock(), refused)
            self._held.move_to_end(key)
            while len(self._held) > KEPT:
                self._held.popitem(last=False)

    def of(self, key: Hashable) -> Refused | None:
        """Return the value refused for a request, while its time lasts."""
        if self.seconds is None:
            return None
        with self._lock:
            found = self._held.get(key)
            if found is None:
                return None
            at, refused = found
            if not 0 <= self._clock() - at < self.seconds:
                del self._held[key]
                return None
            return refused

    def after_fork(self) -> None:
        """Replace the lock, which another thread may have held."""
        self._lock = threading.Lock()
