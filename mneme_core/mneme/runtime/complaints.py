"""What is logged of failures that a caller does not see."""

from __future__ import annotations

import logging
import sys
from time import monotonic
from typing import Final

_log = logging.getLogger("mneme.cache")

# A broken embedder fails at every call: where it fails is said once in so long, that it does each time.
REPEATED_SECONDS: Final = 60.0
_MOST_KINDS: Final = 100

_told: dict[tuple[str, str], float] = {}


def complain(what: str) -> None:
    """Log what failed, and the error under way, in one line; with the traceback unless it was told lately.

    Called in an `except`.
    """
    error = sys.exc_info()[1]
    now, kind = monotonic(), (what, type(error).__name__)
    is_told = now - _told.get(kind, -REPEATED_SECONDS) < REPEATED_SECONDS
    if not is_told:
        if len(_told) >= _MOST_KINDS:
            _told.clear()
        _told[kind] = now
    _log.warning("%s: %s: %s", *kind, error, exc_info=None if is_told else error)
