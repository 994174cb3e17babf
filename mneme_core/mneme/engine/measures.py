"""Histograms of what lookups took and of how near neighbours were, as names of counters.

A counter is a whole number under a text, which every store keeps: a bucket is a counter, and the histograms of several
processes over one store add up by themselves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, TypeAlias

LATENCY: Final = "latency"
SIMILARITY: Final = "similarity"

LatencyOf: TypeAlias = Literal["exact", "semantic", "miss"]
SimilarityOf: TypeAlias = Literal["accepted", "refused"]
LATENCIES: Final[tuple[LatencyOf, ...]] = ("exact", "semantic", "miss")
SIMILARITIES: Final[tuple[SimilarityOf, ...]] = ("accepted", "refused")

# Four to a doubling: a percentile is right within a tenth. The last begins at 34 seconds.
PER_DOUBLING: Final = 4
LATENCY_BUCKETS: Final = 100
# Each is a hundredth wide; the last holds 1.0 alone, the first all that is not above 0.01.
SIMILARITY_BUCKETS: Final = 101

_LATENCY_NAMES: Final = {of: [f"{LATENCY}:{of}:{at}" for at in range(LATENCY_BUCKETS)] for of in LATENCIES}
_SIMILARITY_NAMES: Final = {of: [f"{SIMILARITY}:{of}:{at}" for at in range(SIMILARITY_BUCKETS)] for of in SIMILARITIES}


def latency_counter(of: LatencyOf, seconds: float) -> str:
    """Return the counter of the bucket that a time falls in."""
    microseconds = seconds * 1e6
    bucket = int(PER_DOUBLING * math.log2(microseconds)) if microseconds > 1 else 0
    return _LATENCY_NAMES[of][min(bucket, LATENCY_BUCKETS - 1)]


def similarity_counter(of: SimilarityOf, similarity: float) -> str:
    """Return the counter of the bucket that a cosine falls in."""
    # Cosines have six decimals, and 0.29 * 100 is less than 29.
    bucket = int(round(similarity, 6) * 100 + 1e-6)
    return _SIMILARITY_NAMES[of][max(0, min(bucket, SIMILARITY_BUCKETS - 1))]


def histogram(counters: Mapping[tuple[str, str], int], what: str, of: str) -> tuple[int, ...]:
    """Return the buckets of a histogram out of (namespace, counter) -> amount, those of all namespaces added up.

    what: LATENCY or SIMILARITY. of: one of LATENCIES, or of SIMILARITIES.
    """
    number = LATENCY_BUCKETS if what == LATENCY else SIMILARITY_BUCKETS
    buckets = [0] * number
    start = f"{what}:{of}:"
    for (_, name), amount in counters.items():
        if name.startswith(start) and name[len(start) :].isdecimal():
            buckets[min(int(name[len(start) :]), number - 1)] += amount
    return tuple(buckets)


def percentiles(buckets: Sequence[int], shares: Iterable[float]) -> tuple[float | None, ...]:
    """Return the seconds below which these shares of a latency histogram lie; None for one that is empty."""
    total = sum(buckets)
    return tuple(None if not total else _at(buckets, share * total) for share in shares)


def _at(buckets: Sequence[int], rank: float) -> float:
    below = 0
    for at, number in enumerate(buckets):
        if number and below + number >= rank:
            inside = (rank - below) / number
            return float(2 ** ((at + inside) / PER_DOUBLING) * 1e-6)
        below += number
    return float(2 ** (len(buckets) / PER_DOUBLING) * 1e-6)
