"""The summary as tables on the terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mneme.demo.alone import Alone
from mneme.demo.summary import Summary, Tally


def _of(part: float, whole: float) -> str:
    return f"{part / whole:.0%}" if whole else "-"


def _wrong(tally: Tally) -> str:
    if tally.wrong_hits is None:
        return "unknown"
    colour = "red" if tally.wrong_hits else "green"
    unknown = f" ({tally.unknown_hits} unknown)" if tally.unknown_hits else ""
    return f"[bold {colour}]{tally.wrong_hits}[/] of {tally.requests - tally.calls}{unknown}"


def _missed(tally: Tally) -> str:
    return "unknown" if tally.missed is None else f"{tally.missed} of {tally.reusable}"


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"


def _alone(alone: Alone) -> str:
    if alone.wrong is None:
        return f"unknown of {alone.hits}"
    return f"[bold {'red' if alone.wrong else 'green'}]{alone.wrong}[/] of {alone.hits}"


WRONG: Final = "wrong hits"
ROWS: Final[tuple[tuple[str, Callable[[Tally], str]], ...]] = (
    ("requests", lambda t: f"{t.requests}"),
    ("calls made to the model", lambda t: f"{t.calls}"),
    ("exact hits", lambda t: f"{t.exact_hits}"),
    ("semantic hits", lambda t: f"{t.semantic_hits}"),
    (WRONG, _wrong),
    ("right answers not served", _missed),
    ("model time with the cache", lambda t: f"{t.model_seconds:.1f} s"),
    ("  without it, about", lambda t: f"{t.baseline_seconds:.1f} s"),
    ("  saved", lambda t: f"{t.saved_seconds:.1f} s ({_of(t.saved_seconds, t.baseline_seconds)})"),
    ("tokens with the cache", lambda t: f"{t.tokens:,}"),
    ("  without it, about", lambda t: f"{t.baseline_tokens:,}"),
    ("  saved", lambda t: f"{t.saved_tokens:,} ({_of(t.saved_tokens, t.baseline_tokens)})"),
    ("a hit takes (median)", lambda t: _milliseconds(t.hit_ms)),
    ("a call takes (median)", lambda t: _milliseconds(t.call_ms)),
)


def show(summary: Summary, console: Console) -> None:
    """Print the table of the run, then each wrong hit."""
    table = Table(
        title=f"{summary.total.requests} requests, similarity threshold {summary.threshold:g}",
        caption="Saved: what the answers served took when they were made. Wrong hits save nothing.",
    )
    table.add_column("")
    for name in ("all", *summary.clients):
        table.add_column(name, justify="right")
    for label, cell in ROWS:
        table.add_row(label, *map(cell, (summary.total, *summary.clients.values())))
        if label == WRONG and summary.alone is not None:
            table.add_row(f"  by a cosine of {summary.alone.threshold:g} alone", _alone(summary.alone))
    console.print(table)
    if summary.total.wrong_hits is None:
        console.print("The data state no truth, so nobody can say which hits were wrong.")
    elif summary.wrong:
        heading = f"Wrong hits ({len(summary.wrong)}): the answer to another question was served."
        console.print(f"[bold red]{heading}[/]")
        console.print(_wrong_hits(summary))
    elif not summary.total.unknown_hits:
        console.print("[green]No hit was wrong in this run.[/] That holds for these requests only.")


def _wrong_hits(summary: Summary) -> Table:
    table = Table(style="red")
    for column in ("similarity", "asked", "got the answer to", "client"):
        table.add_column(column, justify="right" if column == "similarity" else "left", overflow="fold")
    for wrong in summary.wrong:
        similarity = "-" if wrong.similarity is None else f"{wrong.similarity:.4f}"
        table.add_row(similarity, escape(wrong.question), escape(wrong.matched), wrong.client)
    return table
