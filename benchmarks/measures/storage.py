"""Puts, opening a large file, and what it takes of memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from statistics import median
from typing import Any

from benchmarks import aims
from benchmarks.bench import Bench
from benchmarks.contender import Contender
from benchmarks.rows import Aim, Row, absolute, compared, interleaved, ratios, told
from benchmarks.samples import Timing, timing
from benchmarks.truth import text_bytes

BYTES_A_VECTOR = 384 * 4


def measure(bench: Bench) -> None:
    """Add the rows of storage."""
    _puts(bench)
    _bulk(bench)
    _opening(bench)


def _puts(bench: Bench) -> None:
    """Put into files that have entries already, one at a time, each durable before the next, and 64 at once."""
    sizes, section = bench.sizes, f"SQLite file of {bench.sizes.small:,} entries"
    with ExitStack() as stack:
        contenders = bench.contenders(stack)
        for contender in contenders.values():
            contender("load", data=bench.data("sentences", sizes.small), entries=sizes.small)
        written = [
            *(_Written(bench, contender, "put", name) for name, contender in contenders.items()),
            *(_Written(bench, contenders["ours"], "put", word, durability=word) for word in ("full", "deferred")),
            *(
                _Written(bench, each, "put_gathered", f"{name} async", asynchronous=True)
                for name, each in contenders.items()
            ),
            _Written(bench, contenders["ours"], "put_gathered", "full async", asynchronous=True, durability="full"),
        ]
        sides = {each.side: each.next for each in written}
        sides["floor"] = _next_rows(bench, contenders["ours"], "put_floor", path=str(bench.fresh("floor.db")))
        bench.say("durable puts")
        timings = interleaved(sizes.rounds, **sides)
        for each in written:
            timings[each.side][-1]["wrong"] += each.missing(sizes.small + sizes.rounds * sizes.puts)
        bench.keep("put", timings)
    peer, peer_async = timings.get("peer"), timings.get("peer async")
    bare = "no checks, one row, the same bytes"

    def row(what: str, side: str, other: list[Timing] | None, at_least: float | None = None) -> Row:
        means = f"by means {median(ratios(other, timings[side], 'mean')):.1f} x" if other else ""
        return compared(section, what, timings[side], other, at_least=at_least, faster=True, beside="peer", note=means)

    bench.rows += [
        row("put", "ours", peer, aims.PEER_OVER_PUT),
        compared(section, "put", timings["ours"], timings["floor"], beside="a bare INSERT", note=bare),
        row('put, durability="full"', "full", peer),
        row('put, durability="deferred"', "deferred", peer, aims.PEER_OVER_PUT),
        row("64 async puts at once", "ours async", peer_async, aims.PEER_OVER_PUT),
        row('64 async puts at once, durability="full"', "full async", peer_async),
    ]


class _Written:
    """A file of a contender that is put into, round by round, and must hold every entry in the end."""

    def __init__(self, bench: Bench, contender: Contender, method: str, side: str, **options: Any) -> None:
        self.side = side
        self._contender = contender
        self._path = bench.file(contender.name, bench.sizes.small, side.replace(" ", "-"))
        contender("open", cache=side, path=self._path, **options)
        self.next = _next_rows(bench, contender, method, cache=side)

    def missing(self, entries: int) -> int:
        """Close the file and open it again; return how many entries are missing or not the true ones."""
        self._contender("close", cache=self.side)
        number: int = self._contender("missing", path=self._path, last=entries)
        return number


def _bulk(bench: Bench) -> None:
    """Put many entries at once into a new file."""
    entries = bench.sizes.small
    with ExitStack() as stack:
        contenders = bench.contenders(stack)
        for contender in contenders.values():
            contender("load", data=bench.data("sentences", entries), entries=entries)

        def load(contender: Contender) -> Timing:
            path = str(bench.fresh(f"{contender.name}-bulk.db"))
            contender("open", cache="bulk", path=path)
            result: Timing = contender("put_many", cache="bulk", first=0, last=entries)
            contender("close", cache="bulk")
            result["wrong"] = contender("missing", path=path, last=entries)
            return result

        bench.say("bulk load")
        sides = {name: partial(load, contender) for name, contender in contenders.items()}
        timings = bench.keep("bulk load", interleaved(bench.sizes.rounds, **sides))
    bench.rows.append(
        compared(
            "New SQLite file",
            f"put_many of {entries:,} entries",
            timings["ours"],
            timings.get("peer"),
            at_least=aims.PEER_OVER_BULK_LOAD,
            beside="peer, one by one,",
            unit="s",
        )
    )


def _next_rows(bench: Bench, contender: Contender, method: str, **arguments: Any) -> Callable[[], Timing]:
    """Return a call of `method` for the next rows, and again the next."""
    starts = itertools.count(bench.sizes.small, bench.sizes.puts)

    def call() -> Timing:
        first = next(starts)
        result: Timing = contender(method, first=first, last=first + bench.sizes.puts, **arguments)
        return result

    return call


def _opening(bench: Bench) -> None:
    """Open a large file in a new process each time."""
    entries = bench.sizes.large
    files = {name: bench.file(name, entries, "open") for name in bench.pythons}
    bench.say(f"opening {entries:,} entries")
    data = bench.data("sentences", entries)
    opened: dict[str, list[Timing]] = {name: [] for name in bench.pythons}
    answered: dict[str, list[Timing]] = {name: [] for name in bench.pythons}
    grown: dict[str, list[float]] = {name: [] for name in bench.pythons}
    for _ in range(bench.sizes.openings):
        for name, python in bench.pythons.items():
            with Contender(name, python) as contender:
                seconds, first_hit, growth = _open_once(contender, files[name], data)
            opened[name].append(timing([round(seconds * 1e9)]))
            answered[name].append(timing([round((seconds + first_hit) * 1e9)]))
            grown[name] += [growth] if growth is not None else []
    bench.keep("open", opened)
    bench.keep("open and first semantic hit", answered)
    section = f"SQLite file of {entries:,} entries"
    peer = opened.get("peer")
    first = Aim("at most", aims.OPEN_TO_FIRST_SEMANTIC_HIT_SECONDS, "s")
    beside = f"peer {told(answered['peer'], 's')}" if "peer" in answered else ""
    bench.rows += [
        compared(section, "open", opened["ours"], peer, at_least=aims.PEER_OVER_OPEN, beside="peer", unit="s"),
        absolute(section, "to the first semantic hit", answered["ours"], aim=first, unit="s", beside=beside),
        _memory(section, entries, grown),
    ]


def _open_once(contender: Contender, path: str, data: str) -> tuple[float, float, float | None]:
    """Return the seconds to open a file, those to its first semantic hit, and the bytes of memory both took."""
    contender("load", data=data)
    contender("open", cache="warm")  # what a first cache imports is measured elsewhere
    before = contender("resident")
    seconds = contender("open", cache="cache", path=path)
    found = contender("semantic", cache="cache", expected="hit", count=1)
    after = contender("resident")
    if found["wrong"] and contender.name == "ours":
        raise AssertionError("the first semantic hit after opening is wrong.")
    contender("close", cache="cache")
    return seconds, found["median"] / 1e6, None if before is None else after - before


def _memory(section: str, entries: int, grown: dict[str, list[float]]) -> Row:
    """Return the row of resident memory: what the process grew by from its imports to its first semantic hit."""
    vectors, texts = entries * BYTES_A_VECTOR, text_bytes(entries)
    allowed = f"2 x {vectors / 1e6:.0f} MB of vectors + {texts / 1e6:.0f} MB of texts"
    aim = Aim("at most", aims.MEMORY_OVER_VECTORS_TWICE_AND_TEXTS)
    if not grown["ours"]:
        return Row(section, "resident memory", "", allowed, None, aim=aim)
    ours = median(grown["ours"])
    each = [growth / (2 * vectors + texts) for growth in grown["ours"]]
    note = f"peer {median(grown['peer']) / 1e6:,.0f} MB" if grown.get("peer") else ""
    spread = (min(each), max(each))
    return Row(section, "resident memory", f"{ours / 1e6:,.0f} MB", allowed, median(each), spread, aim, note)
