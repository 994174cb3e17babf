"""Pacing: however many tasks search in an event loop at once, it turns to its other work in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

# Of searches in one turn of a loop, after which the next one waits for the next turn. Each is short, or in a thread.
TURN_SECONDS = 0.001


class Pace:
    """What steps have taken of the turn that each event loop is in."""

    def __init__(self) -> None:
        self._spent: WeakKeyDictionary[asyncio.AbstractEventLoop, float] = WeakKeyDictionary()

    async def run(self, step: Callable[..., T], *arguments: object) -> T:
        """Return what a short step returns; it runs at once unless others have used this turn up."""
        loop = asyncio.get_running_loop()
        while self._spent.get(loop, 0.0) > TURN_SECONDS:  # noqa: ASYNC110  # the next turn is all that is waited for
            await asyncio.sleep(0)
        if loop not in self._spent:
            loop.call_soon(self._spent.pop, loop, None)  # with the next turn
        started = monotonic()
        try:
            return step(*arguments)
        finally:
            self._spent[loop] = self._spent.get(loop, 0.0) + monotonic() - started
