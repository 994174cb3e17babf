"""Checks of what stores over a network are made with."""

from __future__ import annotations

import math
from typing import Any

from mneme.errors import InvalidArgumentError

# A day: more is no timeout, and no clock of a client library takes any number.
MOST_SECONDS = 86_400.0


def check_seconds(value: Any, name: str) -> None:
    """Raise InvalidArgumentError unless `value` is a number of seconds above 0, of a day at most."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
    if not is_number or not 0 < value <= MOST_SECONDS:
        raise InvalidArgumentError(f"{name} is {value!r}; it is a number of seconds above 0, {MOST_SECONDS:g} at most.")
