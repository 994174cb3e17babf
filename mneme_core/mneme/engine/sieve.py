"""SIEVE: a queue with a hand that passes what was used, and takes what was not."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from mneme.engine.eviction import Evictable, EvictionOrder


class Sieve:
    """What was not used since the hand last passed leaves, one by one: `eviction="sieve"`.

    A hit sets a mark and moves nothing, and a scan of questions asked once does not wash out what is asked often.
    After Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024.
    """

    share = 0.0

    def order(self) -> EvictionOrder:
        """Return an order without entries."""
        return SieveOrder()


class SieveOrder:
    """The queue in two parts, each oldest first: what the hand has passed, and what lies ahead; see EvictionOrder.

    `_ahead` is empty only where the whole queue is: a hand at the end begins anew with the oldest.
    """

    def __init__(self) -> None:
        self._passed: OrderedDict[bytes, None] = OrderedDict()
        self._ahead: OrderedDict[bytes, None] = OrderedDict()
        self._used: set[bytes] = set()
        self.use: Callable[[bytes], None] = self._used.add
        """Mark an entry."""

    def add(self, entry: Evictable) -> None:
        """Take in an entry as the newest; one that was served before it was loaded is marked."""
        self._ahead[entry.key] = None
        if entry.uses:
            self._used.add(entry.key)

    def remove(self, key: bytes) -> None:
        """Forget an entry."""
        self._used.discard(key)
        if key in self._ahead:
            del self._ahead[key]
            self._begin_anew()
        else:
            del self._passed[key]

    def victim(self) -> bytes:
        """Move the hand to the first entry without a mark, taking marks on its way; return its key."""
        while True:
            key = next(iter(self._ahead))
            if key not in self._used:
                return key
            self._used.remove(key)
            del self._ahead[key]
            self._passed[key] = None
            self._begin_anew()

    def _begin_anew(self) -> None:
        if not self._ahead:
            self._ahead, self._passed = self._passed, self._ahead
