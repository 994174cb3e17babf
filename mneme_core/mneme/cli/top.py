"""`mneme top`: a cache at work, seen from another process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.live import Live

from mneme.cli.failing import exits
from mneme.cli.shared import LONGEST, AsJson, Cache, PricesName, as_values, prices_named, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mneme.prices import Prices
    from mneme.tools.looking import View

# Counting entries reads the whole table; everything else is a few rows.
RECOUNT_SECONDS = 10.0


def command(
    cache: Cache,
    interval: Annotated[float, typer.Option(min=0.2, max=LONGEST, help="Seconds between two frames.")] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Print one frame and end.")] = False,
    prices: PricesName = None,
    as_json: AsJson = False,
) -> None:
    """Watch a cache that other processes use: hit ratio, latency, similarities, savings. Reads only; Ctrl-C ends it.

    With --json every frame is a line.
    """
    with exits():
        frames = _views(cache, prices_named(prices), interval, once)
        try:
            if as_json:
                for view in frames:
                    print_json(as_values(view))
            else:
                _show(frames, once)
        except KeyboardInterrupt:
            return


def _show(frames: Iterator[View], once: bool) -> None:
    from mneme.cli.frame import frame

    console, before = Console(), None
    if once or not console.is_terminal or console.is_dumb_terminal:  # which cannot go back to draw over the last frame
        for view in frames:
            console.print(frame(view, before, width=console.width))
            before = view
        return
    first = next(frames)
    with Live(frame(first, None, width=console.width), console=console, screen=True, auto_refresh=False) as live:
        before = first
        for view in frames:
            live.update(frame(view, before, width=console.width), refresh=True)
            before = view


def _views(cache: str, prices: Prices | None, interval: float, once: bool) -> Iterator[View]:
    from mneme.tools.looking import look

    sizes, counted = None, 0.0
    while True:
        now = time.monotonic()
        if now - counted >= RECOUNT_SECONDS:
            sizes, counted = None, now
        view, sizes = look(cache, prices=prices, sizes=sizes)
        yield view
        if once:
            return
        time.sleep(interval)
