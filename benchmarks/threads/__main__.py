"""`python -m benchmarks.threads [throughput|convoy|gaps|batches|misses ...] [--quick]`: threads and tasks side by side.

Every number is a median of rounds in which what is compared took turns; every answer is compared with the truth.
"""

from __future__ import annotations

import argparse

from benchmarks import machine
from benchmarks.threads import batches, convoy, gaps, misses, throughput

MEASURES = {"throughput": throughput, "convoy": convoy, "gaps": gaps, "batches": batches, "misses": misses}


def main() -> None:
    """Run the measures that are asked for, in about four minutes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.threads", description=__doc__)
    parser.add_argument("measures", nargs="*", help=f"any of {', '.join(MEASURES)}; all unless named")
    parser.add_argument("--quick", action="store_true", help="small sizes, in half a minute: for development")
    arguments = parser.parse_args()
    unknown = set(arguments.measures) - MEASURES.keys()
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    about = machine.describe() | {"load before": machine.load()}
    for name in arguments.measures or MEASURES:
        print(f"\n{name}: {(MEASURES[name].__doc__ or '').strip().splitlines()[0]}", flush=True)
        for line in MEASURES[name].measure(quick=arguments.quick):
            print(f"  {line}", flush=True)
    about["load after"] = machine.load()
    print(f"\n{', '.join(f'{name} {what}' for name, what in about.items())}")


if __name__ == "__main__":
    main()
