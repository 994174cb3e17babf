"""Where a database is, and what of ours a URL may say beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from mneme.errors import InvalidArgumentError
from mneme.stores.arguments import meant

OPTIONS: Final[Mapping[str, Callable[[str], Any]]] = {"schema": str, "mode": str, "timeout": float, "poll": float}


def check_url(url: object) -> str:
    """Return the URL; raises InvalidArgumentError, without showing it, for one that cannot be used."""
    if not isinstance(url, str) or not url.startswith(("postgresql://", "postgres://")):
        raise InvalidArgumentError("the url of a PostgresStore starts with postgresql://; its value is not shown.")
    try:
        conninfo_to_dict(url)
    except psycopg.Error:
        raise InvalidArgumentError(
            "the url of a PostgresStore cannot be used; its value is not shown. Signs such as /, # and @ in a password "
            f"must be written as %2F, %23 and %40, and parameters be ones of libpq. {meant(url, OPTIONS)}"
        ) from None
    return url
