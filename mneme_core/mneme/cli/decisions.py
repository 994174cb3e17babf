"""`mneme decisions`: what a cache decided, as an audit trail tells it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from mneme.cli.failing import exits
from mneme.cli.shared import AsJson, print_json, print_lines, working
from mneme.tools.trail import TOLD, Sought, read_trail

SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h|d)")
SECONDS: Final = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}

SINCE_HELP = 'Not before: a span as in "90min", "12h", "3d", or a moment as in "2026-11-28T17:00".'


def command(
    trail: Annotated[
        Path, typer.Argument(metavar="TRAIL", exists=True, dir_okay=False, help="The file of an AuditTrail.")
    ],
    text: Annotated[
        str | None,
        typer.Argument(help="What stands in the question or in that of the entry, or how a key of theirs begins."),
    ] = None,
    outcome: Annotated[
        list[str], typer.Option(metavar="|".join(TOLD), help="With this outcome. Can be given several times.")
    ] = [],  # noqa: B006
    namespace: Annotated[str | None, typer.Option(help="Of this namespace alone.")] = None,
    since: Annotated[str | None, typer.Option(help=SINCE_HELP)] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many at most, the newest.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show what was asked, what was served or refused, and why, from the file of an AuditTrail. Reads only."""
    for one in outcome:
        if one not in TOLD:
            raise typer.BadParameter(f"--outcome is {one!r}; it is one of {', '.join(TOLD)}.")
    sought = Sought(text, namespace, tuple(outcome), None if since is None else _moment(since))
    with exits(), working("Reading"):
        found = read_trail(trail, sought, limit=limit)
    if as_json:
        print_json({"decisions": found.decisions, "found": found.number, "read": found.read})
        return
    print_lines([line for decision in found.decisions for line in _said(decision)])
    torn = f"; {found.unreadable:,} lines cannot be read" if found.unreadable else ""
    print_lines([f"{len(found.decisions):,} of {found.number:,} decisions{torn}"])


def _moment(text: str) -> float:
    """Return a moment, seconds since the epoch; raises BadParameter."""
    if span := SPAN.fullmatch(text.strip()):
        return time.time() - float(span[1]) * SECONDS[span[2]]
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise typer.BadParameter(f"--since is {text!r}: {SINCE_HELP[0].lower()}{SINCE_HELP[1:]}") from error


def _said(decision: dict[str, Any]) -> Iterator[str]:
    """Yield the lines for one decision; a field that the trail was told to leave out is left out."""
    get = decision.get
    when = datetime.fromtimestamp(decision["time"]).strftime("%Y-%m-%d %H:%M:%S")
    outcome = decision["outcome"] + (f", {get('reason')}" if get("reason") else "")
    yield f"{when}  {get('namespace')}  {outcome}"
    yield f"  asked     {_line(get('query', '(not in the trail)'))}   key {str(get('key'))[:8]}"
    if get("entry") and get("layer") != "exact":
        name = "served" if get("layer") else "nearest"
        similarity = f"   {get('similarity'):.4f}" if isinstance(get("similarity"), int | float) else ""
        yield f"  {name:<8}  {_line(get('matched', '(not in the trail)'))}   entry {str(get('entry'))[:8]}{similarity}"
        yield f"  because   {_line(get('verdict', '(not in the trail)'))}"


def _line(text: object) -> str:
    return " ".join(str(text).split())
