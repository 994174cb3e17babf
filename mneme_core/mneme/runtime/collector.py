"""Python's cyclic garbage collector, held while a store is read."""

from __future__ import annotations

import gc
import os
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


def _after_fork_in_child() -> None:
    """Let the collector run where a thread that is not in this process held it."""
    global _lock, _pauses
    _lock = threading.Lock()
    if _pauses and _was_enabled:
        gc.enable()
    _pauses = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _keep_what_was_made() -> None:
    """Make all objects old ones at once, which the collector would do by searching the new ones first."""
    if gc.get_freeze_count() == 0:  # else the program has frozen objects of its own, which are to stay so
        gc.freeze()
        gc.unfreeze()
