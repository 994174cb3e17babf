"""`mneme dump` and `mneme load`: a cache as one archive file, and back. `mneme vacuum`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from mneme.cli.failing import exits
from mneme.cli.keys import KeysFile, with_keys
from mneme.cli.shared import AsJson, Cache, Yes, confirm, file_of, print_json, print_lines, working
from mneme.tools.keyed import keys_of
from mneme.tools.looking.opening import Stand, cache_over, reading


def dump(
    cache: Cache,
    archive: Annotated[Path, typer.Argument(dir_okay=False, help="The archive that is made, mode 0600.")],
    in_clear: Annotated[
        bool, typer.Option("--in-clear", help="An archive that anybody can read, of an encrypted cache with its keys.")
    ] = False,
    keys: KeysFile = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Write every entry to one archive file; other processes may go on writing meanwhile.

    The archive of an encrypted cache is encrypted with the same keys, and takes none to be made.
    """
    with exits():
        if archive.exists():
            confirm(f"{archive} is there already. Replace it?", yes)
        # Beside it first: that nobody wrote to the file meanwhile is known once all has been read.
        if not os.access(archive.absolute().parent, os.W_OK):
            raise PermissionError(f"{archive} cannot be written: its directory is missing, or read-only for this user.")
        beside = archive.with_name(f".{archive.name}.{os.getpid()}")
        try:
            place = with_keys(cache, keys) if in_clear else cache
            with working("Dumping"), reading(place) as (store, identity):
                opened = cache_over(store, identity)
                opened.dumps(beside, in_clear=in_clear)
                number = opened.stats().entries
                opened.close()
            beside.replace(archive)
        finally:
            beside.unlink(missing_ok=True)
    _tell({"archive": str(archive), "entries": number, "bytes": archive.stat().st_size}, as_json)


def load(
    archive: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="An archive of `mneme dump`.")],
    cache: Annotated[str, typer.Argument(metavar="CACHE", help="The file that is made of it, in place of one there.")],
    keys: KeysFile = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Make a cache file from an archive. Nothing there is touched before the whole archive has been checked.

    With keys the file is encrypted. That of an encrypted archive is so in any case, with the keys it has.
    """
    from mneme.runtime import checkpoint

    with exits():
        path = file_of(cache, "load")
        if path.exists():
            confirm(f"{path} is there already, and all in it would be replaced. Go on?", yes)
        with working("Loading"):
            identity, place = checkpoint.identity_of(archive), with_keys(str(path), keys)
            keys_given = keys_of(place)
            checkpoint.load(archive, path, Stand(identity if keys_given is None else identity.unsealed()), keys_given)
            with reading(place) as (store, identity):
                opened = cache_over(store, identity)
                number = opened.stats().entries
                opened.close()
    _tell({"path": str(path), "entries": number, "embedder": identity.unsealed().fingerprint}, as_json)


def vacuum(
    cache: Cache,
    namespace: Annotated[str | None, typer.Option(help="Of this namespace alone.")] = None,
    compact: Annotated[bool, typer.Option(help="Give the room back to the file system too.")] = True,
    as_json: AsJson = False,
) -> None:
    """Remove entries whose time ran out, for every process that uses the cache.

    Giving room back copies the file: for that long other processes cannot write.
    """
    with exits(), working("Vacuuming"), reading(cache, writes=True) as (store, identity):
        opened = cache_over(store, identity)
        number = opened.vacuum(namespace=namespace, compact=compact)
        left = opened.stats().entries
        opened.close()
    _tell({"removed": number, "entries": left}, as_json)


def _tell(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        print_lines(
            [
                "   ".join(
                    f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}"
                    for name, value in found.items()
                )
            ]
        )
