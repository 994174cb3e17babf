"""Long work in parts, so that other threads are not kept waiting."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

T = TypeVar("T")

# Steps of some microseconds each: a millisecond or two of work.
STEPS: Final = 256
# Long enough for another thread to take the interpreter, for which it would else wait 5 ms.
BREATH_SECONDS: Final = 0.0001


def unhurried(steps: Iterable[T]) -> Iterator[T]:
    """Yield from `steps`, with a short rest after each few hundred."""
    for number, step in enumerate(steps, 1):
        yield step
        if number % STEPS == 0:
            time.sleep(BREATH_SECONDS)
