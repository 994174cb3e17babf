"""Exact hits: against the floor, against each other, against the peer."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from statistics import median

from benchmarks import aims
from benchmarks.bench import Bench
from benchmarks.contender import Contender
from benchmarks.rows import compared, interleaved, ratios, told
from benchmarks.samples import Timing

PEER_AIMS = (
    ("sync", "sqlite", "peer", aims.PEER_OVER_EXACT),
    ("async", "async sqlite", "async peer", aims.PEER_OVER_EXACT_ASYNC),
)


def measure(bench: Bench) -> None:
    """Add the rows of exact hits."""
    sizes = bench.sizes
    with ExitStack() as stack:
        contenders = bench.contenders(stack)
        for name, contender in contenders.items():
            _open(bench, name, contender)
        bench.say("exact hits")
        ours, count = contenders["ours"], sizes.lookups
        sides = {
            "floor": partial(ours, "exact_floor", count=count),
            "memory": partial(ours, "exact", cache="memory", count=count),
            "sqlite": partial(ours, "exact", cache="sqlite", count=count),
            "async memory": partial(ours, "exact_async", cache="async memory", count=count),
            "async sqlite": partial(ours, "exact_async", cache="async sqlite", count=count),
            "unseen": partial(ours, "exact", cache="memory", count=count, unseen=True),
        }
        if bench.peer:
            peer = contenders["peer"]
            sides["peer"] = partial(peer, "exact", cache="sqlite", count=count)
            sides["async peer"] = partial(peer, "exact_async", cache="async sqlite", count=count)
        timings = bench.keep("exact hit", interleaved(sizes.rounds, **sides))
        together = {
            "nothing": partial(ours, "gather_nothing", count=count),
            "sync": partial(ours, "exact_in_turn", cache="memory", count=count),
            "async": partial(ours, "exact_gathered", cache="async memory", count=count),
        }
        gathered = bench.keep("100 exact hits", interleaved(sizes.rounds, **together))

    section = f"Exact hit, {sizes.small:,} entries"
    for what, side in (("sync, ", ""), ("async, ", "async ")):
        for store, name in (("memory", "memory"), ("SQLite", "sqlite")):
            ours, bound = timings[side + name], aims.EXACT_OVER_FLOOR
            bench.rows.append(compared(section, what + store, ours, timings["floor"], at_most=bound, beside="floor"))
    what, unseen = "sync, memory, not seen lately in these words", timings["unseen"]
    bench.rows.append(compared(section, what, unseen, timings["floor"], at_most=aims.EXACT_OVER_FLOOR, beside="floor"))
    for store, name in (("memory", "memory"), ("SQLite", "sqlite")):
        what, bound = f"async, {store}, and sync", aims.ASYNC_OVER_SYNC
        ours, sync = timings[f"async {name}"], timings[name]
        bench.rows.append(compared(section, what, ours, sync, at_most=bound, beside="sync"))
    bench.rows.append(
        compared(
            section,
            "100 at once (gather), memory",
            gathered["async"],
            gathered["sync"],
            at_most=aims.ASYNC_OVER_SYNC,
            beside="100 sync",
            note=_without_gather(gathered),
        )
    )
    for facade, side, other, bound in PEER_AIMS:
        what, beside = f"{facade}, SQLite, and the peer", timings.get(other)
        note = f"by means {median(ratios(beside, timings[side], 'mean')):.1f} x" if beside else ""
        bench.rows.append(compared(section, what, timings[side], beside, at_least=bound, beside="peer", note=note))


def _without_gather(timings: dict[str, list[Timing]]) -> str:
    """Say how much of gathering 100 lookups is asyncio's, whatever the coroutines do."""
    sides = zip(timings["async"], timings["nothing"], timings["sync"], strict=True)
    rest = median((full["median"] - nothing["median"]) / sync["median"] for full, nothing, sync in sides)
    return f"gathering 100 coroutines that do nothing takes {told(timings['nothing'])}; the rest is {rest:.2f} x"


def _open(bench: Bench, name: str, contender: Contender) -> None:
    entries = bench.sizes.small
    contender("load", data=bench.data("sentences", entries), entries=entries)
    contender("open", cache="sqlite", path=bench.file(name, entries, "sync"))
    contender("open", cache="async sqlite", path=bench.file(name, entries, "async"), asynchronous=True)
    if name == "ours":
        for cache, asynchronous in (("memory", False), ("async memory", True)):
            contender("open", cache=cache, asynchronous=asynchronous)
            contender("put", cache=cache, first=0, last=entries)
