"""The table of the contenders, on the screen and in docs/performance.md."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from statistics import median

from benchmarks.contender import ROOT
from benchmarks.peer import plot
from benchmarks.peer.subject import Measured
from benchmarks.report import write_between
from benchmarks.rows import figures

BEGIN, END = "<!-- peers: written by `python -m benchmarks.peers --page` -->", "<!-- end of peers -->"
PAGE, PLOT = ROOT / "docs" / "performance.md", "images/peers.svg"
OPERATIONS = ("exact hit", "semantic hit", "miss", "put", "async exact hit", "100 at once")
COLUMNS = ("", *OPERATIONS, "an entry of a load", "open, s", "memory, MB", "not right")
NONE = "–"


def write(results: Sequence[Measured], skipped: dict[str, str], about: dict[str, str]) -> None:
    """Put the tables between the marks of the page, and the plot beside it."""
    lines = [f"`python -m benchmarks.peers`: {_about(results, about)}.", ""]
    lines += [f"![Latency, opening and memory against the number of entries]({PLOT})", ""]
    for entries, group in groupby(results, key=lambda each: each.wanted):
        lines += [f"### {entries:,} entries", "", _line(COLUMNS), _line(["---"] * len(COLUMNS))]
        lines += [*(_line(_cells(each)) for each in group), ""]
    lines += [*(f"- {note}" for note in _notes(results, skipped)), ""]
    (PAGE.parent / PLOT).parent.mkdir(exist_ok=True)
    plot.draw(results, PAGE.parent / PLOT)
    write_between(PAGE, BEGIN, END, lines)


def text(results: Sequence[Measured], skipped: dict[str, str], about: dict[str, str]) -> str:
    """Return the tables in columns."""
    lines = []
    for entries, group in groupby(results, key=lambda each: each.wanted):
        cells = [COLUMNS, *map(_cells, group)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines += ["", f"{entries:,} entries, median microseconds"]
        lines += ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
    lines += ["", *(f"  {note}" for note in _notes(results, skipped))]
    return "\n".join([*lines, "", _about(results, about)])


def _about(results: Sequence[Measured], about: dict[str, str]) -> str:
    versions = {each.label: each.version for each in results if each.version}
    return ", ".join(f"{name} {what}" for name, what in (about | versions).items())


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(each: Measured) -> tuple[str, ...]:
    label = each.label if each.entries in (0, each.wanted) else f"{each.label}, {each.entries:,} entries"
    if not each.entries:
        return (label, *[NONE] * (len(COLUMNS) - 1))
    times = [_microseconds(each, operation) for operation in OPERATIONS]
    return (
        label,
        *(NONE if time is None else figures(time) for time in times),
        figures(each.load_seconds / each.entries * 1e6) + ("" if each.bulk else " (a loop)"),
        figures(median(each.opened)) if each.opened else NONE,
        f"{median(each.grown) / 1e6:,.0f}" if each.grown else NONE,
        f"{_failures(each):.2%}" if _failures(each) else "0",
    )


def _microseconds(each: Measured, operation: str) -> float | None:
    rounds = each.timings.get(operation)
    return median(timing["median"] for timing in rounds) if rounds else None


def _failures(each: Measured) -> float:
    rounds = [timing for some in each.timings.values() for timing in some]
    # A call of a hundred at once is counted a hundred times among the wrong ones.
    looked = sum(timing["calls"] * (100 if name == "100 at once" else 1) for name, timing in _every(each))
    return sum(timing["wrong"] for timing in rounds) / looked if looked else 0.0


def _every(each: Measured) -> list[tuple[str, dict[str, float]]]:
    return [(name, dict(timing)) for name, some in each.timings.items() for timing in some]  # type: ignore[arg-type]


def _notes(results: Sequence[Measured], skipped: dict[str, str]) -> list[str]:
    """Say what is missing and why, what was stopped, and what was not right."""
    notes = [f"{label} is not measured: it {reason}" for label, reason in skipped.items()]
    reasons = {(each.label, what, why): None for each in results for what, why in each.missing.items()}
    for (label, why), some in groupby(reasons, key=lambda reason: (reason[0], reason[2])):
        notes.append(f"{label}, {' and '.join(what for _, what, _ in some)}: none, {why}.")
    for each in results:
        where = f"{each.label}, {each.entries:,} entries"
        if each.failed:
            notes.append(f"{where}: {each.failed}")
        elif each.entries < each.wanted:
            notes.append(f"{where}: no more of {each.wanted:,} were stored after {each.load_seconds:.0f} s.")
        for operation, rounds in each.timings.items():
            wrong, missed = (sum(timing[kind] for timing in rounds) for kind in ("wrong", "missed"))
            if wrong:
                notes.append(f"{where}, {operation}: {missed:,} not found, {wrong - missed:,} answered wrongly.")
    return notes
