"""Computing an answer anew while the old one is served, once for each request, in the background."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections.abc import Awaitable, Callable, Hashable

_log = logging.getLogger("mneme.cache")

# Refreshes under way at once in one cache: where more entries run out together, the next stale hits start theirs.
AT_ONCE = 16


class Refreshes:
    """The refreshes under way. An error of one is logged, and the next stale hit tries again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[Hashable, asyncio.AbstractEventLoop | None] = {}
        self._tasks: set[asyncio.Task[None]] = set()  # asyncio itself keeps no hold of a task

    def start(self, key: Hashable, work: Callable[[], object]) -> None:
        """Run `work` in a thread of its own, with the caller's context variables, unless one of this key runs."""
        if self._enter(key, None):
            context = contextvars.copy_context()
            thread = threading.Thread(target=context.run, args=(self._run, key, work), name="mneme-refresh")
            thread.daemon = True  # an interpreter that ends does not wait for a model's answer
            try:
                thread.start()
            except RuntimeError:  # there is no room for another thread
                self._leave(key)
                _warn()

    def astart(self, key: Hashable, work: Callable[[], Awaitable[object]]) -> None:
        """Run `work` in a task of the running event loop, unless one of this key runs."""
        loop = asyncio.get_running_loop()
        if self._enter(key, loop):
            task = loop.create_task(_told(work))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            # Not in the task: one that is cancelled before its first step runs nothing of it.
            task.add_done_callback(lambda _: self._leave(key))

    def _run(self, key: Hashable, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception:
            _warn()
        finally:
            self._leave(key)

    def _enter(self, key: Hashable, loop: asyncio.AbstractEventLoop | None) -> bool:
        with self._lock:
            for other, runs_in in list(self._running.items()):
                if runs_in is not None and runs_in.is_closed():
                    del self._running[other]
            if key in self._running or len(self._running) >= AT_ONCE:
                return False
            self._running[key] = loop
            return True

    def _leave(self, key: Hashable) -> None:
        with self._lock:
            self._running.pop(key, None)


async def _told(work: Callable[[], Awaitable[object]]) -> None:
    try:
        await work()
    except Exception:
        _warn()


def _warn() -> None:
    _log.warning("a stale answer could not be computed anew; the old one is served while it may be", exc_info=True)
