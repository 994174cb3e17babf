"""A bar for work whose amount is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mneme.tools.progress import reporting


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Give the function that is told how much more is done."""
    done = 0

    def step(more: int) -> None:
        nonlocal done
        done += more
        if report is not None:
            report(done, total)

    with reporting(True, what) as report:
        yield step
