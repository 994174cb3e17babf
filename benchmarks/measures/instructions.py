"""Instructions an exact hit takes, counted by valgrind: nearly the same on a busy machine as on a quiet one."""

from __future__ import annotations

import re
import shutil
import subprocess

from benchmarks.bench import Bench
from benchmarks.contender import ROOT, environment
from benchmarks.counted import KINDS
from benchmarks.rows import Row

FEW, MANY = 1_000, 3_000
TOOL = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]


def measure(bench: Bench) -> None:
    """Add the rows, where there is a valgrind."""
    if shutil.which("valgrind") is None:
        bench.say("no valgrind: instructions are not counted")
        return
    bench.say("instructions of exact hits")
    counts = {kind: (_count(bench, kind, MANY) - _count(bench, kind, FEW)) / (MANY - FEW) for kind in KINDS}
    bench.rows += [
        Row(
            "Exact hit, instructions",
            kind,
            f"{counts[kind]:,.0f}",
            f"floor {counts['floor']:,.0f}",
            counts[kind] / counts["floor"],
        )
        for kind in KINDS[1:]
    ]


def _count(bench: Bench, kind: str, lookups: int) -> int:
    """Return the instructions of a whole process that looks up so often."""
    command = [*TOOL, str(bench.ours), "-m", "benchmarks.counted", kind, str(lookups), str(bench.out)]
    run = subprocess.run(command, cwd=ROOT, env=environment(bench.ours), check=True, capture_output=True, text=True)
    found = re.search(r"I\s+refs:\s+([\d,]+)", run.stderr)
    assert found is not None
    return int(found[1].replace(",", ""))
