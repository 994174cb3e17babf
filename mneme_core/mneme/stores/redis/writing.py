"""How changes come into the log of a name: in steps that hold the server up for some tenths of a second at most."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from mneme.errors import StoreBackendError
from mneme.stores.base import REMOVALS_KEPT, Change, Cursor, Put, Usage
from mneme.stores.redis import scripts, searching
from mneme.stores.redis.link import TRIES, Link
from mneme.stores.redis.wire import arguments_of, usage_of

_log = logging.getLogger("mneme.store")

# Changes of one step: the server does nothing else for some 20 µs for each, and takes a million words at most.
AT_ONCE: Final = 10_000

Pull: TypeAlias = Callable[[Cursor], Iterator[tuple[Sequence[Change], Cursor]]]


def write(
    link: Link, pull: Pull, changes: Sequence[Change], cursor: Cursor, usage: Usage | None
) -> tuple[list[Change], list[int], Cursor]:
    """Write `changes`, AT_ONCE of them in one step, after reading what others wrote before; see `Store.write`.

    Where others come between two steps, the cursor is that before: what they wrote is read with the rest again.
    """
    foreign: list[Change] = []
    numbers: list[int] = []
    told = cursor
    for start in range(0, max(1, len(changes)), AT_ONCE):
        part = changes[start : start + AT_ONCE]
        # What was counted comes behind all changes: one of them may clear the counters.
        is_last = start + AT_ONCE >= len(changes)
        try:
            others, own, cursor = _step(link, pull, part, cursor, usage if is_last else None)
        except StoreBackendError as error:
            if not start:
                raise
            raise StoreBackendError(f"{error}; {start:,} of {len(changes):,} changes were written") from error
        if not start:
            foreign, told = others, cursor
        elif numbers[-1] == told.sequence == own[0] - 1:
            told = cursor
        numbers += own
    return foreign, numbers, told


def _step(
    link: Link, pull: Pull, changes: Sequence[Change], cursor: Cursor, usage: Usage | None
) -> tuple[list[Change], Sequence[int], Cursor]:
    """Write changes in one step; tried again where another was quicker."""
    # To index takes up to a millisecond or two for each.
    later = sum(isinstance(change, Put) and bool(change.entry.embedding) for change in changes)
    is_later = later > searching.FILLED_AT_ONCE
    arguments: list[Any] = [REMOVALS_KEPT, link.channel, int(is_later), *arguments_of(changes), *usage_of(usage)]
    foreign: list[Change] = []
    for _ in range(TRIES):
        reached = -1
        if cursor == Cursor(0, 0) or cursor.version == link.mark:
            reached = int(link.eval("writing", scripts.WRITE, link.epoch, cursor.sequence, *arguments))
        if reached >= 0:
            if is_later:
                _fill(link)
            return foreign, range(cursor.sequence + 1, cursor.sequence + 1 + len(changes)), Cursor(reached, link.mark)
        for batch, reached_by in pull(cursor):
            foreign += batch
            cursor = reached_by
    raise StoreBackendError(f"writing under the name {link.name!r} failed: others wrote first {TRIES} times.")


def _fill(link: Link) -> None:
    """Index what was just written, which stays written where that fails."""
    try:
        searching.fill(link)
    except StoreBackendError as error:
        _log.warning("what was put is found by its own words alone until the name is opened anew: %s", error)
