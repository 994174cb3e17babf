"""`mneme doctor`: what a cache file is, what is wrong with it, and what can be read of it all the same."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mneme.cli.failing import BAD_DATA, exits
from mneme.cli.shared import harmless, print_json, print_lines
from mneme.errors import CorruptCacheError

if TYPE_CHECKING:
    from mneme.tools.examining import Findings
    from mneme.tools.salvage import Recovered

EPILOG = (
    "Exit codes: 0 nothing is wrong, or rows were recovered; 1 something is not installed or failed; 2 wrong usage or "
    "no such file; 5 something is wrong with the file, or nothing can be recovered."
)
SALVAGE_HELP = "Recover every row that can be read into a new cache file. Close every cache over the damaged one first."
EMBEDDER_HELP = "With --salvage, where the file no longer says what filled it: MODULE:ATTRIBUTE, the embedder."
RECOVER = "mneme doctor PATH --salvage NEW_PATH"
# As many namespaces are listed for people; --json has all.
SHOWN = 20


def command(
    path: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A cache file.")],
    salvage: Annotated[Path | None, typer.Option(dir_okay=False, metavar="NEW_PATH", help=SALVAGE_HELP)] = None,
    embedder: Annotated[str | None, typer.Option(help=EMBEDDER_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Say what a cache file is and whether it is whole; reads every page and changes nothing."""
    if salvage is not None:
        _salvage(path, salvage, embedder, as_json)
        return
    if embedder is not None:
        raise typer.BadParameter("--embedder needs --salvage.")
    from mneme.tools.examining import examine

    with exits():
        found = examine(path)
    if as_json:
        print_json({**asdict(found), "sound": found.is_sound})
    else:
        _show(_findings(found))
    if not found.is_sound:
        raise typer.Exit(BAD_DATA)


def _salvage(path: Path, dest: Path, embedder: str | None, as_json: bool) -> None:
    from mneme.tools.loading import load_embedder
    from mneme.tools.salvage import salvage

    with exits():
        try:
            recovered = salvage(path, dest, embedder=load_embedder(embedder) if embedder else None)
        except CorruptCacheError as error:
            typer.echo(f"Error: {harmless(str(error))}", err=True)
            raise typer.Exit(BAD_DATA) from error
    if as_json:
        print_json({"path": str(dest), **asdict(recovered)})
    else:
        _show(_recovered(dest, recovered))


def _findings(found: Findings) -> list[str]:
    lines = [f"{found.path}   {found.size_bytes:,} bytes, its log {found.log_bytes:,}"]
    if found.schema_version is not None:
        lines.append(f"schema    version {found.schema_version}, this Mneme knows up to {found.newest_schema}")
    if found.fingerprint is not None:
        encrypted = ", encrypted" if found.encrypted else ""
        lines.append(f"embedder  {found.fingerprint}, {found.dim} numbers, normalize {found.normalize}{encrypted}")
    if found.entries is not None:
        lines.append(f"entries   {found.entries:,}, {found.searchable:,} with a vector, {found.expired:,} expired")
    shown = sorted(found.namespaces.items(), key=lambda item: -item[1])[:SHOWN]
    lines += [f"  {number:>9,}  {namespace}" for namespace, number in shown]
    if len(found.namespaces) > SHOWN:
        lines.append(f"  and {len(found.namespaces) - SHOWN:,} namespaces more")
    if found.free_bytes:
        lines.append(f"free      {found.free_bytes:,} bytes inside the file")
    lines += [f"problem   {problem}" for problem in [*found.problems, *found.integrity]]
    lines += [f"warning   {warning}" for warning in found.warnings]
    lines.append(_remedy(found))
    return lines


def _remedy(found: Findings) -> str:
    if found.is_sound:
        return "nothing is wrong"
    if found.importable is not None:
        return (
            f"it is a file of {found.importable}; to take its entries over: mneme import {found.path} --into NEW_PATH"
        )
    if found.is_foreign:
        return "it is no cache that Mneme knows; `mneme import` reads those of mneme-cache, GPTCache and LangChain"
    if not found.is_database:
        return f"if it was a cache before it was damaged, to recover what can be read: {RECOVER}; else it never was one"
    return f"to recover what can be read: {RECOVER}"


def _recovered(dest: Path, recovered: Recovered) -> list[str]:
    lost = f"{'' if recovered.is_lost_exact else 'at least '}{recovered.lost_entries:,}"
    return [
        f"{recovered.entries:,} entries recovered into {dest}, {lost} lost",
        f"{recovered.unreadable_bytes:,} bytes in pages that cannot be read, {recovered.missing_bytes:,} bytes cut "
        f"off, {recovered.refused_rows:,} rows refused",
        f"embedder  {recovered.identity.unsealed().fingerprint}, {recovered.identity.unsealed().dim} numbers",
    ]


def _show(lines: list[str]) -> None:
    print_lines(lines)
