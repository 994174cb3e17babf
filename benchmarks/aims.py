"""What is aimed at: ratios of two sides in one run, and a few times that a user feels."""

from __future__ import annotations

# Exact hits: ours over the other at most, or the other over ours at least.
EXACT_OVER_FLOOR = 3
ASYNC_OVER_SYNC = 1.5
PEER_OVER_EXACT = 15
PEER_OVER_EXACT_ASYNC = 40

# Semantic hits, by the number of entries; every one is that of a full scan.
PEER_OVER_SEMANTIC = {10_000: 4.5, 100_000: 6}
RECALL = 1
SEMANTIC_OVER_READING_THE_PREFIX = 2
MISS_OVER_HIT = 1
LOOP_GAP_MS = 10

# With the approximate index, of 100,000 entries, over the peer with its own.
APPROXIMATE_OVER_PEER = 1
APPROXIMATE_RECALL = 0.995

# Storage.
PEER_OVER_PUT = 2
PEER_OVER_BULK_LOAD = 4
PEER_OVER_OPEN = 4
OPEN_TO_FIRST_SEMANTIC_HIT_SECONDS = 0.5
MEMORY_OVER_VECTORS_TWICE_AND_TEXTS = 1

# Every number that is hot, whatever has happened to the cache and whatever is beside it.
UNCHANGED = 1.2

IMPORT_MS = 60
