"""What a command says and returns when it cannot go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer

from mneme.cli.ending import FAILED
from mneme.cli.shared import harmless
from mneme.errors import InvalidArgumentError, MnemeError
from mneme.evaluation.calibration import NoThresholdError

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
    except BrokenPipeError:  # nobody reads what is printed
        raise
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        _end(error, BAD_USAGE)
    except OSError as error:
        _end(error, FAILED)


def _end(error: Exception, code: int) -> None:
    typer.echo(f"Error: {harmless(str(error))}", err=True)
    raise typer.Exit(code) from error
