"""Checks of what stores over a network are made with."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, unquote_plus, urlsplit

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


def options_in(
    url: str, given: Mapping[str, Any], kinds: Mapping[str, Callable[[str], Any]]
) -> tuple[str, dict[str, Any]]:
    """Return a URL without the parameters that are options of ours, and these with what was `given`.

    kinds: name -> what makes the value of its text. All else in the URL is left as it is written, for the client.
    Raises InvalidArgumentError for an option that is there twice, or has no such value.
    """
    start, mark, query = url.partition("?")
    options, rest = dict(given), []
    for piece in query.split("&") if mark else ():
        name, equals, text = piece.partition("=")
        kind = kinds.get(name) if equals else None
        if kind is None:
            rest.append(piece)
            continue
        if name in options:
            raise InvalidArgumentError(f"{name} is given twice; give it once, in the URL or as an argument.")
        try:
            options[name] = kind(unquote_plus(text))
        except ValueError:
            raise InvalidArgumentError(f"{name} in the URL is {text!r}, which is no number.") from None
    return f"{start}?{'&'.join(rest)}" if rest else start, options


def meant(url: str, known: Collection[str]) -> str:
    """Return which options a URL may have, and the one that a parameter of it may be meant for; none of it is shown."""
    names = [piece.partition("=")[0] for piece in url.partition("?")[2].split("&")]
    near = [found for name in names for found in difflib.get_close_matches(name, known, 1)]
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"Options of Mneme's in a URL are {', '.join(known)}{hint}"
