"""Trying a lock, so that a signal such as Ctrl-C leaves it at no moment held by nobody."""

from __future__ import annotations

from typing import Any


def attempt(lock: Any, taken: list[bool], *, seconds: float = 0.0) -> bool:
    """Try to acquire a lock for so many seconds, -1 for ever; note in `taken` whether it was had, and return that.

    Called in a `try` whose `finally` releases the lock where `taken` is [True]. Python hears signals right after a
    call: after `acquire()`, before its result has a name. An assignment to a slice it does not interrupt.
    """
    taken[:] = map(lock.acquire, (seconds != 0,), (seconds or -1,))
    return taken[0]
