"""What the commands that open a cache have in common: their arguments, and how they print."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer
from rich.console import Console
from rich.markup import escape

from mneme.errors import InvalidArgumentError

if TYPE_CHECKING:
    from mneme.prices import Prices

CODES: Final = (
    "Exit codes: 0 it ran; 1 something is not installed or failed; 2 wrong usage or no such file; 3 no such entry; "
    "5 what was given cannot be used."
)

Cache: TypeAlias = Annotated[
    str, typer.Argument(metavar="CACHE", help="A cache's file, or its URL: postgresql://…, redis://…")
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
EmbedderName: TypeAlias = Annotated[str, typer.Option(help="MODULE:ATTRIBUTE, an embedder or what makes one.")]
PricesName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--prices",
        metavar="FILE",
        help='What tokens cost: a file of yours, JSON or TOML, or "shipped" for the table that came with Mneme.',
    ),
]
# Seconds between two looks.
LONGEST: Final = 86_400.0
DEFAULT_EMBEDDER: Final = "mneme:default_embedder"


def prices_named(name: str | None) -> Prices | None:
    """Return the prices that --prices names."""
    from mneme.prices import prices_of

    return prices_of(name)


# What makes a terminal do something, or a reader see other than what is there: controls, surrogates, and the characters
# that turn the direction of writing. An entry is whatever a model said.
_UNSAFE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def harmless(text: str) -> str:
    """Return a text for a terminal: what would steer it, or what it cannot show, is written as its code, `\\x1b`."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    shown = text.encode(encoding, "backslashreplace").decode(encoding)
    return _UNSAFE.sub(lambda found: ascii(found[0])[1:-1], shown)


def plain(text: str) -> str:
    """Return a text, harmless, for where Rich looks for markup."""
    return escape(harmless(text))


def print_json(value: Any) -> None:
    """Print a value as one line of JSON, in ASCII: it reads the same under every locale and steers no terminal."""
    typer.echo(json.dumps(value))


def print_lines(lines: Iterable[str]) -> None:
    """Print lines as they are, however long."""
    console = Console()
    for line in lines:
        console.print(plain(line), highlight=False, soft_wrap=True)


def as_values(thing: Any) -> dict[str, Any]:
    """Return a dataclass as JSON values."""
    return asdict(thing)


def confirm(question: str, yes: bool) -> None:
    """Ask before something is lost; raises typer.Abort where the answer is no, or nobody is there to answer."""
    if not yes and not typer.confirm(question, err=True):
        raise typer.Abort


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show a person at a terminal that work of unknown length goes on."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(what, spinner="line"):  # which every encoding has
        yield


def file_of(cache: str, what: str) -> Path:
    """Return the path of a cache that is to be a file; raises InvalidArgumentError for anything else."""
    from mneme.runtime.opening import store_of
    from mneme.stores.sqlite import SQLiteStore

    store = store_of(cache)
    if not isinstance(store, SQLiteStore):
        raise InvalidArgumentError(
            f"{what} is for files, and a {store.name} cache is none. Use its own tools for copies."
        )
    if store.path.is_dir():
        raise InvalidArgumentError(f"{store.path} is a directory; {what} takes a file.")
    return store.path
