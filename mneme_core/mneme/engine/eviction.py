"""Which entries leave when a limit is passed: what a policy is, and the least recently used."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol, runtime_checkable

# Entries that leave at once, at most: the put that passed the limit pays for them, some microseconds each.
MOST_AT_ONCE: Final = 256


class Evictable(NamedTuple):
    """What a policy is told of an entry."""

    key: bytes
    size: int
    """What it takes of the limit: bytes, as `max_bytes` counts them; 1 where the limit is a number of entries."""
    cost: float | None = None
    """What the answer cost, in the caller's unit, where `put(cost=)` said so."""
    compute_seconds: float | None = None
    """What the answer took to compute, where `get_or_compute` measured it."""
    uses: int = 0
    """How often it was served."""


@runtime_checkable
class EvictionOrder(Protocol):
    """The entries that share one limit. Called under a lock: it must neither block nor use the cache.

    A key is added once before it is used or removed. Each call should take the same time however many there are.
    """

    def add(self, entry: Evictable) -> None:
        """Take in an entry that is new, or replaces one that was removed just before."""
        ...

    def use(self, key: bytes, /) -> None:
        """Note that an entry was served. Every hit calls this: it should do next to nothing."""
        ...

    def remove(self, key: bytes) -> None:
        """Forget an entry, because it was deleted, ran out, or was the `victim`."""
        ...

    def victim(self) -> bytes:
        """Return the key of the entry that leaves next, of at least one; its `remove` follows."""
        ...


@runtime_checkable
class EvictionPolicy(Protocol):
    """Chooses the entries that leave when a limit is passed, for `eviction=`."""

    @property
    def share(self) -> float:
        """The part of a limit on the number of entries that leaves at once; 0 for one at a time."""
        ...

    def order(self) -> EvictionOrder:
        """Return an order without entries. Each limit has its own.

        On opening, entries are added in the order of their last use.
        """
        ...


def overflow(count: int, limit: int, share: float = 0.1) -> int:
    """Return how many of `count` entries must leave a place for `limit`: none, or `share` of the limit and more."""
    return max(count - limit, min(int(limit * share), MOST_AT_ONCE)) if count > limit else 0


class Lru:
    """The least recently used entry leaves first, about a tenth at once: `eviction="lru"`."""

    share = 0.1

    def order(self) -> EvictionOrder:
        """Return an order without entries."""
        return LruOrder()


class LruOrder:
    """Keys in the order of their last use; see EvictionOrder."""

    def __init__(self) -> None:
        self._keys: OrderedDict[bytes, None] = OrderedDict()
        self.use: Callable[[bytes], None] = self._keys.move_to_end
        """Make an entry the one used last."""

    def add(self, entry: Evictable) -> None:
        """Take in an entry as the one used last."""
        self._keys[entry.key] = None

    def remove(self, key: bytes) -> None:
        """Forget an entry."""
        del self._keys[key]

    def victim(self) -> bytes:
        """Return the key that was used least recently."""
        return next(iter(self._keys))
