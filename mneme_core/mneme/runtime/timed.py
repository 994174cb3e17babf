"""Requests of a cache that somebody observes: made in place of the others there, else never."""

from __future__ import annotations

import time

from mneme.model import Mode, Vary
from mneme.runtime.personal import CarefulRequests
from mneme.runtime.requests import Request, Requests


class TimedRequest(Request):
    """A request that knows when its call began, by time.perf_counter()."""

    began: float


class TimedRequests(Requests):
    """Makes requests that know when their call began."""

    def resolve(self, query: str, namespace: str, vary: Vary | None, mode: Mode) -> Request:
        """Return the request."""
        began = time.perf_counter()
        request: TimedRequest = tuple.__new__(TimedRequest, super().resolve(query, namespace, vary, mode))
        request.began = began
        return request


class TimedCarefulRequests(TimedRequests, CarefulRequests):
    """The same for a cache with `bypass_if`."""
