"""How long a new process takes to import Mneme and to have its first cache; files are in the system's cache."""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path

from benchmarks import aims
from benchmarks.bench import Bench
from benchmarks.contender import ROOT, environment
from benchmarks.rows import Aim, absolute, compared, interleaved, told
from benchmarks.samples import Timing, timing

TIMED = "from time import perf_counter_ns as now; start = now(); {}; print(now() - start)"
IMPORT = TIMED.format("import mneme")
FIRST_CACHE = TIMED.format(
    "import mneme; from benchmarks.truth import ConstantEmbedder as E; "
    "mneme.SemanticCache(store=mneme.MemoryStore(), embedder=E())"
)
PROCESSES = 5


def measure(bench: Bench) -> None:
    """Add the rows of the import."""
    bench.say("import")
    imported, cached = (
        bench.keep(what, _timings(bench, code)) for what, code in (("import", IMPORT), ("first cache", FIRST_CACHE))
    )
    beside = f"peer {told(imported['peer'], 'ms')}" if "peer" in imported else ""
    aim = Aim("at most", aims.IMPORT_MS, "ms")
    bench.rows += [
        absolute("New process", "import mneme", imported["ours"], aim=aim, unit="ms", beside=beside),
        compared(
            "New process",
            "to the first empty cache",
            cached["ours"],
            cached.get("peer"),
            faster=True,
            beside="peer",
            unit="ms",
        ),
    ]


def _timings(bench: Bench, code: str) -> dict[str, list[Timing]]:
    sides = {name: partial(_run, python, code) for name, python in bench.pythons.items()}
    for first in sides.values():  # writes the bytecode and warms the system's cache
        first()
    return interleaved(bench.sizes.rounds, **sides)


def _run(python: Path, code: str) -> Timing:
    command = [str(python), "-c", code]
    runs = [
        subprocess.run(command, cwd=ROOT, env=environment(python), check=True, capture_output=True, text=True).stdout
        for _ in range(PROCESSES)
    ]
    return timing([int(nanoseconds) for nanoseconds in runs])
