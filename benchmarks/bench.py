"""What the measures share: sizes, places, contenders and filled files."""

from __future__ import annotations

import shutil
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.contender import Contender
from benchmarks.rows import Row
from benchmarks.samples import Timing
from benchmarks.vectors import KINDS, problem

MOST_SPARE = 100_000


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    rounds: int
    small: int
    large: int
    lookups: int
    queries: int
    """How many queries a round looks up among the entries of the large size; five times as many in the small one."""
    puts: int
    openings: int


FULL = Sizes(rounds=7, small=10_000, large=100_000, lookups=2_000, queries=100, puts=300, openings=3)
QUICK = Sizes(rounds=3, small=2_000, large=10_000, lookups=500, queries=40, puts=100, openings=2)


@dataclass
class Bench:
    """One run."""

    out: Path
    sizes: Sizes
    ours: Path
    peer: Path | None = None
    """The interpreter with the peer; None where it could not be installed."""
    timings: dict[str, dict[str, list[Timing]]] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    _filled: dict[tuple[str, int], Path] = field(default_factory=dict)
    _started: float = field(default_factory=time.perf_counter)

    def say(self, what: str) -> None:
        """Tell what is being done, on stderr."""
        print(f"{time.perf_counter() - self._started:6.0f} s  {what}", file=sys.stderr, flush=True)

    @property
    def pythons(self) -> dict[str, Path]:
        """The interpreter of each contender."""
        return {"ours": self.ours} | ({"peer": self.peer} if self.peer else {})

    def contenders(self, stack: ExitStack) -> dict[str, Contender]:
        """Start the contenders; they end with the stack."""
        return {name: stack.enter_context(Contender(name, python)) for name, python in self.pythons.items()}

    def data(self, kind: str, entries: int) -> str:
        """Return the file of a problem, followed by as many vectors again (at most 100,000) that no query is about."""
        queries = self.sizes.queries * (1 if entries >= self.sizes.large else 5)
        path = self.out / "data" / f"{kind}-{entries}-{queries}.npz"
        if not path.exists():
            self.say(f"drawing {entries:,} vectors: {kind}")
            path.parent.mkdir(parents=True, exist_ok=True)
            made = problem(kind, entries, queries)
            vectors = np.concatenate([made.vectors, KINDS[kind](min(entries, MOST_SPARE), 2)])
            np.savez(path, vectors=vectors, hits=made.hits, answers=made.answers, misses=made.misses)
        return str(path)

    def file(self, name: str, entries: int, copy: str) -> str:
        """Return a copy of a contender's SQLite file with so many entries; it is filled once in a run."""
        filled = self._filled.get((name, entries))
        if filled is None:
            self.say(f"putting {entries:,} entries into a SQLite file: {name}")
            filled = self._filled[name, entries] = self.fresh(f"{name}-{entries}.db")
            with ExitStack() as stack:
                contender = self.contenders(stack)[name]
                contender("load", data=self.data("sentences", entries), entries=entries)
                contender("open", cache="filling", path=str(filled))
                contender("put", cache="filling", first=0, last=entries)
                contender("close", cache="filling")
        path = self.fresh(f"{name}-{entries}-{copy}.db")
        for part in filled.parent.glob(filled.name + "*"):
            shutil.copy(part, path.with_name(path.name + part.name.removeprefix(filled.name)))
        return str(path)

    def tidy(self) -> None:
        """Remove the caches' files, which are large; the drawn vectors stay for the next run."""
        shutil.rmtree(self.out / "files", ignore_errors=True)

    def fresh(self, name: str) -> Path:
        """Return a path in the output directory where nothing is."""
        path = self.out / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for old in path.parent.glob(name + "*"):
            old.unlink()
        return path

    def keep(self, what: str, timings: dict[str, list[Timing]]) -> dict[str, list[Timing]]:
        """Remember timings for the JSON; raises AssertionError where ours are not the truth."""
        self.timings[what] = timings
        for side, rounds in timings.items():
            failures = sum(timing["wrong"] for timing in rounds)
            if failures and side != "peer":
                raise AssertionError(f"{what}: {failures} wrong results of {side}.")
        return timings
