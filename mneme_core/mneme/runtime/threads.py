"""Threads of a cache's own: an event loop's default ones may all be waiting for something else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from mneme.offload import offload

T = TypeVar("T")


class Threads:
    """A bounded number of threads, made when first needed.

    check_open: called before a step is taken; raises after the cache was closed.
    """

    def __init__(self, number: int, name: str, check_open: Callable[[], None]) -> None:
        self._number = number
        self._name = name
        self._check_open = check_open
        self._executor: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    @property
    def started(self) -> bool:
        """Whether there are any."""
        return self._executor is not None

    def submit(self, step: Callable[..., T], *arguments: object) -> Future[T]:
        """Run a step in one of the threads, or here where there can be none."""
        return offload(self._submit, step, *arguments)

    def offer(self, step: Callable[[], object]) -> None:
        """Run a step in one of the threads, or never where there can be none."""
        with suppress(RuntimeError):
            self._submit(step)

    def _submit(self, step: Callable[[], object]) -> None:
        with self._lock:
            self._check_open()  # `close` takes the same lock: nothing is submitted after it
            if self._executor is None:
                self._executor = ThreadPoolExecutor(self._number, thread_name_prefix=self._name)
            self._executor.submit(step)

    def close(self) -> None:
        """Wait for what was submitted; to be called once `check_open` raises."""
        with self._lock:
            executor = self._executor
        if executor is not None:
            executor.shutdown(wait=True)

    def after_fork(self) -> None:
        """Forget threads that are not in this process."""
        self._executor, self._lock = None, threading.Lock()
