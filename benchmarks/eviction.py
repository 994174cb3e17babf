"""What each eviction policy keeps of a trace: `python -m benchmarks.eviction [--trace DIR]`.

The orders are those of the cache itself, driven by its own limits. Beside them: FIFO, and Belady's offline choice (what
is asked again last leaves), which no policy can beat in hits where the limit is a number of entries.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush
from pathlib import Path
from typing import NamedTuple

from benchmarks.traces import Asked, drawn, recorded
from mneme import CostAware, Evictable, EvictionOrder, EvictionPolicy, Lru, Sieve
from mneme.runtime.limits import Scope

SHARES = (0.01, 0.05, 0.2)
DRAWN = ("zipf", "scan", "drift")


class Fifo:
    """The oldest leaves."""

    share = 0.0

    def order(self) -> EvictionOrder:
        """Return an order without entries."""
        return FifoOrder()


class FifoOrder:
    """Keys as they came."""

    def __init__(self) -> None:
        self._keys: dict[bytes, None] = {}

    def add(self, entry: Evictable) -> None:
        """Take in an entry."""
        self._keys[entry.key] = None

    def use(self, key: bytes, /) -> None:
        """Change nothing."""

    def remove(self, key: bytes) -> None:
        """Forget an entry."""
        del self._keys[key]

    def victim(self) -> bytes:
        """Return the oldest."""
        return next(iter(self._keys))


class Belady:
    """What is asked again last, or never, leaves: it knows the trace."""

    share = 0.0

    def __init__(self, trace: Sequence[Asked]) -> None:
        self.places: dict[bytes, list[int]] = {}
        for place, asked in enumerate(trace):
            self.places.setdefault(asked.key, []).append(place)

    def order(self) -> EvictionOrder:
        """Return an order without entries."""
        return BeladyOrder(self.places)


class BeladyOrder:
    """A heap of next uses; what is out of date in it is dropped when it comes to the top."""

    def __init__(self, places: dict[bytes, list[int]]) -> None:
        self._places = places
        self._asked = Counter[bytes]()
        self._next: dict[bytes, float] = {}
        self._heap: list[tuple[float, bytes]] = []

    def add(self, entry: Evictable) -> None:
        """Take in an entry."""
        self.use(entry.key)

    def use(self, key: bytes, /) -> None:
        """Look up when it is asked next."""
        self._asked[key] += 1
        places, number = self._places[key], self._asked[key]
        self._next[key] = places[number] if number < len(places) else math.inf
        heappush(self._heap, (-self._next[key], key))

    def remove(self, key: bytes) -> None:
        """Forget an entry."""
        del self._next[key]

    def victim(self) -> bytes:
        """Return what is asked next last."""
        while -self._heap[0][0] != self._next.get(self._heap[0][1]):
            heappop(self._heap)
        return self._heap[0][1]


class Kept(NamedTuple):
    """Shares of the requests, of their seconds and of their bytes that were served."""

    requests: float
    seconds: float
    bytes: float


def replay(
    policy: EvictionPolicy, trace: Sequence[Asked], max_entries: int | None = None, max_bytes: int | None = None
) -> Kept:
    """Return what a cache of that policy serves of a trace."""
    scope, held = Scope(policy, max_entries, max_bytes), set[bytes]()
    hits, seconds, size = 0, 0.0, 0
    for asked in trace:
        if asked.key in held:
            hits, seconds, size = hits + 1, seconds + asked.seconds, size + asked.size_bytes
            scope.use(asked.key)
            continue
        held.add(asked.key)
        scope.add(Evictable(asked.key, asked.size_bytes, None, asked.seconds))
        while scope.is_due:
            for key in scope.leaving():
                scope.remove(key)
                held.remove(key)
        scope.settle()
        assert max_entries is None or len(held) <= max_entries
    return Kept(
        hits / len(trace),
        seconds / sum(asked.seconds for asked in trace),
        size / sum(asked.size_bytes for asked in trace),
    )


POLICIES: dict[str, Callable[[Sequence[Asked]], EvictionPolicy]] = {
    "fifo": lambda _: Fifo(),
    "lru": lambda _: Lru(),
    "sieve": lambda _: Sieve(),
    "cost": lambda _: CostAware(),
    "Belady": Belady,
}


def rows(name: str, trace: Sequence[Asked]) -> Iterator[str]:
    """Yield the lines of a table: each limit of each kind, and what each policy serves."""
    answers = {asked.key: asked.size_bytes for asked in trace}
    for kind in ("entries", "bytes") if len(set(answers.values())) > 1 else ("entries",):
        for share in SHARES:
            limit = int(share * (len(answers) if kind == "entries" else sum(answers.values())))
            kept = {policy: replay(make(trace), trace, **{f"max_{kind}": limit}) for policy, make in POLICIES.items()}
            best = kept["Belady"].requests
            assert kind == "bytes" or all(found.requests <= best + 1e-9 for found in kept.values()), kept
            cells = (" / ".join(f"{100 * number:.1f}" for number in found) for found in kept.values())
            yield f"| {name} | {100 * share:g} % of {kind} | {' | '.join(cells)} |"


def table(traces: Iterator[tuple[str, list[Asked]]]) -> Iterator[str]:
    """Yield a Markdown table."""
    yield f"| trace | limit | {' | '.join(POLICIES)} |"
    yield "|---" * (2 + len(POLICIES)) + "|"
    for name, trace in traces:
        yield from rows(f"{name} ({len(trace):,})", trace)


def main() -> None:
    """Print the table of drawn traces, and of a recorded one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.eviction", description=__doc__)
    parser.add_argument("--trace", type=Path, help="a directory of recorded requests, such as the Mooncake trace's")
    parser.add_argument("--requests", type=int, default=50_000, help="of each drawn trace")
    arguments = parser.parse_args()

    def traces() -> Iterator[tuple[str, list[Asked]]]:
        for kind in DRAWN:
            yield kind, drawn(kind, arguments.requests)
        if arguments.trace is not None:
            yield from recorded(arguments.trace)

    print("Served, in % of the requests / of the seconds they take / of their bytes:\n")
    for line in table(traces()):
        print(line, flush=True)


if __name__ == "__main__":
    main()
