"""The tables of a run, and where they and the picture of it go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.contender import ROOT
from benchmarks.rows import figures
from benchmarks.scale.flatness import LARGE, SMALL, Flat
from benchmarks.scale.opening import Opened
from benchmarks.scale.searching import Cost

PAGE, PICTURE = ROOT / "docs" / "explanation" / "scale.md", ROOT / "docs" / "explanation" / "scale.svg"
BEGIN, END = "<!-- numbers: written by `python -m benchmarks.scale --page` -->", "<!-- end of numbers -->"
# Okabe and Ito's palette: apart for colour-blind eyes too.
PLAIN, EXACT, GRAPH = "#999999", "#0072B2", "#E69F00"


def tables(costs: Sequence[Cost], files: Sequence[Opened], flat: Sequence[Flat]) -> str:
    """Return the tables as Markdown; what was not measured is left out."""
    parts = []
    if costs:
        head = "entries | plain scan | exact | exact, p99 | exact, miss | ann | ann, p99 | recall | looked at"
        rows = [
            [
                f"{cost.entries:,}",
                *(
                    milliseconds(value)
                    for value in (
                        cost.plain_ms,
                        cost.exact_ms,
                        cost.exact_p99_ms,
                        cost.exact_miss_ms,
                        cost.graph_ms,
                        cost.graph_p99_ms,
                    )
                ),
                "" if cost.recall is None else f"{cost.recall:.4f}",
                "" if cost.width is None else str(cost.width),
            ]
            for cost in costs
        ]
        parts += [table(head, rows), crossing(costs)]
        head = "entries | rows and prefixes | graph | first exact search | load and build the graph | one put"
        rows = [
            [
                f"{cost.entries:,}",
                f"{figures(cost.exact_mb)} MB",
                f"{figures(cost.graph_mb)} MB",
                milliseconds(cost.first_search_ms),
                f"{figures(cost.build_seconds)} s",
                f"{figures(cost.put_us)} µs",
            ]
            for cost in costs
        ]
        parts.append(table(head, rows))
    if files:
        head = "SQLite file of | size | open | to the first exact hit | to the first semantic hit"
        rows = [
            [
                f"{file.entries:,}",
                f"{figures(file.file_mb)} MB",
                *(f"{figures(value)} s" for value in (file.opened, file.exact_hit, file.semantic_hit)),
            ]
            for file in files
        ]
        parts.append(table(head, rows))
    if flat:
        head = f"partitions | | search in {SMALL} | search in {LARGE:,} | put | remove"
        rows = [
            [
                f"{row.partitions:,}",
                row.what,
                *(f"{figures(value)} µs" for value in (row.small, row.large, row.put, row.remove)),
            ]
            for row in flat
        ]
        parts.append(table(head, rows))
    return "\n\n".join(parts)


def crossing(costs: Sequence[Cost]) -> str:
    """Say from where on the graph is faster, and by how much it is there."""
    faster = [cost for cost in costs if cost.graph_ms is not None and cost.graph_ms < cost.exact_ms]
    if not faster:
        return "The graph is nowhere faster."
    gains = [
        f"{milliseconds(cost.exact_ms - (cost.graph_ms or 0))} at {cost.entries:,} (one lost hit in "
        f"{1e3 / (cost.exact_ms - (cost.graph_ms or 0)):,.0f} costs as much, at a second for a call)"
        for cost in faster
    ]
    return f"The graph is faster by {', '.join(gains)}."


def milliseconds(value: float | None) -> str:
    """Return milliseconds as text, nothing for None."""
    return "" if value is None else f"{value:.3f} ms" if value < 0.995 else f"{figures(value)} ms"


def table(head: str, rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, " | ".join(["---"] * (head.count("|") + 1)), *(" | ".join(row) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines)


def write(tables: str, costs: Sequence[Cost], files: Sequence[Opened], machine: dict[str, str]) -> None:
    """Put the tables between the two marks of the page, and draw the picture beside it."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{PAGE} has no place for the numbers: it needs the lines {BEGIN!r} and {END!r}.")
    about = ", ".join(f"{name} {what}" for name, what in machine.items()) + "."
    picture = f"![Search time, memory and opening time against the number of entries]({PICTURE.name})"
    PAGE.write_text("\n\n".join([before + BEGIN, about, picture, tables, END + after]), encoding="utf-8")
    draw(costs, files, PICTURE)


def draw(costs: Sequence[Cost], files: Sequence[Opened], path: Path) -> None:
    """Draw search time, memory and opening time against N. Raises ImportError without matplotlib."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.8), layout="constrained")
    FigureCanvasSVG(figure)
    search, memory, opened = figure.subplots(1, 3)
    sizes, with_graph = [cost.entries for cost in costs], [cost for cost in costs if cost.graph_ms is not None]
    graph_sizes = [cost.entries for cost in with_graph]
    search.plot(sizes, [cost.plain_ms for cost in costs], color=PLAIN, linestyle=":", marker=".", label="plain scan")
    search.plot(sizes, [cost.exact_ms for cost in costs], color=EXACT, marker="o", label="exact")
    search.plot(
        graph_sizes, [cost.graph_ms for cost in with_graph], color=GRAPH, linestyle="--", marker="s", label="ann"
    )
    search.set_title("Semantic search, ms")
    memory.plot(sizes, [cost.exact_mb for cost in costs], color=EXACT, marker="o", label="exact")
    memory.plot(
        graph_sizes,
        [cost.exact_mb + cost.graph_mb for cost in with_graph],
        color=GRAPH,
        linestyle="--",
        marker="s",
        label="ann",
    )
    memory.set_title("Memory of the index, MB")
    opened.plot(
        [file.entries for file in files], [file.opened for file in files], color=EXACT, marker="o", label="open"
    )
    opened.plot(
        [file.entries for file in files],
        [file.semantic_hit for file in files],
        color=GRAPH,
        linestyle="--",
        marker="s",
        label="to the first semantic hit",
    )
    opened.set_title("Opening a SQLite file, s")
    for axes in (search, memory, opened):
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("entries")
        axes.grid(True, which="major", color="#dddddd")
        axes.spines[["top", "right"]].set_visible(False)
        if axes.get_lines():
            axes.legend(frameon=False)
    # Without a date and with fixed ids the file changes only with the numbers.
    with rc_context({"svg.hashsalt": "mneme", "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None, "Creator": "python -m benchmarks.scale"})
