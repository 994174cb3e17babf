"""How the command ends where its output cannot be written, or somebody ends it; and what a terminal can show."""

from __future__ import annotations

import codecs
import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

FAILED: Final = 1
INTERRUPTED: Final = 130
TERMINATED: Final = 143

# What the command itself prints, and what stands for it where the encoding has no such character; as wide.
STAND_INS: Final = dict(zip("▁▂▃▄▅▆▇█–—…→µ", ".:-=+*#@--~>u", strict=True))


@contextmanager
def ending() -> Iterator[None]:
    """End in a sentence, or in silence where nobody reads any more, with an exit code that says so.

    A signal to terminate ends what is under way as Ctrl-C does: what was half written is removed.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="mneme.stand_ins")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # `mneme inspect list cache.db | head`
        _drop_output()
        sys.exit(FAILED)
    except OSError as error:
        _drop_output()
        print(f"Error: the output cannot be written: {error.strerror or error}.", file=sys.stderr)
        sys.exit(FAILED)


def _drop_output() -> None:
    """Let what still waits to be printed go nowhere: the interpreter, too, would try to print it."""
    if sys.stdout is not None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _stand_in(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    own = STAND_INS.get(error.object[error.start])
    return (own, error.start + 1) if own else codecs.backslashreplace_errors(error)


codecs.register_error("mneme.stand_ins", _stand_in)
