"""What a cache counted over time. A cache holds totals alone, so the charts begin with the dashboard."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mneme.engine.measures import LATENCIES, percentiles
from mneme.tools.looking import Counted, View
from mneme.tools.looking.counting import PERCENTILES

_log = logging.getLogger("mneme.dashboard")

# As many as a chart has room for; of more every second one goes, so that a long day still fits.
MOST_SAMPLES = 720
# Programs write what they count once a second: over less there would be nothing, or a storm.
LEAST_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Step:
    """What happened between two samples."""

    time: float
    """When it ended, seconds since the epoch."""
    rates: tuple[float, float, float]
    """Exact hits, semantic hits and misses, a second."""
    latency: tuple[float | None, ...]
    """In seconds, below which half, 95 % and 99 % of the lookups that were timed lie; None where none was."""
    saved: Counted
    """The totals at its end."""


class Sampler:
    """Looks into the cache now and then, on a thread of its own between `start` and `stop`."""

    def __init__(self, look: Callable[[], View], interval: float) -> None:
        self._look = look
        self._interval = interval
        self._lock = threading.Lock()
        self._samples: list[tuple[float, Counted]] = []
        self._said = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mneme-dashboard", daemon=True)

    def start(self) -> None:
        """Take the first sample, and begin."""
        self._sample()
        self._thread.start()

    def stop(self) -> None:
        """End, after a look that is under way."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def take(self, view: View) -> None:
        """Add a sample."""
        with self._lock:
            self._samples.append((view.taken_at, view.total))
            if len(self._samples) > MOST_SAMPLES:
                # The last stays: it is what is known now.
                del self._samples[1:-1:2]

    def steps(self, now: View) -> list[Step]:
        """Return what happened between each two samples, and since the last."""
        with self._lock:
            samples = list(self._samples)
        if samples and now.taken_at - samples[-1][0] >= LEAST_SECONDS:
            samples.append((now.taken_at, now.total))
        return [_step(before, after) for before, after in pairwise(samples)]

    def _run(self) -> None:
        while not self._ended.wait(self._interval):
            self._sample()

    def _sample(self) -> None:
        try:
            self.take(self._look())
            self._said = ""
        except Exception as error:  # the store may be a plugin's, and sampling goes on
            # Once, not every two seconds.
            if str(error) != self._said:
                _log.warning("the cache could not be looked into: %s", error)
            self._said = str(error)


def _step(before: tuple[float, Counted], after: tuple[float, Counted]) -> Step:
    (then, old), (now, new) = before, after
    seconds = max(now - then, 1e-9)
    counts = [
        max(getattr(new, name) - getattr(old, name), 0) / seconds for name in ("hits_exact", "hits_semantic", "misses")
    ]
    timed = [_grown([each.latency[of].buckets for each in (old, new)]) for of in LATENCIES]
    mixed = [sum(column) for column in zip(*timed, strict=True)]
    return Step(now, (counts[0], counts[1], counts[2]), percentiles(mixed, PERCENTILES), new)


def _grown(buckets: Sequence[Sequence[int]]) -> list[int]:
    """Return by how much each bucket grew; a cache that was replaced meanwhile starts at nothing."""
    old, new = buckets
    return [max(now - then, 0) for then, now in zip(old, new, strict=True)]
