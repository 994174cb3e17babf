"""The plot: time, opening and memory against the number of entries, one line a contender."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from benchmarks.peer.contenders import PEERS
from benchmarks.peer.subject import Measured

# Okabe and Ito's colours, which people who see few of them can tell apart; marks and dashes do it in print.
LOOKS = {
    "color": ("#000000", "#F0E442", "#999999", "#0072B2", "#56B4E9", "#D55E00", "#009E73", "#CC79A7", "#E69F00"),
    "marker": ("o", "p", "x", "s", "D", "^", "v", "P", "*", "<", ">"),
    "linestyle": ("-", "--", (0, (1, 1)), "--", "-.", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 2)), "-."),
}


def draw(results: Sequence[Measured], path: Path) -> None:
    """Write the plot."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    plt.rcParams |= {"svg.hashsalt": "mneme", "font.size": 10, "axes.titlesize": 11}
    figure, axes = plt.subplots(2, 3, figsize=(12, 8), layout="constrained")
    for axis, (title, unit, value) in zip(axes.flat, PANELS, strict=True):
        for number, name in enumerate(PEERS):
            points = [(each.entries, value(each)) for each in results if each.name == name]
            points = [(entries, figure) for entries, figure in points if entries and figure]
            if points:
                style = {name: kinds[number % len(kinds)] for name, kinds in LOOKS.items()}
                style |= {"label": PEERS[name].label, "linewidth": 1.5 if number else 2.5}
                axis.plot(*zip(*points, strict=True), **style)
        axis.set(title=title, ylabel=unit, xlabel="entries", xscale="log", yscale="log")
        axis.grid(visible=True, which="major", color="#dddddd")
    lines = {label: line for axis in axes.flat for line, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _time(operation: str) -> Callable[[Measured], float | None]:
    def value(each: Measured) -> float | None:
        rounds = each.timings.get(operation)
        return median(timing["median"] for timing in rounds) if rounds else None

    return value


PANELS: tuple[tuple[str, str, Callable[[Measured], float | None]], ...] = (
    ("exact hit", "µs", _time("exact hit")),
    ("semantic hit", "µs", _time("semantic hit")),
    ("put", "µs", _time("put")),
    ("async exact hit", "µs", _time("async exact hit")),
    ("open, to the first semantic hit", "s", lambda each: median(each.opened) if each.opened else None),
    ("memory", "MB", lambda each: median(each.grown) / 1e6 if each.grown else None),
)
