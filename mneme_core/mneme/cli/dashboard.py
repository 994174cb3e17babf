"""`mneme dashboard`: a page over a cache that other processes use."""

from __future__ import annotations

import secrets
import socket
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
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
TRAIL_HELP = "The file of an AuditTrail, whose decisions are shown on a page of their own."
LABELS_HELP = "Where labels are written, as `mneme calibrate --pairs` reads them. Without it nothing is labelled."
POLICY_HELP = (
    "What the program judges with, where that is not what SemanticCache.open does: guarded, guarded:MAX_ERROR, "
    "threshold:COSINE, or the file of `mneme calibrate`."
)
FEEDBACK_HELP = "The file that the program opens with feedback=, for what it refuses."
DELETE_HELP = "Let entries be deleted, and answers be reported as wrong."
INTERVAL_HELP = "Seconds between two samples of the charts. Programs write what they count once a second."
QUOTA_HELP = "NAMESPACE=ENTRIES, a quota that the program has. Can be given several times."
# No cache holds more entries than a number of so many can say.
MOST_DIGITS = 18
HOST_HELP = "The address to listen on. Another machine sees the page by another one than this, without encryption."


def command(
    cache: Cache,
    pairs: Annotated[list[Path], typer.Option(exists=True, dir_okay=False, help=PAIRS_HELP)] = [],  # noqa: B006
    trail: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help=TRAIL_HELP)] = None,
    labels: Annotated[Path | None, typer.Option(dir_okay=False, help=LABELS_HELP)] = None,
    policy: Annotated[str | None, typer.Option(help=POLICY_HELP)] = None,
    feedback: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help=FEEDBACK_HELP)] = None,
    allow_delete: Annotated[bool, typer.Option("--allow-delete", help=DELETE_HELP)] = False,
    quota: Annotated[list[str], typer.Option(help=QUOTA_HELP)] = [],  # noqa: B006
    prices: PricesName = None,
    embedder: EmbedderName = DEFAULT_EMBEDDER,
    keys: KeysFile = None,
    interval: Annotated[float, typer.Option(min=0.2, max=LONGEST, help=INTERVAL_HELP)] = 2.0,
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
        from mneme.runtime.policy_file import policy_given
        from mneme.tools.looking import look
        from mneme.tools.trail import Sought
        from mneme.tools.trail_pages import read_page

        settings = Settings(
            url=with_keys(cache, keys),
            prices=prices_named(prices),
            pairs=tuple(pairs),
            trail=trail,
            labels=labels,
            policy=policy,
            feedback=feedback,
            embedder=lambda: load_embedder(embedder),
            allow_delete=allow_delete,
            quotas=dict(map(_quota, quota)),
            interval=interval,
        )
        # An error now is better than on every page.
        view, _ = look(cache, by_namespace=False)
        policy_given(policy, view.fingerprint)
        if labels is not None and not labels.parent.is_dir():
            raise FileNotFoundError(f"there is no folder {labels.parent} for --labels.")
        for path in pairs:
            read_rows(path)
        if trail is not None:
            read_page(trail, Sought(), limit=1)
        token = secrets.token_urlsafe(24)
        listening = _listen(host, port)
        bound, at = listening.getsockname()[:2]
        bound = ip_address(bound)
        name = ("::1" if bound.version == 6 else "127.0.0.1") if bound.is_unspecified else host
        address = f"http://{f'[{name}]' if ':' in name else name}:{at}/?token={token}"
        if as_json:
            print_json({"url": address})
        else:
            typer.echo(f"The dashboard is at {address}\nCtrl-C ends it.")
        if not bound.is_loopback:
            typer.echo(
                f"Other machines can reach port {at}. Neither what they read nor the token is encrypted on its way: "
                "who sees it pass can read every question and answer.",
                err=True,
            )
        hosts = None if bound.is_unspecified else (*LOOPBACK, host)
        with _opened(address) if browse else nullcontext():
            _serve(dashboard(settings, token=token, hosts=hosts), listening)


@contextmanager
def _opened(address: str) -> Iterator[None]:
    """Open the address in a browser, by a file that the user alone can read: command lines are seen by all."""
    with TemporaryDirectory(prefix="mneme-") as folder:
        page = Path(folder, "dashboard.html")
        page.write_text(f'<meta http-equiv="refresh" content="0;url={address}"><a href="{address}">The dashboard</a>')
        webbrowser.open(page.as_uri())
        yield


def _serve(app: ASGIApp, listening: socket.socket) -> None:
    import uvicorn

    # No log of requests: the first holds the token.
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, ws="none", timeout_graceful_shutdown=5
    )
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
    if not sign or not number.isdecimal() or len(number) > MOST_DIGITS:
        raise InvalidArgumentError(f"--quota is {text!r}; it is NAMESPACE=ENTRIES, such as acme=500.")
    return namespace, int(number)
