"""What a cache has counted, of each namespace and of all."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from urllib.parse import urlsplit

from mneme.engine import measures
from mneme.engine.spending import saved_usage
from mneme.model import Saving
from mneme.prices import Prices, savings
from mneme.runtime.counters import NAMES
from mneme.stores.arguments import server_of
from mneme.tools.looking.opening import reading, sizes_of

PERCENTILES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Latency:
    """What lookups of one outcome took, in seconds; None where none was timed."""

    timed: int
    """Of exact hits a sample: one in 32, and the first 64 lookups of each process."""
    p50: float | None
    p95: float | None
    p99: float | None
    buckets: tuple[int, ...]
    """Bucket n is of 2^(n/4) to 2^((n+1)/4) microseconds."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted of a namespace, or of all where `namespace` is None."""

    namespace: str | None
    entries: int
    hits_exact: int
    hits_semantic: int
    misses: int
    evictions: int
    expirations: int
    hit_ratio: float | None
    """Of all lookups; None where there were none."""
    saved_seconds: float
    saved_input_tokens: int
    saved_output_tokens: int
    saved_cost: float | None
    """In the currency of the prices, of the models that have one; None without prices."""
    savings: tuple[Saving, ...]
    latency: Mapping[str, Latency]
    """Of `exact` and `semantic` hits and of a `miss`."""
    similarity: Mapping[str, tuple[int, ...]]
    """Of the neighbours that were `accepted`, and of the nearest where all were `refused`: bucket n is of n / 100."""

    @property
    def lookups(self) -> int:
        """All hits and misses."""
        return self.hits_exact + self.hits_semantic + self.misses


@dataclass(frozen=True, slots=True)
class View:
    """A cache as it was at one time."""

    url: str
    """As it was asked for; of a server without its password."""
    store: str
    taken_at: float
    """Seconds since the epoch."""
    fingerprint: str
    dim: int
    encrypted: bool
    total: Counted
    namespaces: tuple[Counted, ...]
    """Those with entries or counts, by name; none where they were not asked for."""
    currency: str | None
    prices_date: str | None
    """Of the prices, where there are any."""


def look(
    url: str | PathLike[str],
    *,
    prices: Prices | None = None,
    sizes: Mapping[str, int] | None = None,
    by_namespace: bool = True,
) -> tuple[View, Mapping[str, int]]:
    """Return what a cache has counted and the entries of each namespace, which take longest: give them again for less.

    by_namespace: without it a view has no namespaces, of which there may be thousands.
    What running processes counted in the last second, and of one that is idle the last lookups, is not there yet.
    Raises FileNotFoundError where there is no file, InvalidArgumentError where there is no cache, StoreBackendError.
    """
    with reading(url) as (store, identity):
        counters = store.counters()
        sizes = sizes_of(store) if sizes is None else sizes
    spaces: dict[str, dict[tuple[str, str], int]] = {}
    if by_namespace:
        spaces = {namespace: {} for namespace in sizes}
        for where, amount in counters.items():
            spaces.setdefault(where[0], {})[where] = amount
    view = View(
        url=shown(url),
        store=store.name,
        taken_at=time.time(),
        fingerprint=identity.unsealed().fingerprint,
        dim=identity.unsealed().dim,
        encrypted=identity.is_sealed,
        total=_counted(None, sum(sizes.values()), counters, prices),
        namespaces=tuple(
            _counted(namespace, sizes.get(namespace, 0), counts, prices)
            for namespace, counts in sorted(spaces.items())
            if not namespace.startswith("\x01")  # what EncryptedStore notes for itself
        ),
        currency=None if prices is None else prices.currency,
        prices_date=None if prices is None else prices.date,
    )
    return view, sizes


def shown(url: str | PathLike[str]) -> str:
    """Return a path or URL without the user, password and options in it."""
    scheme, sign, _ = str(url).partition("://")
    if not sign or scheme == "sqlite":
        return str(url)
    return f"{scheme}://{server_of(str(url))}{'' if scheme == 'unix' else urlsplit(str(url)).path}"


def _counted(
    namespace: str | None, entries: int, counters: Mapping[tuple[str, str], int], prices: Prices | None
) -> Counted:
    counts = dict.fromkeys(NAMES, 0)
    for (_, name), amount in counters.items():
        if name in counts:
            counts[name] += amount
    saved_microseconds = counts.pop("saved_microseconds")
    hits = counts["hits_exact"] + counts["hits_semantic"]
    lookups = hits + counts["misses"]
    saved = savings(saved_usage(counters), prices)
    return Counted(
        namespace=namespace,
        entries=entries,
        **counts,
        hit_ratio=hits / lookups if lookups else None,
        saved_seconds=saved_microseconds / 1e6,
        saved_input_tokens=sum(each.usage.input_tokens for each in saved),
        saved_output_tokens=sum(each.usage.output_tokens for each in saved),
        saved_cost=None if prices is None else sum(each.cost or 0.0 for each in saved),
        savings=saved,
        latency={of: _latency(counters, of) for of in measures.LATENCIES},
        similarity={of: measures.histogram(counters, measures.SIMILARITY, of) for of in measures.SIMILARITIES},
    )


def _latency(counters: Mapping[tuple[str, str], int], of: str) -> Latency:
    buckets = measures.histogram(counters, measures.LATENCY, of)
    p50, p95, p99 = measures.percentiles(buckets, PERCENTILES)
    return Latency(sum(buckets), p50, p95, p99, buckets)
