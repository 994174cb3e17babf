"""Who of those who wait for an embedder gathers the next batch, and when."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

from mneme.embedders.batching import Batching

C = TypeVar("C")


class Queue(Generic[C]):
    """The calls that wait, and who gathers them. One gathers at a time; so many batches as allowed are under way."""

    def __init__(self, batching: Batching) -> None:
        self._batching = batching
        self._waiting: deque[C] = deque()
        self._busy = 0
        self._leader: C | None = None
        self._lock = threading.Lock()

    def join(self, call: C) -> bool:
        """Let a call wait; return whether it is the one to gather the next batch, and embed it."""
        with self._lock:
            self._waiting.append(call)
            return self._appointed() is call

    def take(self) -> tuple[list[C], C | None]:
        """Return the leader's batch, itself first, and who leads the next one if it may begin already."""
        with self._lock:
            count = min(len(self._waiting), self._batching.texts)
            batch = [self._waiting.popleft() for _ in range(count)]
            self._leader = None
            return batch, self._appointed()

    def end(self) -> C | None:
        """Note that a batch is done; return who leads the next one."""
        with self._lock:
            self._busy -= 1
            return self._appointed()

    def leave(self, call: C) -> C | None:
        """Take back a call that waits; return who leads in its place, if it was to lead."""
        with self._lock:
            if call in self._waiting:
                self._waiting.remove(call)
            if call is not self._leader:
                return None
            self._leader = None
            self._busy -= 1
            return self._appointed()

    def _appointed(self) -> C | None:
        """Return the first that waits, if it may lead now."""
        if not self._waiting or self._leader is not None or self._busy == self._batching.at_once:
            return None
        self._busy += 1
        self._leader = self._waiting[0]
        return self._leader
