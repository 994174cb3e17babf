"""Checks of what stores over a network are made with."""

from __future__ import annotations

import math
import re
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from mneme.errors import InvalidArgumentError

# A day: more is no timeout, and no clock of a client library takes any number.
MOST_SECONDS = 86_400.0
# A host, or an address in brackets, and its port.
_PLACE: Final = re.compile(r"([\w.%-]*|\[[\w.:%]+\])(:\d+)?")


def check_seconds(value: Any, name: str) -> None:
    """Raise InvalidArgumentError unless `value` is a number of seconds above 0, of a day at most."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
    if not is_number or not 0 < value <= MOST_SECONDS:
        raise InvalidArgumentError(f"{name} is {value!r}; it is a number of seconds above 0, {MOST_SECONDS:g} at most.")


def server_of(url: str) -> str:
    """Return where a URL says that its server is: without user, password, database and options."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "the server of its URL"
    if parts.scheme == "unix":
        return parts.path
    place = parts.netloc.rpartition("@")[2]
    if not all(map(_PLACE.fullmatch, place.split(","))):  # a piece of a password that was not written as URLs want it
        return "the server of its URL"
    return place or parse_qs(parts.query).get("host", ["the default host"])[0]
