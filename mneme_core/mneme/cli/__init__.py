"""The `mneme` command."""

from __future__ import annotations

import sys

from mneme.cli.ending import ending


def main() -> None:
    """Run the command line; without its extra, say what to install and exit with 1."""
    with ending():
        try:
            from mneme.cli.app import app
        except ImportError as error:
            if (error.name or "").partition(".")[0] not in {"typer", "rich", "click"}:
                raise
            print(
                f'The mneme command needs its extra: pip install "mneme-middleware[cli]" ({error})',
                file=sys.stderr,
            )
            sys.exit(1)
        app()
