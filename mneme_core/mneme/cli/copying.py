"""`mneme copy`: a cache at another place too."""

from __future__ import annotations

from typing import Annotated

import typer

from mneme.cli.counting import patient
from mneme.cli.failing import exits
from mneme.cli.keys import KeysFile, with_keys
from mneme.cli.shared import AsJson, Cache, print_json, print_lines
from mneme.tools.copying import copy


def command(
    cache: Cache,
    dest: Annotated[str, typer.Argument(metavar="TO", help="A file or URL, where a cache is or is to be.")],
    keys: KeysFile = None,
    as_json: AsJson = False,
) -> None:
    """Copy a cache's entries into another: from a file to Postgres or Redis, or back.

    Either may be in use. Where both have an answer to the same request the newer stays, so an interrupted copy is gone
    on with by another. With keys the copy is encrypted.
    """
    with exits(), patient("Copying") as progress:
        number = copy(with_keys(cache, keys), with_keys(dest, keys), progress=progress)
    if as_json:
        print_json({"entries": number})
    else:
        print_lines([f"{number:,} entries copied"])
