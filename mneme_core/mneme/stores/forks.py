"""Forking with open stores.

SQLite must not find, in a child process, anything of a connection its parent made: not even a new connection of
the child would take its own file locks then, and what it wrote could be lost when the parent closes. So open
connections are closed before a fork; parent and child connect again when they next need the file.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol


class Forkable(Protocol):
    """What is told of a fork."""

    def before_fork(self) -> None:
        """Take the lock and disconnect. Never raises: what was stopped so would not go on."""
        ...

    def after_fork_on_both_sides(self) -> None:
        """Release the lock, in the parent and in the child."""
        ...


# What uses a store takes its lock before the store does; what a reader changes while it holds a store's, after it.
WRITER, USER, STORE, MEMORY = range(4)

# A plain dict: what it holds is listed in one step, while other threads make stores.
_stores: dict[int, tuple[int, weakref.ref[Forkable]]] = {}


class _Held(threading.local):
    """What the thread that forks has stopped: two threads may fork at once."""

    def __init__(self) -> None:
        self.stores: list[Forkable] = []


_held = _Held()


def watch(store: Forkable, place: int = STORE) -> None:
    """Tell `store` of every fork for as long as it lives. place: WRITER, USER, STORE or MEMORY, told in this order."""
    number = id(store)
    _stores[number] = place, weakref.ref(store, lambda gone: _forget(number, gone))


def _forget(number: int, gone: weakref.ref[Forkable]) -> None:
    if (held := _stores.get(number)) is not None and held[1] is gone:  # else its number is another's by now
        del _stores[number]


def _before() -> None:
    told = list(_stores.items())
    for _, (_, known) in sorted(told, key=lambda item: (item[1][0], item[0])):
        store = known()
        if store is not None:
            store.before_fork()
            _held.stores.append(store)


def _after() -> None:
    while _held.stores:
        _held.stores.pop().after_fork_on_both_sides()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after)
