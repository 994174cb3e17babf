"""A bar for work that takes a while, for a person at a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from mneme.tools.progress import Progress, reporting

# What takes less shows nothing.
PATIENCE_SECONDS = 1.0


@contextmanager
def patient(what: str) -> Iterator[Progress]:
    """Give the function that is told (done, total): after a second it draws a bar, if stderr is a terminal."""
    started = time.monotonic()
    with ExitStack() as stack:
        drawn: Progress | None = None

        def report(done: int, total: int) -> None:
            nonlocal drawn
            if drawn is None and sys.stderr.isatty() and time.monotonic() - started >= PATIENCE_SECONDS:
                drawn = stack.enter_context(reporting(True, what))
            if drawn is not None:
                drawn(done, total)

        yield report


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Give the function that is told how much more is done."""
    done = 0

    def step(more: int) -> None:
        nonlocal done
        done += more
        report(done, total)

    with patient(what) as report:
        yield step
