"""What a command says and returns when it cannot go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer

from mneme.cli.shared import harmless
from mneme.errors import InvalidArgumentError, MnemeError
from mneme.evaluation.calibration import NoThresholdError

FAILED: Final = 1
BAD_USAGE: Final = 2
NOT_FOUND: Final = 3
NOTHING_MEETS: Final = 4
BAD_DATA: Final = 5


@contextmanager
def exits() -> Iterator[None]:
    """Turn an error into one sentence on stderr and the exit code that the help names."""
    try:
        yield
    except NoThresholdError as error:
        _end(error, NOTHING_MEETS)
    except InvalidArgumentError as error:
        _end(error, BAD_DATA)
    except (MnemeError, ImportError, AttributeError) as error:
        _end(error, FAILED)
    except OSError as error:
        _end(error, BAD_USAGE)


def _end(error: Exception, code: int) -> None:
    typer.echo(f"Error: {harmless(str(error))}", err=True)
    raise typer.Exit(code) from error
