"""`mneme stats`: what a cache has counted, by namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mneme.cli.failing import exits
from mneme.cli.shared import AsJson, Cache, PricesName, as_values, prices_named, print_json, working
from mneme.tools.wording import money, percent

if TYPE_CHECKING:
    from mneme.tools.looking import Counted, View

# As many namespaces are listed for people, those asked most; --json has all.
SHOWN = 20


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
    console = Console()
    console.print(_namespaces(view))
    if view.total.savings:
        console.print(_models(view))
    for note in notes(view):
        console.print(escape(note), highlight=False, soft_wrap=True)


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
    table = Table(title=escape(view.url), title_justify="left")
    table.add_column("namespace", overflow="fold")
    for column in ("entries", "exact", "semantic", "misses", "hit ratio", "evicted", "saved s", "saved tokens"):
        table.add_column(column, justify="right")
    if view.currency is not None:
        table.add_column("saved", justify="right")
    asked = sorted(view.namespaces, key=lambda each: -each.lookups)[:SHOWN]
    for counted in asked:
        table.add_row(*_cells(counted, view))
    if len(view.namespaces) != 1:
        table.add_section()
        table.add_row(*_cells(view.total, view))
    return table


def _cells(counted: Counted, view: View) -> list[str]:
    numbers: list[Any] = [counted.entries, counted.hits_exact, counted.hits_semantic, counted.misses]
    name = "all" if counted.namespace is None else escape(counted.namespace) or "(empty)"
    cells = [name, *(f"{number:,}" for number in numbers), percent(counted.hit_ratio), f"{counted.evictions:,}"]
    cells += [f"{counted.saved_seconds:,.1f}", f"{counted.saved_input_tokens + counted.saved_output_tokens:,}"]
    return cells if view.currency is None else [*cells, money(counted.saved_cost, view.currency)]


def _models(view: View) -> Table:
    table = Table()
    table.add_column("model", overflow="fold")
    for column in ("saved input", "of it cached", "saved output"):
        table.add_column(column, justify="right")
    if view.currency is not None:
        table.add_column("saved", justify="right")
    for saving in view.total.savings:
        usage = saving.usage
        cells = [f"{each:,}" for each in (usage.input_tokens, usage.cached_input_tokens, usage.output_tokens)]
        cost = [] if view.currency is None else [money(saving.cost, view.currency) or "no price"]
        table.add_row(escape(usage.model) or "(unknown)", *cells, *cost)
    return table
