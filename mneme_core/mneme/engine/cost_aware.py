"""Cost-aware eviction: what saves least for the room it takes leaves first, and worth fades with time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count

from mneme.engine.eviction import Evictable, EvictionOrder
from mneme.errors import InvalidArgumentError


class CostAware:
    """What is worth least leaves, one by one: `eviction="cost"`.

    worth = age + (1 + uses) x (cost + per_second x compute_seconds) / size, where the age is the worth of what left
    last, so that what is not used any more is overtaken in the end.
    per_second: what a second of waiting is worth, in the unit of the costs. unknown: the value of an answer of which
    neither cost nor seconds are known. Raises InvalidArgumentError for numbers below 0.
    After Cherkasova, "Improving WWW Proxies Performance with Greedy-Dual-Size-Frequency Caching Policy", 1998.
    """

    share = 0.0

    def __init__(self, per_second: float = 1.0, *, unknown: float = 1.0) -> None:
        for name, value in (("per_second", per_second), ("unknown", unknown)):
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
                raise InvalidArgumentError(f"{name} is {value!r}; it is a number from 0 on.")
        self.per_second = per_second
        self.unknown = unknown

    def value(self, entry: Evictable) -> float:
        """Return what serving an entry once saves, in the unit of the costs."""
        if entry.cost is None and entry.compute_seconds is None:
            return self.unknown
        return (entry.cost or 0.0) + self.per_second * (entry.compute_seconds or 0.0)

    def order(self) -> EvictionOrder:
        """Return an order without entries."""
        return CostOrder(self)


@dataclass(slots=True, eq=False)
class _Node:
    rank: tuple[float, int]
    """(worth, tick): of equal worths the one that was reached first leaves first."""
    key: bytes
    uses: int
    rate: float
    """Value a use, for what it takes of the limit."""
    place: int


class CostOrder:
    """A heap by worth in which every entry knows its place, so that no call takes longer than O(log entries).

    See EvictionOrder.
    """

    def __init__(self, policy: CostAware) -> None:
        self._policy = policy
        self._age = 0.0
        self._ticks = count()
        self._nodes: dict[bytes, _Node] = {}
        self._heap: list[_Node] = []

    def add(self, entry: Evictable) -> None:
        """Take in an entry."""
        rate = self._policy.value(entry) / entry.size
        node = _Node((0.0, 0), entry.key, 1 + entry.uses, rate, len(self._heap))
        self._rank(node)
        self._nodes[entry.key] = node
        self._heap.append(node)
        self._raise(node)

    def use(self, key: bytes) -> None:
        """Raise the worth of an entry."""
        node = self._nodes[key]
        node.uses += 1
        self._rank(node)
        self._sink(node)

    def remove(self, key: bytes) -> None:
        """Forget an entry."""
        node, last = self._nodes.pop(key), self._heap.pop()
        if last is not node:
            last.place = node.place
            self._raise(last)
            self._sink(last)

    def victim(self) -> bytes:
        """Return the key that is worth least; its worth is the age from then on."""
        first = self._heap[0]
        self._age = first.rank[0]
        return first.key

    def _rank(self, node: _Node) -> None:
        node.rank = (self._age + node.uses * node.rate, next(self._ticks))

    def _raise(self, node: _Node) -> None:
        """Put a node that may be too low for its rank in its place."""
        heap, at, rank = self._heap, node.place, node.rank
        while at:
            parent = heap[(at - 1) >> 1]
            if parent.rank <= rank:
                break
            heap[at] = parent
            parent.place, at = at, parent.place
        heap[at] = node
        node.place = at

    def _sink(self, node: _Node) -> None:
        """Put a node that may be too high for its rank in its place."""
        heap, at, rank = self._heap, node.place, node.rank
        while (child := 2 * at + 1) < len(heap):
            least = heap[child]
            if child + 1 < len(heap) and heap[child + 1].rank < least.rank:
                least = heap[child + 1]
            if rank <= least.rank:
                break
            heap[at] = least
            least.place, at = at, least.place
        heap[at] = node
        node.place = at
