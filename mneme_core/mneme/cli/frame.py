"""One frame of `mneme top`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from mneme.cli.shared import plain
from mneme.engine.measures import percentiles
from mneme.tools.wording import duration, money, percent

if TYPE_CHECKING:
    from mneme.tools.looking import Counted, View

BARS = " ▁▂▃▄▅▆▇█"
# Below half a neighbour is no neighbour.
LOWEST, STEP = 50, 2
SLOWEST = 8
# Columns that the tables take.
WIDTH = 56


def frame(view: View, before: View | None, *, width: int = WIDTH) -> RenderableType:
    """Return what is to be seen of a view; `before` is the last one, for what happens now. width: in columns."""
    total = view.total
    if width < WIDTH:
        return Group(*(Text.from_markup(line) for line in _narrow(view, before)))
    head = Table.grid(padding=(0, 3))
    head.add_row(*_ratio(view, before), f"entries  {total.entries:,}", f"evicted  {total.evictions:,}")
    head.add_row(*_saved(view))
    when = datetime.fromtimestamp(view.taken_at).strftime("%H:%M:%S")
    return Group(
        Panel(head, title=f"{plain(view.url)}  {when}", title_align="left"),
        _latency(total),
        _similarity(total),
        _slowest(view),
    )


def _narrow(view: View, before: View | None) -> list[str]:
    total = view.total
    taken = [f"{of} p95  {duration(found.p95)}" for of, found in total.latency.items()]
    return [
        *_ratio(view, before),
        f"entries  {total.entries:,}",
        f"evicted  {total.evictions:,}",
        *_saved(view),
        *taken,
    ]


def _ratio(view: View, before: View | None) -> list[str]:
    total = view.total
    cells = [f"hit ratio  {percent(total.hit_ratio)}", f"lookups  {total.lookups:,}"]
    if before is not None:
        seconds = max(view.taken_at - before.taken_at, 1e-9)
        asked = total.lookups - before.total.lookups
        hits = asked - (total.misses - before.total.misses)
        share = hits / asked if asked > 0 else None
        cells = [f"{cells[0]}, now {percent(share)}", f"{cells[1]}, now {max(asked, 0) / seconds:,.0f} a second"]
    return cells


def _saved(view: View) -> list[str]:
    total = view.total
    cells = [
        f"saved  {total.saved_seconds:,.0f} s",
        f"{total.saved_input_tokens:,} input tokens",
        f"{total.saved_output_tokens:,} output tokens",
    ]
    if total.saved_cost is not None:
        cells.append(
            f"{plain(money(total.saved_cost, view.currency))} at prices of {plain(view.prices_date or 'no known date')}"
        )
    return cells


def _latency(total: Counted) -> Table:
    table = Table(title="latency", title_justify="left")
    table.add_column("outcome")
    for column in ("p50", "p95", "p99", "timed"):
        table.add_column(column, justify="right")
    for of, found in total.latency.items():
        table.add_row(of, *map(duration, (found.p50, found.p95, found.p99)), f"{found.timed:,}")
    return table


def _similarity(total: Counted) -> RenderableType:
    text = Text()
    for of, colour in (("accepted", "green"), ("refused", "red")):
        bins = binned(total.similarity[of])
        text.append(f"{of:<9}", colour).append(bars(bins), colour).append(f"  {sum(total.similarity[of]):,}\n")
    text.append(f"{'':9}{LOWEST / 100:<12.2f}{'similarity':<11}1.00")
    return Panel(text, title="nearest neighbours", title_align="left", expand=False)


def binned(buckets: Sequence[int]) -> list[int]:
    """Return a similarity histogram from 0.5 up, in steps of 0.02; what is 1.0 counts into the last."""
    whole = [*buckets[:-2], buckets[-2] + buckets[-1]]
    return [sum(whole[at : at + STEP]) for at in range(LOWEST, len(whole), STEP)]


def bars(numbers: Sequence[int]) -> str:
    """Return numbers as bars, the largest full; what is not zero is always seen."""
    most = max(numbers, default=0)
    return "".join(BARS[0 if not number else max(1, round(number / most * (len(BARS) - 1)))] for number in numbers)


def _slowest(view: View) -> Table:
    table = Table(title="slowest namespaces", title_justify="left")
    table.add_column("namespace", overflow="fold")
    for column in ("p95 of all lookups", "hit ratio", "lookups"):
        table.add_column(column, justify="right")
    timed = [(slow, each) for each in view.namespaces if (slow := _p95(each)) is not None]
    for slow, counted in sorted(timed, key=lambda pair: -pair[0])[:SLOWEST]:
        name = plain(counted.namespace or "") or "(empty)"
        table.add_row(name, duration(slow), percent(counted.hit_ratio), f"{counted.lookups:,}")
    return table


def _p95(counted: Counted) -> float | None:
    """Return what 95 % of a namespace's lookups stay below, each outcome as often as it was counted."""
    often = {"exact": counted.hits_exact, "semantic": counted.hits_semantic, "miss": counted.misses}
    length = len(counted.latency["exact"].buckets)
    mixed = [0.0] * length
    for of, found in counted.latency.items():
        for at, number in enumerate(found.buckets):
            mixed[at] += number * often[of] / found.timed if found.timed else 0.0
    (slow,) = percentiles([round(number * 100) for number in mixed], [0.95])
    return slow
