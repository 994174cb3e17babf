"""Tables on a terminal, and as lists where that is too narrow for them."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

# Of a cell, before it may be folded; and what stands beside it.
LEAST_CELL, BORDER = 12, 3


def print_table(table: Table) -> None:
    """Print a table; row by row, a cell a line, where folding it into the terminal would leave nothing to read."""
    console = Console()
    if sum(map(_needed, table.columns)) <= console.width:
        console.print(table)
    else:
        console.print(Text("\n").join(_lines(console, table)), soft_wrap=True)


def _needed(column: Column) -> int:
    words = (len(word) for cell in column.cells for word in str(cell).split())
    heading = max(map(len, str(column.header).split()), default=0)
    return BORDER + max(heading, min(max(words, default=0), LEAST_CELL))


def _lines(console: Console, table: Table) -> Iterator[Text]:
    if table.title:
        yield _text(console, table.title)
    for row in zip(*(column.cells for column in table.columns), strict=True):
        for column, cell in zip(table.columns, row, strict=True):
            if column.header:
                yield Text(" ".join(str(column.header).split()), "bold").append("  ").append(_text(console, cell))
            else:
                yield _text(console, cell)
        yield Text("")


def _text(console: Console, cell: object) -> Text:
    return cell if isinstance(cell, Text) else console.render_str(str(cell))
