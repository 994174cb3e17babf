"""The keys of encrypted caches: from a file or the environment, and never from a command line, which others can see."""

from __future__ import annotations

import os
import re
import stat
from base64 import b64decode
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from mneme.cli.shared import harmless
from mneme.errors import InvalidArgumentError

FILE_VARIABLE: Final = "MNEME_KEYS_FILE"
VARIABLE: Final = "MNEME_KEYS"
KEY_BYTES: Final = 32
OTHERS_READ: Final = stat.S_IRGRP | stat.S_IROTH
# Of a file that holds keys, if it does; a device may have no end.
MOST_CHARS: Final = 100_000

KeysFile: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--keys",
        metavar="FILE",
        show_default=f"{FILE_VARIABLE}, or the keys in {VARIABLE}",
        help="Of an encrypted cache: the file of its keys, each a line of 64 hexadecimal digits or of base64.",
    ),
]

_HEX: Final = re.compile(r"[0-9a-fA-F]{64}")
_BASE64: Final = re.compile(r"[\w+/-]{43}=?", re.ASCII)


def with_keys(cache: str, file: str | None, environment: Mapping[str, str] = os.environ) -> str | PathLike[str]:
    """Return a cache for `mneme.tools.looking`, with the keys that are given; without any, as it is.

    Raises InvalidArgumentError, showing nothing of a key, for a file that cannot be read or holds something else.
    """
    file = file or environment.get(FILE_VARIABLE)
    if file:
        text, what = _read(file), "the file of the keys"
    elif environment.get(VARIABLE):
        text, what = environment[VARIABLE], VARIABLE
    else:
        return cache
    from mneme.tools.keyed import Keyed

    keys = [_key(word, f"{place} in {what}") for place, word in enumerate(text.split(), start=1)]
    if not keys:
        raise InvalidArgumentError(f"{what} holds no key.")
    return Keyed(cache, lambda: keys)


def _read(file: str) -> str:
    if _HEX.fullmatch(file) or (_BASE64.fullmatch(file) and not Path(file).exists()):
        raise InvalidArgumentError(
            "--keys names a file, and what was given looks like a key, which others can now find in the list of "
            f"processes and in the history of the shell. Put the keys into a file or into {VARIABLE}; change this one."
        )
    try:
        with Path(file).open(encoding="ascii") as opened:
            about = os.fstat(opened.fileno())
            if stat.S_ISREG(about.st_mode) and about.st_mode & OTHERS_READ:
                typer.echo(f"Warning: others can read the keys in {harmless(file)}; `chmod 600` it.", err=True)
            return opened.read(MOST_CHARS)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or "it is no text of hexadecimal digits or base64"
        raise InvalidArgumentError(f"the file of the keys, {file}, cannot be read: {said}.") from None


def _key(word: str, what: str) -> bytes:
    if _HEX.fullmatch(word):
        return bytes.fromhex(word)
    if _BASE64.fullmatch(word):
        found = b64decode(word.replace("-", "+").replace("_", "/").rstrip("=") + "=", validate=True)
        if len(found) == KEY_BYTES:
            return found
    raise InvalidArgumentError(
        f"word {what} is no key: {KEY_BYTES} random bytes, written as 64 hexadecimal digits or as base64. It is not "
        "shown."
    )
