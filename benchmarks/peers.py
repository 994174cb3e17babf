"""Mneme beside other semantic caches: `python -m benchmarks.peers [contender ...]`, in under fifteen minutes.

The same entries and questions for all, each in a process and an environment of its own, every result compared with the
truth. Writes bench-output/peers.json and peers.svg; with --page the table and the plot into docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from benchmarks import machine
from benchmarks.bench import Bench, Sizes
from benchmarks.contender import OUT
from benchmarks.peer import page, plot
from benchmarks.peer.contenders import OURS, PEERS, SERVER
from benchmarks.peer.environments import UnavailableError, python_with
from benchmarks.peer.subject import Measured, Subject

LADDER, QUICK, MILLION = (1_000, 10_000, 100_000), (500, 2_000), 1_000_000
ROUNDS, OPENINGS = 5, 3
# A peer that stores too slowly is measured with what it holds by then.
FILLING_SECONDS = 60.0
# What one contender may take for one operation in one round: a slow one makes fewer calls.
SECONDS = 0.4
SYNC = {"exact hit": ("exact", 200), "semantic hit": ("hit", 100), "miss": ("miss", 100), "put": ("put", 60)}
ASYNC = {"async exact hit": ("exact_async", 200), "100 at once": ("gathered", 3)}
SPARE = (ROUNDS + 1) * SYNC["put"][1]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("contenders", nargs="*", help=f"any of {', '.join(PEERS)}")
    parser.add_argument("--quick", action="store_true", help="small sizes: for development")
    parser.add_argument("--million", action="store_true", help="Mneme alone with a million entries, too")
    parser.add_argument("--page", action="store_true", help="write table and plot into docs/")
    parser.add_argument("--out", type=Path, default=OUT, help="where files go")
    arguments = parser.parse_args()
    chosen = arguments.contenders or [name for name, peer in PEERS.items() if peer.usual]
    if unknown := set(chosen) - PEERS.keys():
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if arguments.page and (arguments.quick or arguments.contenders):
        parser.error("--page needs a full run")

    ladder = QUICK if arguments.quick else LADDER
    bench = Bench(arguments.out, Sizes(ROUNDS, ladder[0], ladder[-1], 200, 100, 60, OPENINGS), Path(sys.executable))
    about = machine.describe() | {"load before": machine.load()}
    pythons, skipped = environments(bench, chosen)
    results: list[Measured] = []
    try:
        for entries in ladder:
            results += measured(bench, still_fast(pythons, results), entries)
        if arguments.million:
            results += measured(bench, {OURS: pythons[OURS]}, MILLION)
    finally:
        bench.tidy()
    about["load after"] = machine.load()
    print(page.text(results, skipped, about))
    report = {"machine": about, "skipped": skipped, "results": [asdict(each) for each in results]}
    (arguments.out / "peers.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    plot.draw(results, arguments.out / "peers.svg")
    if arguments.page:
        page.write(results, skipped, about)


def environments(bench: Bench, chosen: Sequence[str]) -> tuple[dict[str, Path], dict[str, str]]:
    """Return the interpreter of each contender that can be measured, and why the others cannot."""
    pythons: dict[str, Path] = {}
    skipped: dict[str, str] = {}
    for name in chosen:
        peer = PEERS[name]
        try:
            if peer.on_server:
                python_with(bench.out, *SERVER, bench.say)
            pythons[name] = (
                bench.ours if peer.ours else python_with(bench.out, peer.environment, peer.requirements, bench.say)
            )
        except UnavailableError as error:
            bench.say(f"{peer.label} {error}")
            skipped[peer.label] = str(error)
    return pythons, skipped


def still_fast(pythons: dict[str, Path], results: Sequence[Measured]) -> dict[str, Path]:
    """Return those that neither failed nor ran out of time with fewer entries."""
    out = {each.name for each in results if each.failed or each.entries < each.wanted}
    return {name: python for name, python in pythons.items() if name not in out}


def measured(bench: Bench, pythons: dict[str, Path], entries: int) -> list[Measured]:
    """Measure contenders with so many entries."""
    data = bench.data("sentences", entries)
    with subjects(bench, pythons, entries) as everyone:
        for subject in everyone:
            bench.say(f"{entries:,} entries: {subject.peer.label}")
            limit = float("inf") if subject.peer.ours else FILLING_SECONDS
            subject.attempt(lambda it=subject, limit=limit: it.fill(data, SPARE, limit))
        bench.say(f"{entries:,} entries: rounds")
        rounds(everyone, SYNC)
        for number in range(OPENINGS):
            bench.say(f"{entries:,} entries: opening, {number + 1} of {OPENINGS}")
            for subject in everyone:
                if subject.opens_quickly:
                    subject.attempt(lambda it=subject: it.reopen(data, SPARE))
        bench.say(f"{entries:,} entries: asynchronous rounds")
        for subject in everyone:
            if not ASYNC.keys() <= subject.measured.missing.keys():
                subject.attempt(lambda it=subject: it.reopen(data, SPARE, asynchronous=True))
        rounds(everyone, ASYNC)
        return [subject.measured for subject in everyone]


@contextmanager
def subjects(bench: Bench, pythons: dict[str, Path], entries: int) -> Iterator[list[Subject]]:
    """Give the contenders; their processes, servers and files are gone afterwards."""
    everyone = [Subject(name, PEERS[name], each, out=bench.out, entries=entries) for name, each in pythons.items()]
    try:
        yield everyone
    finally:
        for subject in everyone:
            subject.tidy()


def rounds(everyone: Sequence[Subject], operations: dict[str, tuple[str, int]]) -> None:
    """Measure one operation after another, everyone once in each round."""
    for operation, (method, count) in operations.items():
        for _ in range(ROUNDS):
            for subject in everyone:
                subject.attempt(lambda it=subject, op=(operation, method, count): it.time(*op, SECONDS))


if __name__ == "__main__":
    main()
