"""Checks of single values: SQLite keeps any type in any column."""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Any, Final

# Of the year 9999.
LAST_SECOND: Final = 253_402_300_799
# So far every reader counts without rounding.
MOST_USES: Final = 2**53


def is_text(*values: Any) -> bool:
    """Return whether all are text; text that is not UTF-8 comes as bytes and is not."""
    return all(isinstance(value, str) for value in values)


def is_number(*values: Any) -> bool:
    """Return whether all are finite numbers."""
    return all(isinstance(value, int | float) and math.isfinite(value) for value in values)


def is_time(*values: float) -> bool:
    """Return whether all are seconds since the epoch of a date that there is."""
    return all(abs(value) <= LAST_SECOND for value in values)


def metadata_of(text: str) -> dict[str, Any] | None:
    """Return the JSON object of a text, None for any other text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def seconds_of(text: Any) -> float | None:
    """Return the seconds since the epoch of a date and time without a zone, read as local time.

    Raises ValueError for what is none; None stays None.
    """
    if text is None:
        return None
    if not isinstance(text, str):
        raise ValueError("a time is no text")
    try:
        return datetime.fromisoformat(text).timestamp()
    except (OverflowError, OSError) as error:
        raise ValueError("a time is out of range") from error
