"""How cost grows: search, memory, building and opening against N, and what must stay as it is.

    python -m benchmarks.scale [--most 1000000] [--open-most 100000] [--page]

Needs the extra `ann`; a million vectors take 5 GB and some minutes. `--page` writes tables and a picture
(matplotlib) into docs/explanation/scale.md.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks import machine
from benchmarks.scale import flatness, opening, page, searching

SIZES = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000]
PARTITIONS = [2, 1_000, 10_000, 100_000]


def say(text: str) -> None:
    """Say what is being done."""
    print(f"... {text}", file=sys.stderr, flush=True)


def main() -> None:
    """Measure, print the tables, and with --page keep them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--most", type=int, default=SIZES[-1], help="entries of the largest partition")
    parser.add_argument("--open-most", type=int, default=100_000, help="entries of the largest file; 0 opens none")
    parser.add_argument("--no-flat", action="store_true", help="leave out partitions and deletes")
    parser.add_argument("--page", action="store_true", help="write docs/explanation/scale.md")
    arguments = parser.parse_args()

    about = machine.describe() | {"load before": machine.load()}
    costs = [searching.measure(size, say) for size in SIZES if size <= arguments.most]
    files = []
    for size in SIZES:
        if size <= arguments.open_most:
            say(f"a file of {size:,} entries")
            files.append(opening.measure(size))
    flat = [] if arguments.no_flat else flatness.measure(PARTITIONS)
    about["load after"] = machine.load()

    tables = page.tables(costs, files, flat)
    print(tables)
    print(", ".join(f"{name} {what}" for name, what in about.items()))
    if arguments.page:
        page.write(tables, costs, files, about)


if __name__ == "__main__":
    main()
