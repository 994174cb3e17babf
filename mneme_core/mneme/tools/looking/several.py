"""Entries by their keys, many at once."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike

from mneme.stores.base import EntryRow, Identity, SearchStore, Store
from mneme.stores.sqlite.reading import ReadOnlySQLiteStore
from mneme.tools.looking.finding import WHOLE_KEY, Entry, entry_of, row_in
from mneme.tools.looking.opening import reading, rows_of


def these(url: str | PathLike[str], keys: Iterable[str]) -> dict[str, Entry]:
    """Return key -> entry of those that are there; what is no whole key is left out, and so is all that is encrypted.

    Raises as `entries` does otherwise.
    """
    wanted = set(filter(WHOLE_KEY.fullmatch, keys))
    if not wanted:
        return {}
    with reading(url) as (store, identity):
        return (
            {} if identity.is_sealed else {key: entry_of(row) for key, row in rows_in(store, identity, wanted).items()}
        )


def rows_in(store: Store, identity: Identity, keys: set[str]) -> dict[str, EntryRow]:
    """Return key -> row of the entries of these whole keys that are there."""
    if isinstance(store, ReadOnlySQLiteStore) or (isinstance(store, SearchStore) and store.searches):
        found = ((key, row_in(store, identity, key)) for key in keys)
        return {key: row for key, row in found if row is not None}
    return {row[2].hex(): row for row in rows_of(store) if row[2].hex() in keys}
