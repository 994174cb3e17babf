"""Whether caches hold a replica, or the server searches."""

from __future__ import annotations

import logging
from typing import Any, Literal, TypeAlias, get_args

from psycopg import Connection

from mneme.errors import InvalidArgumentError, MnemeError
from mneme.stores.base import Identity
from mneme.stores.postgres import log, vectors

_log = logging.getLogger("mneme.store")

Mode: TypeAlias = Literal["auto", "replica", "server"]

# A replica of this many takes a process 0.8 GB and seconds to open; searching it would be quicker up to a million.
AUTO_ENTRIES = 300_000


def check_mode(mode: object) -> None:
    """Raise InvalidArgumentError for what is no mode."""
    if mode not in get_args(Mode):
        raise InvalidArgumentError(f"mode is {mode!r}; it is one of {', '.join(get_args(Mode))}.")


def check_readable(mode: Mode, identity: Identity) -> None:
    """Raise InvalidArgumentError where a server is to search what is encrypted."""
    if mode == "server" and identity.is_sealed:
        raise InvalidArgumentError(
            "a server cannot search what is encrypted. Give the store under EncryptedStore mode='replica'."
        )


def make_searchable(db: Connection[Any], mode: Mode, identity: Identity) -> str | None:
    """Return None for a replica; else make the schema searchable, and return the name of the one that pgvector is in.

    Raises what `vectors.make` raises, unless the mode is "auto".
    """
    if mode == "auto" and (identity.is_sealed or not log.has_more_entries(db, AUTO_ENTRIES)):
        return None
    if mode == "replica":
        return None
    try:
        return vectors.make(db, identity.dim)
    except MnemeError as error:
        if mode == "server":
            raise
        _log.warning("a cache over Postgres holds a replica, though of more than %d entries: %s", AUTO_ENTRIES, error)
        return None
