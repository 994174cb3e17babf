"""`mneme dashboard`: a page over a cache that other processes use."""

from __future__ import annotations

import secrets
import socket
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mneme.cli.failing import exits
from mneme.cli.keys import KeysFile, with_keys
from mneme.cli.shared import (
    DEFAULT_EMBEDDER,
    LONGEST,
    AsJson,
    Cache,
    EmbedderName,
    PricesName,
    prices_named,
    print_json,
)
from mneme.errors import InvalidArgumentError
from mneme.tools.loading import load_embedder

if TYPE_CHECKING:
    from starlette.types import ASGIApp

EXTRA = {"starlette", "jinja2", "markupsafe", "uvicorn"}
PAIRS_HELP = (
    "More pairs for the explorer and the near misses, JSON lines: labelled pairs, the file of a `Shadow` or of an "
    "AuditTrail. Can be given several times."
)
LABELS_HELP = "Where labels are written, as `mneme calibrate --pairs` reads them. Without it nothing is labelled."
QUOTA_HELP = "NAMESPACE=ENTRIES, a quota that the program has. Can be given several times."
HOST_HELP = "The address to listen on. Another machine sees the page by another one than this, without encryption."


def command(
    cache: Cache,
    pairs: Annotated[list[Path], typer.Option(exists=True, dir_okay=False, help=PAIRS_HELP)] = [],  # noqa: B006
    labels: Annotated[Path | None, typer.Option(dir_okay=False, help=LABELS_HELP)] = None,
    allow_delete: Annotated[bool, typer.Option("--allow-delete", help="Let entries be deleted.")] = False,
    quota: Annotated[list[str], typer.Option(help=QUOTA_HELP)] = [],  # noqa: B006
    prices: PricesName = None,
    embedder: EmbedderName = DEFAULT_EMBEDDER,
    keys: KeysFile = None,
    interval: Annotated[
        float, typer.Option(min=0.2, max=LONGEST, help="Seconds between two samples of the charts.")
    ] = 2.0,
    host: Annotated[str, typer.Option(help=HOST_HELP)] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes one that is free.")] = 8_765,
    browse: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a cache as a page in the browser. Only reads, unless told otherwise; Ctrl-C ends it.

    The address that is printed holds a token, which lets in whoever has it.
    """
    with exits():
        try:
            from mneme.dashboard import Settings, dashboard
            from mneme.dashboard.security import LOOPBACK
        except ImportError as error:
            if (error.name or "").partition(".")[0] not in EXTRA:
                raise
            raise ImportError(
                f'the dashboard needs its extra: pip install "mneme-middleware[dashboard]" ({error})'
            ) from error
        from mneme.runtime.pairs import read_rows
        from mneme.tools.looking import look

        settings = Settings(
            url=with_keys(cache, keys),
            prices=prices_named(prices),
            pairs=tuple(pairs),
            labels=labels,
            embedder=lambda: load_embedder(embedder),
            allow_delete=allow_delete,
            quotas=dict(map(_quota, quota)),
            interval=interval,
        )
        # An error now is better than on every page.
        look(cache)
        for path in pairs:
            read_rows(path)
        token = secrets.token_urlsafe(24)
        listening = _listen(host, port)
        is_loopback = host in LOOPBACK
        hosts = LOOPBACK if is_loopback else None if host in ("", "0.0.0.0", "::") else (*LOOPBACK, host)  # noqa: S104
        address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}/?token={token}"
        if as_json:
            print_json({"url": address})
        else:
            typer.echo(f"The dashboard is at {address}\nCtrl-C ends it.")
        if not is_loopback:
            typer.echo("Other machines can reach it, and what they read is not encrypted on its way.", err=True)
        if browse:
            webbrowser.open(address)
        _serve(dashboard(settings, token=token, hosts=hosts), listening)


def _serve(app: ASGIApp, listening: socket.socket) -> None:
    import uvicorn

    # No log of requests: the first holds the token.
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, ws="none")
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    family: Any = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise InvalidArgumentError(
            f"{host} port {port} cannot be listened on ({error.strerror or error}). Choose another with --port; 0 "
            "takes one that is free."
        ) from error


def _quota(text: str) -> tuple[str, int]:
    namespace, sign, number = text.rpartition("=")
    if not sign or not number.isdecimal():
        raise InvalidArgumentError(f"--quota is {text!r}; it is NAMESPACE=ENTRIES, such as acme=500.")
    return namespace, int(number)
