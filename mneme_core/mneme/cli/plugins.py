"""`mneme plugins`: what was found, and what became of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from mneme.cli.shared import plain, print_json
from mneme.cli.tables import print_table

if TYPE_CHECKING:
    from mneme.plugins.manager import PluginInfo


def command(as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False) -> None:
    """List the plugins: where each comes from, its hooks, and why one is not in use."""
    from mneme.plugins import get_plugin_manager

    plugins = get_plugin_manager().plugins()
    if as_json:
        print_json([asdict(plugin) for plugin in plugins])
    else:
        print_table(_table(plugins))


def _table(plugins: list[PluginInfo]) -> Table:
    table = Table()
    for column in ("plugin", "from", "status", "hooks"):
        table.add_column(column, overflow="fold")
    for plugin in plugins:
        colour = {"active": "green", "broken": "red"}.get(plugin.status, "yellow")
        status = f"[{colour}]{plugin.status}[/]" + (f": {plain(plugin.error)}" if plugin.error else "")
        hooks = ", ".join(hook.removeprefix("mneme_") for hook in plugin.hooks)
        table.add_row(plain(plugin.name), plain(plugin.origin), status, hooks)
    return table
