"""`python -m benchmarks`: measure, print a table, write bench-output/benchmark.json."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import machine, report
from benchmarks.bench import FULL, QUICK, Bench
from benchmarks.contender import OUT, ROOT
from benchmarks.measures import exact, importing, instructions, semantic, storage
from benchmarks.peer.contenders import MNEME_CACHE
from benchmarks.peer.environments import UnavailableError, python_with

MEASURES = {"import": importing, "exact": exact, "storage": storage, "semantic": semantic}
EVERY = {**MEASURES, "instructions": instructions}
PAGE = ROOT / "docs" / "performance.md"


def main() -> None:
    """Run the measures that are asked for, in under ten minutes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("measures", nargs="*", help=f"any of {', '.join(EVERY)}; the first four unless named")
    parser.add_argument("--quick", action="store_true", help="small sizes, in under a minute: for development")
    parser.add_argument("--no-peer", action="store_true", help="leave the peer out")
    parser.add_argument("--page", action="store_true", help="write the numbers into docs/performance.md")
    parser.add_argument("--out", type=Path, default=OUT, help="where files go")
    arguments = parser.parse_args()
    unknown = set(arguments.measures) - EVERY.keys()
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if arguments.page and (arguments.quick or arguments.measures):
        parser.error("--page needs a full run")

    bench = Bench(arguments.out, QUICK if arguments.quick else FULL, Path(sys.executable))
    arguments.out.mkdir(parents=True, exist_ok=True)
    if not arguments.no_peer:
        try:
            bench.peer = python_with(arguments.out, "mneme-cache", MNEME_CACHE, bench.say)
        except UnavailableError as error:
            bench.say(f"the peer is left out: it {error}")
    about = machine.describe() | {"peer": MNEME_CACHE[0].replace("==", " "), "load before": machine.load()}
    try:
        for name in arguments.measures or MEASURES:
            EVERY[name].measure(bench)
    finally:
        bench.tidy()
    about["load after"] = machine.load()
    print(report.table(bench.rows))
    print(f"\n{', '.join(f'{name} {what}' for name, what in about.items())}\n{report.summary(bench.rows)}")
    report.write_json(arguments.out / "benchmark.json", bench, about)
    if arguments.page:
        report.write_page(PAGE, bench.rows, about)


if __name__ == "__main__":
    main()
