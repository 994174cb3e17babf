"""Search on the server: how a name is made searchable, and how it is asked."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import redis
from redis.cluster import RedisCluster

from mneme.errors import StoreBackendError
from mneme.model import StoredEntry
from mneme.stores.redis import asking, scripts
from mneme.stores.redis.link import Link
from mneme.stores.redis.wire import entry_of

_log = logging.getLogger("mneme.store")

# Entries indexed by one script: each takes up to a millisecond or two, in which the server does nothing else.
FILLED_AT_ONCE = 64
# Candidates that a vector set gives beside the k that are asked for: it compares what is rounded to eight bits, so that
# the order of near ones may be another. 20,000 entries, k = 8: recall .98 without, .998 with eight; .99 with these.
SPARE = 4
# How much its cosine may be off: 384 numbers of eight bits were by 0.004 at most.
MARGIN = 0.02
# Candidates that the search goes on with at each step. 100,000 entries: recall .99, at 64 .95.
BREADTH = 200

SETS, INDEX = "sets", "search"
UNABLE: Final = (
    "the server of the name {name!r} cannot search: it has neither vector sets (Redis from 8 on) nor RediSearch, or "
    'this user may not ask for them. With mode="replica" every cache holds all entries in memory, on any server.'
)


def ways_of(link: Link) -> list[str]:
    """Return the ways to search that the server has, the better first; none where it may not be asked."""
    with link.using("opening") as client:
        try:
            has_sets, has_index = map(bool, client.eval(asking.COMMANDS, 1, link.keys[0]))
            # Valkey has a module with commands of the same names, which lacks what is used here.
            is_redis = isinstance(client, RedisCluster) or client.info("server").get("server_name") != "valkey"
        except redis.ResponseError:
            return []
        # An index lies in the first database of a server that is not a cluster.
        is_single = not isinstance(client, RedisCluster) and not client.connection_pool.connection_kwargs.get("db")
    able = [(INDEX, has_index and is_single), (SETS, has_sets)]
    return [way for way, is_able in able if is_able and is_redis]


def prepare(link: Link, meta: Mapping[str, str], ways: Sequence[str]) -> None:
    """Make the name searchable, and index what is not; raises StoreBackendError where the server cannot."""
    held = meta.get("search")
    if not ways:
        raise StoreBackendError(UNABLE.format(name=link.name))
    if held is not None and held not in ways:
        raise StoreBackendError(
            f"the name {link.name!r} is searchable by {'RediSearch' if held == INDEX else 'vector sets'}, which the "
            'server or this user no longer has. Open it with mode="replica", or use another name.'
        )
    made = _make(link, [held] if held else ways)
    if made is None or made[1] == b"all":
        return
    _log.info("indexing the entries of the name %r on the server", link.name)
    fill(link)


def fill(link: Link) -> None:
    """Index what is not, a few entries at a time: others come between. Nothing to do where nobody searches."""
    while link.eval("making searchable", scripts.FILL, FILLED_AT_ONCE):
        pass


def _make(link: Link, ways: Sequence[str]) -> Any:
    """Make the name searchable in the first way that works: a user, or a server's set-up, may refuse one."""
    for place, way in enumerate(ways, start=1):
        try:
            return link.eval("making searchable", scripts.MAKE, way)
        except StoreBackendError as error:
            if place == len(ways) or not isinstance(error.__cause__, redis.ResponseError):
                raise
    return None


def find(link: Link, key: str) -> StoredEntry | None:
    """Return the entry of a key."""
    found = link.whole("reading", asking.FIND, key)
    return entry_of(found[0], key.encode(), found[1], b"", found[2]) if found else None


def nearest(link: Link, partition: bytes, vector: bytes, k: int, floor: float) -> list[tuple[StoredEntry, float]]:
    """Return at most `k` entries of `partition` with their cosine, best first; see SearchStore."""
    if k <= 0:
        return []
    least, most = score(floor - MARGIN), distance(floor - MARGIN)
    found = link.whole("searching", asking.NEAREST, partition.hex(), vector, k, SPARE, BREADTH, least, most)
    if found == b"lost":
        _log.warning(
            "the server lost part of what the cache %r searches in, which is indexed again when it is next opened: is "
            "it to evict keys?",
            link.name,
        )
        return []
    numbers, keys, payloads, vectors, used = found
    if not numbers:
        return []
    query = np.frombuffer(vector, np.float32)
    cosines = (np.frombuffer(b"".join(vectors), np.float32).reshape(-1, len(query)) @ query).tolist()
    rows = zip(cosines, numbers.split(), keys.split(), payloads, used.split(b","), strict=True)
    best = sorted((row for row in rows if row[0] >= floor), key=lambda row: -row[0])[:k]
    entries = [(entry_of(number, key, payload, b"", uses), cosine) for cosine, number, key, payload, uses in best]
    return [pair for pair in entries if pair[0].partition == partition]


def sizes(link: Link) -> dict[str, int]:
    """Return namespace -> entries."""
    found = link.whole("counting", asking.SIZES)
    return {space.decode(): int(count) for space, count in zip(found[::2], found[1::2], strict=True)}


def score(cosine: float) -> float:
    """Return what vector sets give for this cosine: 0 for opposite directions, 1 for the same."""
    return (1 + cosine) / 2


def distance(cosine: float) -> float:
    """Return what RediSearch gives for this cosine: 2 for opposite directions, 0 for the same."""
    return 1 - cosine
