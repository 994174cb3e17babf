"""The charts of the overview."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from mneme.dashboard import charts
from mneme.dashboard.charts import Series
from mneme.dashboard.sampling import Step
from mneme.tools.wording import duration, money

# Of a chart's table; the chart has all.
MOST_ROWS = 30
PERCENT_NAMES = ("p50", "p95", "p99")


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its table."""

    title: str
    names: tuple[str, ...]
    svg: Markup
    rows: list[tuple[str, ...]]
    """The time, and each line's value."""


def charts_of(steps: Sequence[Step], currency: str | None) -> list[Chart]:
    """Return the charts; none before there are two samples."""
    if not steps:
        return []
    times = [step.time for step in steps]

    def chart(
        title: str, series: Sequence[Series], say: Callable[[float], str], *, least: float = 0.0, decades: bool = False
    ) -> Chart:
        rows = [
            (_clock(when), *("–" if value is None else say(value) for value in values))
            for when, *values in zip(times, *(each.values for each in series), strict=True)
        ]
        every = -(-len(rows) // MOST_ROWS)
        return Chart(
            title,
            tuple(each.name for each in series),
            charts.lines(title, times, series, say, least=least, decades=decades),
            rows[::-every],
        )

    rates = zip(*(step.rates for step in steps), strict=True)
    names = ("exact hits", "semantic hits", "misses")
    tokens = [float(step.saved.saved_input_tokens + step.saved.saved_output_tokens) for step in steps]
    seconds = [step.saved.saved_seconds for step in steps]
    drawn = [
        chart(
            "Lookups a second",
            [Series(name, values) for name, values in zip(names, rates, strict=True)],
            "{:,.3g}".format,
        ),
        chart(
            "Latency of lookups that were timed",
            [Series(name, [step.latency[at] for step in steps]) for at, name in enumerate(PERCENT_NAMES)],
            duration,
            decades=True,
        ),
        chart("Saved tokens, in all", [Series("tokens", tokens)], "{:,.0f}".format, least=2.0),
        chart("Saved time, in all", [Series("time", seconds)], "{:,.1f} s".format),
    ]
    if currency is not None:
        costs = [step.saved.saved_cost for step in steps]
        drawn.append(chart("Saved money, in all", [Series("money", costs)], lambda value: money(value, currency)))
    return drawn


def _clock(when: float) -> str:
    return datetime.fromtimestamp(when).strftime("%H:%M:%S")
