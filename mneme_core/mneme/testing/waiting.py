"""Waiting for what other threads, tasks, processes and servers do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

# Far beyond what it takes even on a busy machine: who waits so long waits for something that does not happen.
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.001


def eventually(check: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> bool:
    """Return whether `check` comes true in time."""
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            return False
        time.sleep(PAUSE_SECONDS)
    return True


async def aeventually(check: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> bool:
    """Return the same, and let the tasks of this event loop go on meanwhile."""
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(PAUSE_SECONDS)
    return True
