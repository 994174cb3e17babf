"""Puts, opening a large file, and what it takes of memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import ExitStack
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
    _opening(bench)


def _puts(bench: Bench) -> None:
    """Put into files that have entries already, one at a time, each durable before the next."""
    sizes, section = bench.sizes, f"SQLite file of {bench.sizes.small:,} entries"
    with ExitStack() as stack:
        contenders = bench.contenders(stack)
        sides = {}
        for name, contender in contenders.items():
            contender("load", data=bench.data("sentences", sizes.small), entries=sizes.small)
            contender("open", cache="cache", path=bench.file(name, sizes.small, "put"))
            sides[name] = _next_rows(bench, contender, "put", cache="cache")
        sides["floor"] = _next_rows(bench, contenders["ours"], "put_floor", path=str(bench.fresh("floor.db")))
        bench.say("durable puts")
        timings = bench.keep("put", interleaved(sizes.rounds, **sides))
    peer = timings.get("peer")
    means = f"by means {median(ratios(peer, timings['ours'], 'mean')):.1f} x" if peer else ""
    bare = "no checks, one row, the same bytes"
    bench.rows += [
        compared(section, "put", timings["ours"], peer, at_least=aims.PEER_OVER_PUT, beside="peer", note=means),
        compared(section, "put", timings["ours"], timings["floor"], beside="a bare INSERT", note=bare),
    ]


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
