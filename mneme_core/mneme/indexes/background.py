"""What an index does beside its searches, in a thread that is there only while there is something to do."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Iterator

_log = logging.getLogger("mneme.cache")

Job = Callable[[], Iterator[None]]
"""Work in steps; each ends with a `yield`, where it may be left for good."""


class Background:
    """Does jobs one after another. A job that fails is logged: whatever it would have made can be done without."""

    def __init__(self) -> None:
        self._jobs: dict[Hashable, Job] = {}
        self._changed = threading.Condition()
        self._is_busy = self._is_stopped = False

    def submit(self, name: Hashable, job: Job) -> None:
        """Have a job done, once however often it is submitted before it begins."""
        with self._changed:
            if self._is_stopped or name in self._jobs:
                return
            self._jobs[name] = job
            if not self._is_busy:
                # Not a daemon: one that is inside a library's C++ when the interpreter goes away takes it down.
                thread = threading.Thread(target=self._run, name="mneme-index", daemon=False)
                try:
                    thread.start()
                    self._is_busy = True
                except RuntimeError:  # no more threads, or the interpreter is ending
                    self._jobs.clear()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._is_stopped or not self._jobs:
                    self._jobs.clear()
                    self._is_busy = False
                    self._changed.notify_all()
                    return
                job = self._jobs.pop(next(iter(self._jobs)))
            try:
                for _ in job():
                    if not self.goes_on():
                        self._is_stopped = True
                        break
            except Exception:
                _log.warning("the vector index goes on without what it was preparing", exc_info=True)

    def goes_on(self) -> bool:
        """Return whether a job is to be gone on with."""
        # The interpreter waits for this thread before it ends, and the main thread is over by then.
        return not self._is_stopped and threading.main_thread().is_alive()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until there is nothing to do; return whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._is_busy, timeout)

    def stop(self) -> None:
        """Leave what is being done at its next step, and do nothing more."""
        self._is_stopped = True
