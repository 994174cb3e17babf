"""What calls under way share: computations, streams, refreshes, refused values, and turns among processes."""

from __future__ import annotations

from mneme.runtime.flight import Flights
from mneme.runtime.leasing import Turn, leases_of
from mneme.runtime.options import Options
from mneme.runtime.refreshing import Refreshes
from mneme.runtime.refusals import Refusals
from mneme.runtime.requests import Request
from mneme.runtime.streams import AsyncStreams, Streams
from mneme.stores.base import Store


class Sharing:
    """Lets equal calls of one cache, and of others over its store, share one answer."""

    def __init__(self, store: Store, options: Options) -> None:
        self.leases = leases_of(store, options.flight_wait)
        self.refusals = Refusals(options.negative_ttl, options.clock)
        self._begin()

    def _begin(self) -> None:
        self.flights, self.refreshes = Flights(), Refreshes()
        self.streams, self.astreams = Streams(), AsyncStreams()

    def turn(self, request: Request) -> Turn | None:
        """Return the wait for the turn to compute an answer, where processes take turns."""
        if self.leases is None or not (request.reads and request.writes):
            return None
        return Turn(self.leases, request.key.hex())

    def after_fork(self) -> None:
        """Forget calls and locks of threads that are not in this process."""
        self._begin()
        self.refusals.after_fork()
        if self.leases is not None:
            self.leases.after_fork()
