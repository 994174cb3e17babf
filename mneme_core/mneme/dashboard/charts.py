"""Charts as SVG, each with a text for those who do not see it; the numbers stand in a table beside it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 480, 180
LEFT, RIGHT, TOP, BOTTOM = 96, 8, 10, 24
# Where an axis may end, so that its middle is round, too.
ROUND = (1, 2, 4, 6, 8, 10)
# Below it a float has too few digits to round.
LEAST = 1e-300
SQUARE_WIDTH, SQUARE_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

NOTHING = Markup('<text class="tick" x="{}" y="{}" text-anchor="middle">nothing yet</text>').format(
    LEFT + SQUARE_WIDTH / 2, TOP + SQUARE_HEIGHT / 2
)


@dataclass(frozen=True, slots=True)
class Series:
    """A line, or one kind of bars."""

    name: str
    values: Sequence[float | None]


def lines(
    title: str,
    times: Sequence[float],
    series: Sequence[Series],
    say: Callable[[float], str],
    *,
    least: float = 0.0,
    decades: bool = False,
) -> Markup:
    """Return lines over time from zero up. `say` words a value; what is None leaves a gap.

    least: where the axis ends at least.
    decades: by powers of ten instead, for values above zero that differ by more than one can see.
    """
    known = [value for each in series for value in each.values if value is not None]
    ticks = _decades(known) if decades else _halves(_end(max(known, default=0.0), least))
    first, last = times[0], times[-1]
    span = max(last - first, 1e-6)
    drawn = [_grid(ticks, say)]
    for at, when, anchor in ((LEFT, first, "start"), (WIDTH - RIGHT, last, "end")):
        clock = time.strftime("%H:%M:%S", time.localtime(when))
        drawn.append(
            Markup('<text class="tick" x="{}" y="{}" text-anchor="{}">{}</text>').format(at, HEIGHT - 6, anchor, clock)
        )
    if not known:
        drawn.append(NOTHING)
    for number, each in enumerate(series, 1):
        path = _path(
            [
                None if value is None else (LEFT + (when - first) / span * SQUARE_WIDTH, _up(value, ticks, decades))
                for when, value in zip(times, each.values, strict=True)
            ]
        )
        drawn.append(Markup('<path class="line s{}" d="{}"/>').format(number, path))
    return _svg(title, _told(series, say), drawn)


def histogram(title: str, series: Sequence[Series], *, low: float, high: float, mark: float | None) -> Markup:
    """Return counts as bars side by side over `low` to `high`, with a line at `mark`."""
    most = _end(max((value or 0.0 for each in series for value in each.values), default=0.0), 2.0)
    drawn = [_grid(_halves(most), "{:,.0f}".format)]
    if not any(any(each.values) for each in series):
        drawn.append(NOTHING)
    groups = max((len(each.values) for each in series), default=1)
    wide = SQUARE_WIDTH / groups / len(series)
    for number, each in enumerate(series, 1):
        for at, value in enumerate(each.values):
            if not value:
                continue
            # What is not zero is always seen.
            tall = max(value / most * SQUARE_HEIGHT, 1.5)
            x = LEFT + (at * len(series) + number - 1) * wide
            drawn.append(
                Markup('<rect class="bar s{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
                    number, x, TOP + SQUARE_HEIGHT - tall, max(wide - 0.6, 0.6), tall
                )
            )
    for value in (low, (low + high) / 2, high):
        drawn.append(
            Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{:.2f}</text>').format(
                min(_across(value, low, high), WIDTH - RIGHT - 12), HEIGHT - 6, value
            )
        )
    if mark is not None and low <= mark <= high:
        x = _across(mark, low, high)
        drawn.append(
            Markup('<line class="mark" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>').format(
                x, TOP, TOP + SQUARE_HEIGHT
            )
        )
    return _svg(title, ", ".join(f"{each.name} {sum(v or 0 for v in each.values):,.0f}" for each in series), drawn)


def _end(most: float, least: float) -> float:
    """Return a round number that is no less than either."""
    most = max(most, least)
    if not LEAST < most < math.inf:
        return 1.0
    size = 10.0 ** math.floor(math.log10(most))
    # Not below it by the error of a float.
    return max(most, next(each * size for each in (*ROUND, 20) if each * size >= most * (1 - 1e-9)))


def _across(value: float, low: float, high: float) -> float:
    return LEFT + (value - low) / (high - low) * SQUARE_WIDTH


def _halves(most: float) -> list[float]:
    return [0.0, most / 2, most]


def _decades(values: Sequence[float]) -> list[float]:
    """Return the powers of ten around values, two at least."""
    powers = [math.log10(value) for value in values if value > 0] or [0.0]
    low = math.floor(min(powers))
    return [10.0**power for power in range(low, max(math.ceil(max(powers)), low + 1) + 1)]


def _up(value: float, ticks: Sequence[float], decades: bool) -> float:
    share = math.log(max(value / ticks[0], 1.0), ticks[-1] / ticks[0]) if decades else value / ticks[-1]
    return TOP + (1 - share) * SQUARE_HEIGHT


def _grid(ticks: Sequence[float], say: Callable[[float], str]) -> Markup:
    drawn = Markup()
    for number, value in enumerate(ticks):
        y = TOP + (1 - number / (len(ticks) - 1)) * SQUARE_HEIGHT
        drawn += Markup(
            '<line class="grid" x1="{0}" x2="{1}" y1="{2:.1f}" y2="{2:.1f}"/>'
            '<text class="tick" x="{3}" y="{4:.1f}" text-anchor="end">{5}</text>'
        ).format(LEFT, WIDTH - RIGHT, y, LEFT - 6, y + 4, say(value))
    return drawn


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    parts, pen = [], "M"
    for number, point in enumerate(points):
        if point is None:
            pen = "M"
            continue
        parts.append(f"{pen}{point[0]:.1f} {point[1]:.1f}")
        alone = pen == "M" and (number + 1 == len(points) or points[number + 1] is None)
        if alone:
            parts.append("h1")
        pen = "L"
    return "".join(parts)


def _told(series: Sequence[Series], say: Callable[[float], str]) -> str:
    """Return the last and the largest of each line, in words."""
    said = []
    for each in series:
        known = [value for value in each.values if value is not None and math.isfinite(value)]
        said.append(
            f"{each.name} {say(known[-1])} last, {say(max(known))} at most" if known else f"{each.name} nothing"
        )
    return "; ".join(said)


def _svg(title: str, told: str, drawn: Sequence[Markup]) -> Markup:
    # role="img" hides what is inside from screen readers, who get the label.
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}: {}">{}</svg>').format(
        WIDTH, HEIGHT, title, told, escape(Markup().join(drawn))
    )
