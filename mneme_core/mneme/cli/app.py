"""The commands, put together. Each lives in a module of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import mneme
from mneme.cli import (
    archive,
    calibrate,
    copying,
    dashboard,
    decisions,
    demo,
    doctor,
    evaluate,
    explain,
    importing,
    inspect,
    plugins,
    reembed,
    report_wrong,
    stats,
    top,
)
from mneme.cli.ending import INTERRUPTED
from mneme.cli.shared import CODES

EPILOG = (
    "Exit codes: 0 it ran; 1 something is not installed or failed; 2 wrong usage or no such file; "
    "3 no such entry; 4 nothing meets the demands; 5 what was given cannot be used."
)


class Commands(TyperGroup):
    """The commands, which Ctrl-C ends with one exit code under every version of Typer."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise typer.Exit(INTERRUPTED) from error


app = typer.Typer(
    name="mneme",
    cls=Commands,
    # A plain traceback of what is a fault of Mneme's own shows no values: one of them might be a key.
    pretty_exceptions_enable=False,
    help="A semantic cache for LLM calls.",
    epilog=EPILOG,
    no_args_is_help=True,
)
app.command("stats", epilog=CODES)(stats.command)
app.command("top", epilog=CODES)(top.command)
app.add_typer(inspect.app, name="inspect")
app.command("explain", epilog=CODES)(explain.command)
app.command("decisions", epilog=CODES)(decisions.command)
app.command("report-wrong", epilog=CODES)(report_wrong.command)
app.command("calibrate", epilog=EPILOG)(calibrate.command)
app.command("dashboard", epilog=CODES)(dashboard.command)
app.command("demo", epilog=EPILOG)(demo.command)
app.command("doctor", epilog=doctor.EPILOG)(doctor.command)
app.command("evaluate", epilog=EPILOG)(evaluate.command)
app.command("import", epilog=EPILOG)(importing.command)
app.command("reembed", epilog=CODES)(reembed.command)
app.command("copy", epilog=CODES)(copying.command)
app.command("dump", epilog=CODES)(archive.dump)
app.command("load", epilog=CODES)(archive.load)
app.command("vacuum", epilog=CODES)(archive.vacuum)
app.command("plugins", epilog=EPILOG)(plugins.command)


def _version(as_json: bool) -> None:
    typer.echo(json.dumps({"version": mneme.__version__}) if as_json else f"mneme {mneme.__version__}")


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --version: as JSON.")] = False,
) -> None:
    if str(Path.cwd()) not in sys.path:  # MODULE:ATTRIBUTE may be a file beside one's data; it hides nothing installed
        sys.path.append(str(Path.cwd()))
    if as_json and not version:
        raise typer.BadParameter("--json stands behind a command: mneme stats CACHE --json.")
    if version:
        _version(as_json)
        raise typer.Exit
