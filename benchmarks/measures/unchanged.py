"""A cache with a past and with neighbours, beside a new one of the same entries: nothing hot becomes slower."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

from benchmarks import aims
from benchmarks.bench import Bench
from benchmarks.contender import Contender
from benchmarks.rows import Row, compared, warmed
from benchmarks.samples import Timing

MOST_PARTITIONS = 100_000
PUTS = 50


def measure(bench: Bench, entries: int) -> None:
    """Add the rows: half was deleted, then there are many other partitions, then a large one."""
    with Contender("new", bench.ours) as new, Contender("old", bench.ours) as old:
        for contender in (new, old):
            contender("load", data=bench.data("sentences", entries), entries=entries)
            contender("open", cache="cache")
        bench.say(f"putting {entries:,} entries into memory, and twice as many of which half are deleted")
        new("put", cache="cache", first=0, last=entries)
        old("put", cache="cache", first=0, last=2 * entries, shuffled=True)
        old("delete", cache="cache", first=entries, last=2 * entries)
        more = itertools.count(entries, PUTS)
        _add_rows(bench, old, new, entries, more, "after deleting half")
        partitions = min(entries, MOST_PARTITIONS)
        bench.say(f"putting an entry into each of {partitions:,} other namespaces")
        old("put", cache="cache", first=entries, last=entries + partitions, namespaces=partitions)
        _add_rows(bench, old, new, entries, more, f"and beside {partitions:,} other namespaces")
        old("put", cache="cache", first=entries, last=2 * entries, namespace="second")
        _add_rows(bench, old, new, entries, more, "and beside a second namespace as large")


def _add_rows(
    bench: Bench, old: Contender, new: Contender, entries: int, more: itertools.count[int], event: str
) -> None:
    bench.say(f"as a new cache, {entries:,}, {event}")
    section = f"As a new cache, {entries:,} entries in memory"
    sides = {"old": old, "new": new}
    ways: dict[str, tuple[str, dict[str, Any]]] = {
        "exact hit": ("exact", {"count": bench.sizes.lookups}),
        "semantic hit": ("semantic", {"expected": "hit"}),
        "miss": ("semantic", {"expected": "miss"}),
    }
    for operation, (method, arguments) in ways.items():
        calls = {name: partial(each, method, cache="cache", **arguments) for name, each in sides.items()}
        rounds = bench.keep(f"{operation}, {entries:,}, {event}", warmed(bench.sizes.rounds, **calls))
        bench.rows.append(_row(section, f"{operation}, {event}", rounds))
    timings: dict[str, list[Timing]] = {name: [] for name in sides}
    for _ in range(bench.sizes.rounds):
        first = next(more)
        for name, each in sides.items():
            timings[name].append(each("put", cache="cache", first=first, last=first + PUTS))
    bench.rows.append(_row(section, f"put, {event}", bench.keep(f"put, {entries:,}, {event}", timings)))


def _row(section: str, what: str, timings: dict[str, list[Timing]]) -> Row:
    return compared(section, what, timings["old"], timings["new"], at_most=aims.UNCHANGED, beside="a new cache")
