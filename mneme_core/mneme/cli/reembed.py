"""`mneme reembed`: the same answers under another embedder."""

from __future__ import annotations

from typing import Annotated

import typer

from mneme.cli.counting import patient
from mneme.cli.failing import exits
from mneme.cli.keys import KeysFile, with_keys
from mneme.cli.shared import AsJson, file_of, print_json, print_lines
from mneme.tools.embedding import MOST
from mneme.tools.loading import load_embedder
from mneme.tools.migrate import reembed


def command(
    source: Annotated[str, typer.Argument(metavar="CACHE", help="The cache's file. It stays as it is.")],
    dest: Annotated[str, typer.Argument(metavar="NEW_CACHE", help="The new file.")],
    embedder: Annotated[str, typer.Option(help="MODULE:ATTRIBUTE, the new embedder or what makes one.")],
    namespace: Annotated[list[str], typer.Option(help="Copy this namespace alone; can be given several times.")] = [],  # noqa: B006
    batch_size: Annotated[int, typer.Option(min=1, max=MOST, help="Texts that are embedded in one call.")] = 64,
    keys: KeysFile = None,
    as_json: AsJson = False,
) -> None:
    """Copy a cache into a new file with the vectors of another embedder. The new file appears when it is whole.

    With keys the new file is encrypted.
    """
    with exits(), patient("Embedding") as progress:
        number = reembed(
            with_keys(str(file_of(source, "reembed")), keys),
            with_keys(str(file_of(dest, "reembed")), keys),
            load_embedder(embedder),
            batch_size=batch_size,
            progress=progress,
            namespaces=namespace or None,
        )
    if as_json:
        print_json({"path": dest, "entries": number})
    else:
        print_lines([f"{number:,} entries in {dest}"])
