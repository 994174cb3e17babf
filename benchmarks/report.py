"""The table on the screen, the JSON, and the numbers of docs/performance.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.rows import Row, figures

BEGIN, END = "<!-- numbers: written by `python -m benchmarks --page` -->", "<!-- end of numbers -->"


def table(rows: Sequence[Row]) -> str:
    """Return the rows as text in columns."""
    lines = []
    for section, group in groupby(rows, key=lambda row: row.section):
        cells = [(row.what, row.ours, row.other, value(row), str(row.aim or ""), row.verdict) for row in group]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines += ["", section]
        lines += ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
        # A note belongs to a row, and would make its column too wide for a screen.
    lines += ["", *(f"  {row.section}, {row.what}: {row.note}" for row in rows if row.note)]
    return "\n".join(lines)


def value(row: Row) -> str:
    """Return the figure that has an aim, with its range over the rounds."""
    if row.value is None:
        return ""
    unit = row.aim.unit if row.aim else "x"
    spread = f" ({figures(row.spread[0])} to {figures(row.spread[1])})" if row.spread else ""
    return f"{figures(row.value)} {unit}{spread}"


def summary(rows: Sequence[Row]) -> str:
    """Return how many aims were met, and which were not."""
    aims = [row for row in rows if row.aim is not None]
    if not aims:
        return "Nothing here has an aim."
    missed = [f"{row.section}: {row.what}" for row in aims if row.verdict == "MISSED"]
    unknown = [f"{row.section}: {row.what}" for row in aims if row.verdict == "not measured"]
    text = f"{len(aims) - len(missed) - len(unknown)} of {len(aims)} aims met."
    text += f" Missed: {'; '.join(missed)}." if missed else ""
    return text + (f" Not measured: {'; '.join(unknown)}." if unknown else "")


def write_json(path: Path, bench: Bench, machine: dict[str, str]) -> None:
    """Write everything that was measured."""
    rows = [{**asdict(row), "verdict": row.verdict} for row in bench.rows]
    report = {"machine": machine, "sizes": asdict(bench.sizes), "rows": rows, "microseconds": bench.timings}
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_page(page: Path, rows: Sequence[Row], machine: dict[str, str]) -> None:
    """Put the numbers between the two marks of a page."""
    lines = [", ".join(f"{name} {what}" for name, what in machine.items()) + ".", "", summary(rows), ""]
    for section, group in groupby(rows, key=lambda row: row.section):
        lines += [f"### {section}", "", "| | Mneme | beside | ratio | aim | |", "| --- | --- | --- | --- | --- | --- |"]
        lines += [
            f"| {row.what} | {row.ours} | {row.other}{f'; {row.note}' if row.note else ''} | {value(row)} "
            f"| {row.aim or ''} | {row.verdict} |"
            for row in group
        ]
        lines.append("")
    write_between(page, BEGIN, END, lines)


def write_between(page: Path, begin: str, end: str, lines: Sequence[str]) -> None:
    """Put lines between two marks of a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"{page} has no place for the numbers: it needs the lines {begin!r} and {end!r}.")
    page.write_text("\n".join([before + begin, "", *lines, end + after]), encoding="utf-8")
