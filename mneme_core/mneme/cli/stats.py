"""`mneme stats`: what a cache has counted, by namespace."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.table import Table

from mneme.cli.failing import exits
from mneme.cli.shared import (
    AsJson,
    Cache,
    PricesName,
    as_values,
    plain,
    prices_named,
    print_json,
    print_lines,
    working,
)
from mneme.cli.tables import print_table
from mneme.tools.wording import money, percent

if TYPE_CHECKING:
    from mneme.model import Saving
    from mneme.tools.looking import Counted, View

# As many namespaces are listed for people, those asked most; --json has all.
SHOWN = 20
# Seconds that are shown as more than 0.0.
SHORTEST = 0.05


def command(cache: Cache, prices: PricesName = None, as_json: AsJson = False) -> None:
    """Show hits, misses, evictions and what was saved, by namespace. Reads only.

    Programs that use the cache write what they count about once a second.
    """
    from mneme.tools.looking import look

    with exits(), working("Reading"):
        view, _ = look(cache, prices=prices_named(prices))
    if as_json:
        print_json(as_values(view))
    else:
        show(view)


def show(view: View) -> None:
    """Print the view as tables."""
    print_table(_namespaces(view))
    if view.total.savings:
        print_table(_models(view))
    print_lines(notes(view))


def notes(view: View) -> list[str]:
    """Return what is to be known of the numbers."""
    said = []
    if len(view.namespaces) > SHOWN:
        said.append(f"{len(view.namespaces) - SHOWN:,} namespaces more; --json has all.")
    if view.prices_date is not None:
        said.append(f"Prices as of {view.prices_date or 'an unknown date'}: list prices are not what you pay.")
        without = [each.usage.model or "(unknown)" for each in view.total.savings if each.cost is None]
        if without:
            said.append(f"Not in the prices, and not in the money: {', '.join(without)}.")
    elif view.total.savings:
        said.append("Money needs prices: --prices FILE, or --prices shipped.")
    return said


def _namespaces(view: View) -> Table:
    table = Table(title=plain(view.url), title_justify="left", show_edge=False)
    table.add_column("namespace", overflow="fold", min_width=len("namespace"))
    columns = _columns(view)
    for column in columns:
        table.add_column(column, justify="right", overflow="fold", min_width=max(map(len, column.split())))
    for counted in sorted(view.namespaces, key=lambda each: -each.lookups)[:SHOWN]:
        name = plain(counted.namespace or "") or "(empty)"
        table.add_row(name, *(cell(counted) for cell in columns.values()))
    if len(view.namespaces) != 1:
        table.add_section()
        table.add_row("all", *(cell(view.total) for cell in columns.values()))
    return table


def _columns(view: View) -> dict[str, Callable[[Counted], str]]:
    """Return what is shown of each namespace; what was counted nowhere is left out, as terminals are narrow."""
    columns: dict[str, Callable[[Counted], str]] = {
        "entries": lambda of: f"{of.entries:,}",
        "exact": lambda of: f"{of.hits_exact:,}",
        "semantic": lambda of: f"{of.hits_semantic:,}",
        "misses": lambda of: f"{of.misses:,}",
        "hit ratio": lambda of: percent(of.hit_ratio),
    }
    total = view.total
    if total.evictions:
        columns["evicted"] = lambda of: f"{of.evictions:,}"
    if total.saved_seconds >= SHORTEST:
        columns["saved s"] = lambda of: f"{of.saved_seconds:,.1f}"
    # The tokens are listed by model; beside the money they would be too wide.
    if view.currency is None and total.saved_input_tokens + total.saved_output_tokens:
        columns["saved tokens"] = lambda of: f"{of.saved_input_tokens + of.saved_output_tokens:,}"
    if view.currency is not None:
        columns["saved"] = lambda of: plain(money(of.saved_cost, view.currency))
    return columns


def _models(view: View) -> Table:
    table = Table(title="saved tokens", title_justify="left")
    table.add_column("model", overflow="fold")
    columns: dict[str, Callable[[Saving], str]] = {"input": lambda of: f"{of.usage.input_tokens:,}"}
    if any(saving.usage.cached_input_tokens for saving in view.total.savings):
        columns["of it cached"] = lambda of: f"{of.usage.cached_input_tokens:,}"
    columns["output"] = lambda of: f"{of.usage.output_tokens:,}"
    if view.currency is not None:
        columns["worth"] = lambda of: plain(money(of.cost, view.currency)) or "no price"
    for column in columns:
        table.add_column(column, justify="right")
    for saving in view.total.savings:
        table.add_row(plain(saving.usage.model) or "(unknown)", *(cell(saving) for cell in columns.values()))
    return table
