"""A connection that does not wait for ever."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg

T = TypeVar("T")


class BoundedConnection(psycopg.Connection[Any]):
    """Ends itself, with an OperationalError, when the server says nothing for `patience` seconds.

    `statement_timeout` is the server's: one that hangs, or that the network has lost, keeps no time.
    """

    patience = math.inf

    def wait(self, gen: Generator[Any, Any, T], *arguments: Any, **options: Any) -> T:
        """Wait for what the client library waits for, not longer than patience allows."""
        return super().wait(self._bounded(gen), *arguments, **options)

    def _bounded(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        deadline = time.monotonic() + self.patience
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if ready:
                    deadline = time.monotonic() + self.patience
                elif time.monotonic() >= deadline:
                    # An answer that came later would be taken for that of the next statement.
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"the server said nothing for {self.patience:g} seconds")
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # what the generator returns


@contextmanager
def patient(db: psycopg.Connection[Any], seconds: float) -> Iterator[None]:
    """Let a connection wait for so long while a statement runs that takes its time."""
    if not isinstance(db, BoundedConnection):
        yield
        return
    before, db.patience = db.patience, max(db.patience, seconds)
    try:
        yield
    finally:
        db.patience = before
