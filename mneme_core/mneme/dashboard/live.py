"""The cache that is shown, looked into by one thread at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path

from mneme.dashboard.settings import Settings
from mneme.embedders.base import Embedder
from mneme.errors import InvalidArgumentError
from mneme.model import Explanation, StoredEntry
from mneme.stores.base import Cursor, Put
from mneme.tools import looking
from mneme.tools.examining import Findings, examine
from mneme.tools.looking import Entry, View, Wanted
from mneme.tools.looking.counting import shown
from mneme.tools.looking.explaining import check_embedder
from mneme.tools.looking.finding import Sort
from mneme.tools.looking.opening import reading

# Counting entries reads the whole table; everything else is a few rows.
RECOUNT_SECONDS = 10.0


class Live:
    """Opens the cache for each look and closes it again.

    One at a time: to check a file is to read it beside SQLite, and closing it then drops the locks of the process.
    """

    def __init__(self, settings: Settings) -> None:
        self._url = settings.url
        self._prices = settings.prices
        self._make_embedder = settings.embedder
        self._lock = threading.Lock()
        self._sizes: Mapping[str, int] | None = None
        self._counted = 0.0
        self._embedder: Embedder | None = None

    def look(self, *, recount: bool = False) -> View:
        """Return what is counted; the entries of each namespace anew every ten seconds."""
        with self._lock:
            now = time.monotonic()
            if recount or now - self._counted >= RECOUNT_SECONDS:
                self._sizes, self._counted = None, now
            view, self._sizes = looking.look(self._url, prices=self._prices, sizes=self._sizes)
            return view

    def entries(self, wanted: Wanted, sort: Sort, limit: int) -> tuple[list[Entry], int]:
        """Return the entries that are wanted, and how many there are."""
        with self._lock:
            return looking.entries(self._url, wanted, sort=sort, limit=limit)

    def entry(self, key: str) -> Entry | None:
        """Return an entry; None where it is gone."""
        with self._lock:
            return looking.entry(self._url, key)

    def delete(self, key: str) -> Entry | None:
        """Remove an entry; None where it was gone."""
        with self._lock:
            self._sizes = None
            return looking.delete(self._url, key)

    def explain(self, question: str, namespace: str) -> Explanation:
        """Say why a question hits or misses."""
        embedder = self.embedder()
        with self._lock:
            return looking.explain(self._url, question, embedder, namespace=namespace)

    def stored(self, most: int) -> tuple[list[StoredEntry], bool]:
        """Return entries with their vectors, at most so many, and whether there are more."""
        found: list[StoredEntry] = []
        with self._lock, reading(self._url) as (store, identity):
            if identity.is_sealed:
                return [], False
            for changes, _ in store.pull(Cursor(0, 0)):
                found += [change.entry for change in changes if isinstance(change, Put) and change.entry.embedding]
                if len(found) > most:
                    return found[:most], True
        return found, False

    def examine(self) -> Findings | None:
        """Check the cache's file as `mneme doctor` does; None where it is none."""
        path = self.path
        if path is None:
            return None
        with self._lock:
            return examine(path)

    @property
    def path(self) -> Path | None:
        """The cache's file; None for a server."""
        scheme, sign, rest = str(self._url).partition("://")
        if not sign:
            return Path(self._url)
        return Path(rest[1:]) if scheme == "sqlite" else None

    def embedder(self) -> Embedder:
        """Return the embedder, which is made when first asked for. Raises whatever making it raises."""
        if self._embedder is None:
            if self._make_embedder is None:
                raise InvalidArgumentError("the dashboard was started without an embedder.")
            self._embedder = self._make_embedder()
        return self._embedder

    def cache_embedder(self) -> Embedder:
        """Return the embedder; raises EmbedderMismatchError where it is not the cache's."""
        embedder = self.embedder()
        with self._lock, reading(self._url) as (_, identity):
            check_embedder(identity, embedder, shown(self._url))
        return embedder
