"""Python's cyclic garbage collector, held while a store is read."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_pauses = 0
_was_enabled = False


@contextmanager
def paused() -> Iterator[None]:
    """Hold the collector while many objects that will stay are made: it would search them again and again in vain.

    Pauses of several threads overlap; the last one to end lets the collector run, if it ran before the first.
    """
    global _pauses, _was_enabled
    with _lock:
        if _pauses == 0:
            _was_enabled = gc.isenabled()
            gc.disable()
        _pauses += 1
    try:
        yield
    finally:
        with _lock:
            _pauses -= 1
            if _pauses == 0 and _was_enabled:
                _keep_what_was_made()
                gc.enable()


def _keep_what_was_made() -> None:
    """Make all objects old ones at once, which the collector would do by searching the new ones first."""
    if gc.get_freeze_count() == 0:  # else the program has frozen objects of its own, which are to stay so
        gc.freeze()
        gc.unfreeze()
