"""The part of the store that caches without a replica look up in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
from psycopg import Connection, errors

from mneme.errors import StoreBackendError
from mneme.model import StoredEntry
from mneme.stores.arguments import server_of
from mneme.stores.postgres.searching import Search


class Lookups:
    """What PostgresStore adds in mode "server"."""

    _schema: str
    _url: str
    _search: Search | None = None
    _is_lost: bool = False
    """Whether the tables are gone: they are made anew by whoever needs them next."""

    @property
    def searches(self) -> bool:
        """Whether the server searches, and caches over this handle hold no replica."""
        return self._search is not None

    def find(self, key: str) -> StoredEntry | None:
        """Return the entry of a key, in mode "server"."""
        with self._searching() as search:
            return search.find(key)

    def nearest(self, partition: bytes, vector: bytes, k: int, floor: float) -> Sequence[tuple[StoredEntry, float]]:
        """Return the entries of a partition that are most similar, in mode "server"."""
        with self._searching() as search:
            return search.nearest(partition, vector, k, floor)

    def sizes(self) -> Mapping[str, int]:
        """Count the entries of every namespace, in mode "server"."""
        with self._searching() as search:
            return search.sizes()

    @contextmanager
    def _searching(self) -> Iterator[Search]:
        """Give what searches, without the store's own connection: a lookup waits for no write."""
        if self._is_lost:
            with self._using("opening"):
                pass
        search = self._search
        if search is None:
            raise StoreBackendError(f"the schema {self._schema!r} is not open for searching on the server.")
        try:
            yield search
        except psycopg.Error as error:
            raise self._failed("searching", error) from error

    def _failed(self, action: str, error: psycopg.Error) -> StoreBackendError:
        self._is_lost = isinstance(error, errors.UndefinedTable | errors.InvalidSchemaName)
        return StoreBackendError(
            f"{action} the schema {self._schema!r} in Postgres at {server_of(self._url)} failed: "
            f"{type(error).__name__}: {error.sqlstate or 'no answer'}"
        )

    def _using(self, action: str) -> AbstractContextManager[Connection[Any]]:
        raise NotImplementedError
