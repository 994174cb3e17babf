"""The limits of a cache: how much each allows, how much is held, and which entries leave."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from mneme.engine.cost_aware import CostAware
from mneme.engine.costs import cost_in
from mneme.engine.eviction import Evictable, EvictionOrder, EvictionPolicy, Lru, LruOrder, overflow
from mneme.engine.sieve import Sieve
from mneme.errors import InvalidArgumentError
from mneme.runtime.record import Record, utf8_bytes

_log = logging.getLogger("mneme.cache")

# What the tables take for an entry beside its texts and metadata, and the index for a vector beside its numbers:
# measured as the resident memory of 50,000 entries in a file that was opened anew.
ENTRY_BYTES: Final = 1_024
VECTOR_BYTES: Final = 640

# Entries that leave while others wait: a millisecond.
PART: Final = 128

_POLICIES: dict[str, type[Lru | Sieve | CostAware]] = {"lru": Lru, "sieve": Sieve, "cost": CostAware}


def policy_of(eviction: str | EvictionPolicy) -> EvictionPolicy:
    """Return an eviction policy, or the one of a name; raises InvalidArgumentError for what is neither."""
    if isinstance(eviction, str) and eviction in _POLICIES:
        return _POLICIES[eviction]()
    if isinstance(eviction, type) or not isinstance(eviction, EvictionPolicy):
        raise InvalidArgumentError(
            f"eviction is {eviction!r}; it is one of {', '.join(map(repr, _POLICIES))}, or an object with `share` and "
            "`order()`, such as mneme.CostAware(per_second=0.001)."
        )
    share = eviction.share
    if not isinstance(share, int | float) or not 0 <= share <= 1:
        raise InvalidArgumentError(f"the share of the eviction policy is {share!r}; it is a number from 0 to 1.")
    return eviction


def size_of(text_bytes: int, metadata: str | None, vector_bytes: int | None) -> int:
    """Return what an entry counts against `max_bytes`. text_bytes: of query and response; metadata as JSON text."""
    texts = text_bytes + (utf8_bytes(metadata) if metadata else 0)
    return texts + ENTRY_BYTES + (vector_bytes + VECTOR_BYTES if vector_bytes else 0)


def evictable(record: Record) -> Evictable:
    """Return what a policy is told of a record."""
    return Evictable(
        record.key,
        size_of(record.text_bytes, record.metadata, record.vector_bytes),
        cost_in(record.metadata),
        record.compute_seconds,
        record.access_count,
    )


class Scope:
    """The entries that share one limit. The newest cannot leave before another comes or is used."""

    def __init__(self, policy: EvictionPolicy, max_entries: int | None, max_bytes: int | None = None) -> None:
        self.order: EvictionOrder = policy.order()
        if type(policy) not in _POLICIES.values():
            self.order = _Watched(self.order)
        self._share = policy.share
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._sizes: dict[bytes, int] = {}
        self._newest: Evictable | None = None
        self._surplus = 0
        """How many leave once the limit was passed, that others may be spared the next time."""
        self.entries = self.bytes = 0

    def add(self, entry: Evictable) -> None:
        """Take in an entry, the newest."""
        self.settle()
        self.entries += 1
        if self._max_bytes is None:
            self._newest = entry._replace(size=1)
        else:
            self._newest = entry
            self._sizes[entry.key] = entry.size
            self.bytes += entry.size

    def settle(self) -> None:
        """Let the newest entry leave like any other."""
        if self._newest is not None:
            newest, self._newest = self._newest, None
            self.order.add(newest)

    def use(self, key: bytes) -> None:
        """Note that an entry was served."""
        if self._newest is not None:
            self.settle()
        self.order.use(key)

    def remove(self, key: bytes) -> None:
        """Forget an entry."""
        if self._newest is not None and self._newest.key == key:
            self._newest = None
        else:
            self.order.remove(key)
        self.entries -= 1
        if self._max_bytes is not None:
            self.bytes -= self._sizes.pop(key)

    def leaving(self) -> Iterator[bytes]:
        """Yield the keys of some that must leave, each of which is removed before the next is asked for."""
        if self._max_entries is not None:
            self._surplus = max(self._surplus, overflow(self.entries, self._max_entries, self._share))
        for _ in range(PART):
            if not (self.is_due and self.entries):
                self._surplus = 0
                break
            if self._newest is not None and self.entries == 1:
                self.settle()
            self._surplus -= 1
            yield self.order.victim()

    @property
    def is_due(self) -> bool:
        """Whether more must leave now."""
        return self._surplus > 0 or self.is_over

    @property
    def is_over(self) -> bool:
        """Whether more is held than the limit allows."""
        return (self._max_entries is not None and self.entries > self._max_entries) or (
            self._max_bytes is not None and self.bytes > self._max_bytes
        )


_Scopes: TypeAlias = tuple[Scope, ...]


class Limits:
    """Which limits an entry counts against: its namespace's quota, or else `max_entries`; and `max_bytes`."""

    def __init__(
        self,
        max_entries: int | None = None,
        quotas: Mapping[str, int] | None = None,
        max_bytes: int | None = None,
        eviction: str | EvictionPolicy = "lru",
    ) -> None:
        self._max_entries, self._quotas, self._max_bytes = max_entries, dict(quotas or {}), max_bytes
        self._policy = policy_of(eviction)
        self._quota_scopes: dict[str, _Scopes] = {}
        self._others: _Scopes = ()
        self.reset()

    def reset(self) -> None:
        """Forget all entries."""
        everything: _Scopes = ()
        if self._max_bytes is not None:
            # One scope serves both limits where they are of the same entries.
            both = None if self._quotas else self._max_entries
            everything = (Scope(self._policy, both, self._max_bytes),)
        shared = self._max_entries is not None and (bool(self._quotas) or not everything)
        self._others = (*((Scope(self._policy, self._max_entries),) if shared else ()), *everything)
        self._quota_scopes = {
            namespace: (Scope(self._policy, quota), *everything) for namespace, quota in self._quotas.items()
        }

    def __bool__(self) -> bool:
        return bool(self._others or self._quota_scopes)

    def of(self, namespace: str) -> _Scopes:
        """Return the scopes in which the entries of a namespace count."""
        return self._quota_scopes.get(namespace, self._others)


class _Watched:
    """Somebody's order; where it fails, the least recently used leave instead, and no call fails for it."""

    def __init__(self, order: EvictionOrder) -> None:
        self._order: EvictionOrder | None = order
        self._spare = LruOrder()
        self._keys: set[bytes] = set()

    def add(self, entry: Evictable) -> None:
        self._spare.add(entry)
        self._keys.add(entry.key)
        self._try("add", entry)

    def use(self, key: bytes) -> None:
        self._spare.use(key)
        self._try("use", key)

    def remove(self, key: bytes) -> None:
        self._spare.remove(key)
        self._keys.discard(key)
        self._try("remove", key)

    def victim(self) -> bytes:
        key = self._try("victim")
        if self._order is not None and not (isinstance(key, bytes) and key in self._keys):
            _log.warning("the eviction policy chose %r, which is no key here; the least recently used leaves", key)
            self._order = None
        return self._spare.victim() if self._order is None else key  # type: ignore[return-value]  # it is one of the keys

    def _try(self, method: str, *arguments: object) -> object:
        if self._order is None:
            return None
        try:
            return getattr(self._order, method)(*arguments)
        except Exception:
            _log.warning("the eviction policy failed; from now on the least recently used leave", exc_info=True)
            self._order = None
            return None
