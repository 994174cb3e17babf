"""Leases: keys that hold their owner and end by themselves."""

from __future__ import annotations

from typing import Final

from mneme.stores.redis.link import Link

# KEYS: the lease. ARGV: owner, milliseconds. Returns 1 where it is the owner's.
LEASE: Final = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

# KEYS: the lease. ARGV: owner.
RELEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


def take(link: Link, key: str, owner: str, seconds: float) -> bool:
    """Take or prolong a lease; return whether it is the owner's."""
    with link.using("leasing") as client:
        return bool(client.eval(LEASE, 1, f"{link.root}lease:{key}", owner, max(1, int(1_000 * seconds))))


def release(link: Link, key: str, owner: str) -> None:
    """Give a lease back."""
    with link.using("leasing") as client:
        client.eval(RELEASE, 1, f"{link.root}lease:{key}", owner)
