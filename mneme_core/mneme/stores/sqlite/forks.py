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


_stores: weakref.WeakKeyDictionary[Forkable, bool] = weakref.WeakKeyDictionary()
_held: list[Forkable] = []


def watch(store: Forkable, *, last: bool = True) -> None:
    """Tell `store` of every fork for as long as it lives; last: False of one that uses another, which is told later."""
    _stores[store] = last


def _before() -> None:
    for store, _ in sorted(_stores.items(), key=lambda item: (item[1], id(item[0]))):
        store.before_fork()
        _held.append(store)


def _after() -> None:
    while _held:
        _held.pop().after_fork_on_both_sides()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after)
