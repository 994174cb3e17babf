"""`mneme import`: fill a cache with what another one holds."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from mneme.cli.counting import patient
from mneme.cli.failing import exits
from mneme.cli.keys import KeysFile, with_keys
from mneme.cli.shared import print_json, print_lines
from mneme.tools.importing import ImportReport, import_entries
from mneme.tools.loading import load_embedder

FormatName = Literal["auto", "mneme-cache", "gptcache", "langchain"]

SOURCE_HELP = (
    "The SQLite file of a mneme-cache, of GPTCache's scalar store, or of LangChain's SQLiteCache. "
    "It is only read, and stays as it is."
)


def command(
    source: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help=SOURCE_HELP)],
    into: Annotated[Path, typer.Option("--into", dir_okay=False, help="The cache's file, new or filled.")],
    format: Annotated[FormatName, typer.Option(help="What wrote the source; auto looks at its tables.")] = "auto",
    embedder: Annotated[
        str, typer.Option(help="MODULE:ATTRIBUTE, the cache's embedder or what makes one.")
    ] = "mneme:default_embedder",
    namespace: Annotated[
        str | None,
        typer.Option(help="Where entries go, from a source that knows no namespaces.", show_default="default"),
    ] = None,
    keys: KeysFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Import the entries of another cache, and report what was skipped and why.

    A question that the cache answers already is left out, unless the source's answer is newer: an import that was
    interrupted can be run again. Entries that are skipped do not change the exit code. With keys, a new cache is
    encrypted.
    """
    with exits(), patient("Importing") as progress:
        report = import_entries(
            source,
            with_keys(str(into), keys),
            load_embedder(embedder),
            format=None if format == "auto" else format,
            namespace=namespace,
            progress=progress,
        )
    if as_json:
        print_json({"into": str(into), **asdict(report)})
    else:
        _show(report, source, into)


def _show(report: ImportReport, source: Path, into: Path) -> None:
    skipped = sum(reason.count for reason in report.skipped.values())
    lines = [
        f"{source} ({report.format}) into {into}: {report.imported:,} of {report.read:,} imported, "
        f"{report.present:,} already there, {skipped:,} skipped",
        f"vectors  {report.vectors_made:,} made, {report.vectors_reused:,} reused",
    ]
    if report.replaced:
        lines.append(f"{report.replaced:,} took the place of an older answer to the same question")
    if report.exact_only:
        lines.append(f"{report.exact_only:,} have no vector and serve the same request alone")
    lines += [
        f"skipped  {reason.count:,}  {name}  (first: {reason.example})" for name, reason in report.skipped.items()
    ]
    if not report.normalize:
        lines.append("The source tells questions apart by case and white space: open the cache with normalize=False.")
    print_lines(lines)
