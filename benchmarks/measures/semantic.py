"""Semantic hits with the embedding given: against the peer, on hard data, and beside what memory can give."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from benchmarks import aims
from benchmarks.bench import Bench
from benchmarks.floors import FIRST_PREFIX_BYTES, PREFIX_BYTES
from benchmarks.measures import unchanged
from benchmarks.rows import Aim, Row, absolute, compared, told, warmed
from benchmarks.samples import Timing

CONCURRENT = 32


def measure(bench: Bench) -> None:
    """Add the rows of semantic hits; every hit is the top 1 of a full scan in float64, or the run fails."""
    for entries in (bench.sizes.small, bench.sizes.large):
        _against_peer(bench, entries, "sentences")
        _against_peer(bench, entries, "isotropic")
        if entries == bench.sizes.large:
            _loop_gap(bench, entries)
        unchanged.measure(bench, entries)


def _against_peer(bench: Bench, entries: int, kind: str) -> None:
    with ExitStack() as stack:
        contenders = bench.contenders(stack)
        for name, contender in contenders.items():
            contender("load", data=bench.data(kind, entries), entries=entries)
            path = bench.file(name, entries, "semantic") if kind == "sentences" else None
            contender("open", cache="cache", path=path)
            if path is None:
                bench.say(f"putting {entries:,} {kind} entries into memory: {name}")
                contender("put", cache="cache", first=0, last=entries)
        bench.say(f"semantic hits, {entries:,} {kind}")
        sides = {name: partial(each, "semantic", cache="cache") for name, each in contenders.items()}
        read = partial(contenders["ours"], "read_prefix", rows=entries, count=bench.sizes.queries)
        floor = {
            "both": partial(read, row_bytes=PREFIX_BYTES),
            "first": partial(read, row_bytes=FIRST_PREFIX_BYTES),
        }
        timings = {
            expected: warmed(
                bench.sizes.rounds, **{name: partial(look, expected=expected) for name, look in sides.items()}, **floor
            )
            for expected in ("hit", "miss")
        }
    section = f"Semantic hit, {entries:,} x 384"
    store = "SQLite" if kind == "sentences" else "memory, isotropic: the worst case"
    for expected in ("hit", "miss"):
        found = bench.keep(f"semantic {expected}, {entries:,} {kind}", timings[expected])
        aimed = kind == "sentences" and expected == "hit"
        row = compared(
            section,
            f"{expected}, {store}",
            found["ours"],
            found.get("peer"),
            at_least=aims.PEER_OVER_SEMANTIC.get(entries) if aimed else None,
            faster=True,
            beside="peer",
            unit="ms",
        )
        bench.rows.append(row)
    hits, misses = timings["hit"], timings["miss"]
    bench.rows.append(_recall(section, f"recall, {store}", hits))
    if kind == "sentences":
        bound = aims.SEMANTIC_OVER_READING_THE_PREFIX if entries == bench.sizes.large else None
        for name, row_bytes, most in (("both", PREFIX_BYTES, bound), ("first", FIRST_PREFIX_BYTES, None)):
            what = f"hit, and reading {row_bytes // 4} numbers of each entry"
            reading = f"reading {entries * row_bytes / 1e6:.1f} MB"
            bench.rows.append(compared(section, what, hits["ours"], hits[name], at_most=most, beside=reading))
        none = aims.MISS_OVER_HIT
        bench.rows.append(
            compared(section, "miss, and a hit", misses["ours"], hits["ours"], at_most=none, beside="hit", unit="ms")
        )


def _recall(section: str, what: str, timings: dict[str, list[Timing]]) -> Row:
    """Return the row of the share of queries whose nearest entry was found, by a full scan in float64."""
    share = {
        name: 1 - sum(each["wrong"] for each in some) / sum(each["calls"] for each in some)
        for name, some in timings.items()
    }
    beside = f"peer {share['peer']:.3f}" if "peer" in share else ""
    return Row(section, what, f"{share['ours']:.3f}", beside, share["ours"], aim=Aim("at least", aims.RECALL, ""))


def _loop_gap(bench: Bench, entries: int) -> None:
    """Measure how long an event loop stands still while many semantic lookups are under way."""
    with ExitStack() as stack:
        contenders = bench.contenders(stack)
        for name, contender in contenders.items():
            contender("load", data=bench.data("sentences", entries), entries=entries)
            contender("open", cache="cache", path=bench.file(name, entries, "gap"), asynchronous=True)
        bench.say(f"gaps of the event loop, {entries:,}")
        gaps = {name: partial(each, "loop_gap", cache="cache", count=CONCURRENT) for name, each in contenders.items()}
        timings = bench.keep("gap of the event loop", warmed(bench.sizes.rounds, **gaps))
    what = f"worst gap of the event loop, {CONCURRENT} hits at once, SQLite"
    beside = f"peer {told(timings['peer'], 'ms')}" if "peer" in timings else ""
    aim = Aim("at most", aims.LOOP_GAP_MS, "ms")
    section = f"Semantic hit, {entries:,} x 384"
    bench.rows.append(absolute(section, what, timings["ours"], aim=aim, unit="ms", beside=beside))
