"""`mneme demo`: replay requests through real clients over one cache."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mneme.cli.failing import BAD_DATA, exits
from mneme.cli.shared import harmless, print_json
from mneme.demo import report
from mneme.demo.run import DEFAULT_THRESHOLD, PLOT, REPORT, Demo
from mneme.demo.summary import Summary
from mneme.demo.traffic import SHIPPED, BadLineError, DemoRequest, load

DATA_HELP = (
    'Your own requests, JSON lines: "messages" as OpenAI takes them, or "prompt". Optional: "truth" (names '
    "the right answer; equal where one answer serves both; without it wrong hits are unknown), "
    '"id", "tenant", "client" (decorator, langchain, llama_index), "kind", "answer" (what the model replies).'
)


def command(
    data: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, show_default="the shipped set", help=DATA_HELP)
    ] = SHIPPED,
    out: Annotated[Path, typer.Option(file_okay=False, help="Where the cache, report and plot go.")] = Path(
        "demo-output"
    ),
    threshold: Annotated[
        float, typer.Option(min=-1, max=1, help="Similarity from which an answer is served.")
    ] = DEFAULT_THRESHOLD,
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Requests under way at once.")] = 8,
    latency: Annotated[
        float, typer.Option(min=0, max=100, help="Multiplies the model's delay of 0.2 to 0.6 s; 0 is none.")
    ] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Replay requests through three real clients over one cache, offline, and count right and wrong answers.

    The model is a stand-in on loopback that knows the right answer to every shipped request.

    Wrong hits are shown and do not change the exit code.
    """
    try:
        requests = load(data)
    except BadLineError as error:
        typer.echo(f"Error: {harmless(str(error))}", err=True)
        raise typer.Exit(BAD_DATA) from error
    demo = Demo(out, threshold=threshold, concurrency=concurrency, latency=latency)
    with exits():
        try:
            summary = _run(demo, requests)
        except ImportError as error:
            raise ImportError(f'The demo needs its extra: pip install "mneme-middleware[demo]" ({error})') from error
    if as_json:
        print_json(asdict(summary))
        return
    console = Console()
    report.show(summary, console)
    console.print(f"Plot: {out / PLOT}   Report: {out / REPORT}", highlight=False)


def _run(demo: Demo, requests: list[DemoRequest]) -> Summary:
    """Run under a progress bar on stderr, so that stdout holds the report alone."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("Asking", total=len(requests))
        return asyncio.run(demo.run(requests, lambda: progress.advance(task)))
