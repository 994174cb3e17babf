"""Forking with open stores.

SQLite must not find, in a child process, anything of a connection its parent made: not even a new connection of
the child would take its own file locks then, and what it wrote could be lost when the parent closes. So open
connections are closed before a fork; parent and child connect again when they next need the file.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forkable(Protocol):
    """What is told of a fork."""

    def before_fork(self) -> None:
        """Take the lock and disconnect."""
        ...

    def after_fork_on_both_sides(self) -> None:
        """Release the lock, in the parent and in the child."""
        ...


# What uses a store takes its lock before the store does; what a reader changes while it holds a store's, after it.
USER, STORE, MEMORY = range(3)

_stores: weakref.WeakKeyDictionary[Forkable, int] = weakref.WeakKeyDictionary()
_held: list[Forkable] = []


def watch(store: Forkable, place: int = STORE) -> None:
    """Tell `store` of every fork for as long as it lives. place: USER, STORE or MEMORY, told in this order."""
    _stores[store] = place


def _before() -> None:
    for store, _ in sorted(_stores.items(), key=lambda item: (item[1], id(item[0]))):
        store.before_fork()
        _held.append(store)


def _after() -> None:
    while _held:
        _held.pop().after_fork_on_both_sides()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after)
