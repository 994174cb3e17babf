"""What a benchmark says: two sides, their ratio round by round, and whether it is what was aimed at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from benchmarks.samples import Timing

Unit = Literal["µs", "ms", "s"]
IN_MICROSECONDS: dict[Unit, float] = {"µs": 1, "ms": 1e3, "s": 1e6}


@dataclass(frozen=True, slots=True)
class Aim:
    """A bound on a figure."""

    kind: Literal["at most", "at least"]
    bound: float
    unit: str = "x"

    def met(self, value: float) -> bool:
        """Return whether a figure keeps the bound."""
        return value <= self.bound if self.kind == "at most" else value >= self.bound

    def __str__(self) -> str:
        return f"{self.kind} {self.bound:g} {self.unit}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report."""

    section: str
    what: str
    ours: str
    other: str
    value: float | None
    """The figure that has an aim: mostly a ratio, the median of the ratios of the rounds. None: not measured."""
    spread: tuple[float, float] | None = None
    """The smallest and the largest of the rounds."""
    aim: Aim | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """Say whether the aim was met."""
        if self.value is None:
            return "not measured"
        return "" if self.aim is None else "met" if self.aim.met(self.value) else "MISSED"


def interleaved(rounds: int, **sides: Callable[[], Timing]) -> dict[str, list[Timing]]:
    """Run every side once in each round, A B A B, so that a slow minute of the machine is nobody's alone."""
    timings: dict[str, list[Timing]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            timings[name].append(run())
    return timings


def warmed(rounds: int, **sides: Callable[[], Timing]) -> dict[str, list[Timing]]:
    """Run the rounds after one that is not counted: a first search prepares the index."""
    interleaved(1, **sides)
    return interleaved(rounds, **sides)


def compared(
    section: str,
    what: str,
    ours: Sequence[Timing],
    other: Sequence[Timing] | None,
    *,
    beside: str,
    at_most: float | None = None,
    at_least: float | None = None,
    faster: bool = False,
    unit: Unit = "µs",
    note: str = "",
) -> Row:
    """Return the row of two sides.

    at_most: the aim for ours over the other. at_least: for the other over ours, that is, how much faster ours is.
    faster: that ratio, without an aim. beside: what the other is.
    """
    aim = Aim("at most", at_most) if at_most is not None else None
    if at_least is not None:
        aim, faster = Aim("at least", at_least), True
    if other is None:
        return Row(section, what, told(ours, unit), "", None, aim=aim, note=note)
    each = ratios(other, ours) if faster else ratios(ours, other)
    spread = (min(each), max(each))
    return Row(section, what, told(ours, unit), f"{beside} {told(other, unit)}", median(each), spread, aim, note)


def absolute(section: str, what: str, ours: Sequence[Timing], *, aim: Aim, unit: Unit, beside: str = "") -> Row:
    """Return the row of a time that has an aim of its own. beside: what stands next to it, told."""
    each = [timing["median"] / IN_MICROSECONDS[unit] for timing in ours]
    return Row(section, what, told(ours, unit), beside, median(each), (min(each), max(each)), aim)


def ratios(
    over: Sequence[Timing], under: Sequence[Timing], figure: Literal["median", "mean"] = "median"
) -> list[float]:
    """Return the ratio of two sides in each round."""
    return [one[figure] / other[figure] for one, other in zip(over, under, strict=True)]


def told(timings: Sequence[Timing], unit: Unit = "µs") -> str:
    """Return median and 99th percentile, each the median of the rounds, and how many results were wrong."""
    middle, tail = (
        median(timing[figure] for timing in timings) / IN_MICROSECONDS[unit] for figure in ("median", "p99")
    )
    calls, wrong = (sum(timing[figure] for timing in timings) for figure in ("calls", "wrong"))
    text = figures(middle) if calls == len(timings) else f"{figures(middle)} (p99 {figures(tail)})"
    return f"{text} {unit}" + (f", {wrong:,} of {calls:,} wrong" if wrong else "")


def figures(value: float) -> str:
    """Return a number with three figures."""
    return f"{value:,.{2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0}f}"
