"""`mneme inspect`: the entries of a cache."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.table import Table

from mneme.cli.failing import NOT_FOUND, exits
from mneme.cli.keys import KeysFile, with_keys
from mneme.cli.shared import (
    CODES,
    AsJson,
    Cache,
    Yes,
    as_values,
    confirm,
    harmless,
    plain,
    print_json,
    print_lines,
    working,
)
from mneme.cli.tables import print_table
from mneme.tools.looking.finding import Sort
from mneme.tools.wording import ago, numbered

if TYPE_CHECKING:
    from mneme.tools.looking import Entry

T = TypeVar("T")

app = typer.Typer(help="List, search, show and delete entries.", epilog=CODES, no_args_is_help=True)

Namespace = Annotated[str | None, typer.Option(help="Of this namespace alone.")]
Tag = Annotated[str | None, typer.Option(help="With this tag.")]
Contains = Annotated[str | None, typer.Option(help="With this text in the question or the answer.")]
Expired = Annotated[bool | None, typer.Option("--expired/--fresh", help="Those whose time ran out, or the others.")]
Limit = Annotated[int, typer.Option(min=1, help="How many at most.")]
SortBy = Annotated[Sort, typer.Option("--sort", help="What comes first.")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="The entry's key, or four digits of its beginning or more.")]
Raw = Annotated[bool, typer.Option("--raw", help="Show the answer as it is stored, where an integration wrote JSON.")]
# Of an answer in a list; `show` has all of it.
SHOWN_CHARS = 60


@app.command("list", epilog=CODES)
def list_(
    cache: Cache,
    namespace: Namespace = None,
    tag: Tag = None,
    contains: Contains = None,
    expired: Expired = None,
    sort: SortBy = "newest",
    limit: Limit = 20,
    keys: KeysFile = None,
    as_json: AsJson = False,
) -> None:
    """List entries. Reads only."""
    from mneme.tools.looking import Wanted, entries

    with exits(), working("Reading"):
        place, wanted = with_keys(cache, keys), Wanted(namespace, tag, contains, expired)
        found, number = entries(place, wanted, sort=sort, limit=limit)
    if as_json:
        print_json({"entries": [_values(each) for each in found], "found": number})
        return
    _show(found)
    print_lines([f"{len(found):,} of {numbered(number, 'entry', 'entries')}"])


@app.command(epilog=CODES)
def search(
    cache: Cache,
    text: Annotated[str, typer.Argument(help="What stands in the question or the answer, whatever the case.")],
    namespace: Namespace = None,
    tag: Tag = None,
    expired: Expired = None,
    sort: SortBy = "newest",
    limit: Limit = 20,
    keys: KeysFile = None,
    as_json: AsJson = False,
) -> None:
    """List the entries with a text in their question or answer. Reads only."""
    list_(cache, namespace, tag, text, expired, sort, limit, keys, as_json)


@app.command(epilog=CODES)
def show(cache: Cache, key: Key, raw: Raw = False, keys: KeysFile = None, as_json: AsJson = False) -> None:
    """Show an entry with all that is stored of it. Reads only."""
    from mneme.tools.looking import entry

    with exits(), working("Reading"):
        found = there(entry(with_keys(cache, keys), key), key)
    if as_json:
        print_json(_values(found))
    else:
        print_lines(_lines(found, raw))


@app.command(epilog=CODES)
def delete(cache: Cache, key: Key, keys: KeysFile = None, yes: Yes = False, as_json: AsJson = False) -> None:
    """Delete an entry, for every process that uses the cache."""
    from mneme.tools.looking import delete, entry

    with exits():
        place = with_keys(cache, keys)
        found = there(entry(place, key), key)
        confirm_removal(found, yes)
        found = there(delete(place, found.key), key)
    if as_json:
        print_json({"deleted": found.key})
    else:
        print_lines([f"{found.key} deleted"])


def confirm_removal(found: Entry, yes: bool) -> None:
    """Show an entry and ask whether it may go; raises typer.Abort where it may not."""
    if not yes:
        typer.echo(harmless(f"{found.namespace}  {found.query}\n  {_short(found.answer)}"), err=True)
    confirm("Delete this entry?", yes)


def there(found: T | None, key: str) -> T:
    """Return what was found of a key; say that there is no such entry, and end, where that is nothing."""
    if found is None:
        typer.echo(f"Error: no entry's key begins with {key!r}. List them with `mneme inspect list CACHE`.", err=True)
        raise typer.Exit(NOT_FOUND)
    return found


def _show(found: list[Entry]) -> None:
    table = Table()
    for column in ("key", "namespace", "question", "answer"):
        table.add_column(column, overflow="fold")
    for column in ("age", "hits"):
        table.add_column(column, justify="right")
    now = time.time()
    for each in found:
        age = ago(now - each.created_at) + (" expired" if each.expired else "")
        texts = (each.key[:8], each.namespace, _short(each.query), _short(each.answer))
        table.add_row(*map(plain, texts), age, f"{each.access_count:,}")
    print_table(table)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_CHARS else f"{line[: SHOWN_CHARS - 1]}…"


def _values(found: Entry) -> dict[str, Any]:
    return {**as_values(found), "answer": found.answer}


def _lines(found: Entry, raw: bool) -> list[str]:
    now = time.time()
    ttl = "none" if found.ttl is None else f"{found.ttl:g} s{', expired' if found.expired else ''}"
    lines = [
        f"key        {found.key}",
        f"namespace  {found.namespace}",
        f"partition  {found.partition}   entries with another one have another vary",
        f"stored     {ago(now - found.created_at)} ago, ttl {ttl}",
        f"used       {found.access_count:,} times, last {ago(now - found.last_accessed_at)} ago",
        f"vector     {'yes' if found.searchable else 'no: it serves the same request alone'}",
    ]
    if found.wrong_for:
        asked = ", ".join(map(repr, found.wrong_for))
        lines.append(f"reported   wrong for {asked}: it serves its own question alone (report-wrong --undo)")
    if found.compute_seconds is not None:
        lines.append(f"computed   in {found.compute_seconds:.3g} s")
    if found.usage is not None:
        usage = found.usage
        lines.append(
            f"tokens     {usage.input_tokens:,} in, {usage.output_tokens:,} out, {usage.model or 'unknown model'}"
        )
    if found.tags:
        lines.append(f"tags       {', '.join(found.tags)}")
    lines += [f"source     {name} version {version}" for name, version in found.sources.items()]
    lines += [f"metadata   {name}: {value}" for name, value in found.metadata.items()]
    shown = found.response if raw else found.answer
    title = "answer" if shown == found.response else "answer, as it reads (--raw: as it is stored)"
    before = [line for role, text in found.turns for line in (f"said before, {role}", *_indented(text))]
    return [*lines, *before, "question", *_indented(found.query), title, *_indented(shown)]


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.splitlines() or [""]]
