"""The cache that is shown: opened for each look, and closed again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from os import fspath
from pathlib import Path
from typing import Final, TypeVar

from mneme.dashboard.errands import Errands
from mneme.dashboard.gate import Gate
from mneme.dashboard.settings import Settings
from mneme.embedders.base import Embedder
from mneme.errors import InvalidArgumentError
from mneme.model import Explanation
from mneme.runtime.opening import store_of
from mneme.stores.base import EntryRow, StoreBusyError
from mneme.stores.sqlite import SQLiteStore
from mneme.tools import looking
from mneme.tools.examining import Findings, examine
from mneme.tools.looking import Entry, View, Wanted
from mneme.tools.looking.counting import shown
from mneme.tools.looking.explaining import Kept, check_embedder
from mneme.tools.looking.finding import Sort
from mneme.tools.looking.opening import reading, with_vectors
from mneme.tools.looking.taking_back import TakenBack, give_back, take_back

Found = TypeVar("Found")
# Counting entries reads the whole table; everything else is a few rows. Of a large one at most a twentieth of the time.
RECOUNT_SECONDS: Final = 10.0
RECOUNT_SHARE: Final = 20
# Of a file that somebody began to write to while it was read.
ATTEMPTS: Final = 3
# Entries, of which reading them all takes longer than a page should.
LARGE: Final = 20_000
PATIENCE_SECONDS: Final = 1.0


class Live:
    """Answers several who look at once.

    To check a file is to read it beside SQLite, and closing it then drops the locks of the process: that is done alone.
    """

    def __init__(self, settings: Settings) -> None:
        self._url = settings.url
        self._prices = settings.prices
        self._make_embedder = settings.embedder
        self._policy = settings.policy
        self._feedback = settings.feedback
        self._gate = Gate()
        self._lock = threading.Lock()
        self._sizes: Mapping[str, int] | None = None
        self._stale_at = 0.0
        self._embedder: Embedder | None = None
        self._kept: Kept | None = None
        self._errands = Errands()

    def look(self, *, by_namespace: bool = False) -> View:
        """Return what is counted, of each namespace only where that is asked; the entries not anew every time."""
        began = time.monotonic()
        sizes = None if by_namespace or began >= self._stale_at else self._sizes
        view, found = self._read(
            partial(looking.look, self._url, prices=self._prices, sizes=sizes, by_namespace=by_namespace)
        )
        if sizes is None:
            now = time.monotonic()
            self._sizes, self._stale_at = found, now + max(RECOUNT_SECONDS, RECOUNT_SHARE * (now - began))
        return view

    def entries(self, wanted: Wanted, sort: Sort, limit: int, skip: int) -> tuple[list[Entry], int]:
        """Return the entries that are wanted, and how many there are."""
        return self._read(partial(looking.entries, self._url, wanted, sort=sort, limit=limit, skip=skip))

    def entry(self, key: str) -> Entry | None:
        """Return an entry; None where it is gone."""
        return self._read(partial(looking.entry, self._url, key))

    def these(self, keys: Iterable[str]) -> dict[str, Entry]:
        """Return key -> entry of those that are there; none of a cache that is encrypted."""
        return self._read(partial(looking.these, self._url, list(keys)))

    def delete(self, key: str, stored_at: float) -> Entry | None:
        """Remove an entry as it was stored then; None where it was gone."""
        deleted = self._read(partial(looking.delete, self._url, key, stored_at=stored_at))
        self._stale_at = 0.0
        return deleted

    def take_back(self, key: str, question: str | None) -> TakenBack | None:
        """Report the answer of an entry as wrong; None where there is no such entry."""
        taken = self._read(partial(take_back, self._url, key, question=question, feedback=self._feedback))
        self._stale_at = 0.0
        return taken

    def give_back(self, taken: TakenBack) -> int:
        """Undo a report; return how many entries are as they were again."""
        given = self._read(partial(give_back, self._url, taken, feedback=self._feedback))
        self._stale_at = 0.0
        return given

    def explain(self, question: str, namespace: str, like: str | None) -> tuple[Explanation | None, float | None]:
        """Say why a question hits or misses; or for how long a large cache has been read for that by now."""
        is_large = sum(self.sizes().values()) >= LARGE
        asked = partial(self._explain, question, namespace, like)
        return self._errands.ask((question, namespace, like), asked, PATIENCE_SECONDS if is_large else None)

    def sizes(self) -> Mapping[str, int]:
        """Return namespace -> entries, as they were counted last."""
        return self._sizes or {}

    def stored(self, most: int) -> tuple[list[tuple[EntryRow, bytes]], bool]:
        """Return entries with their vectors, at most so many, and whether there are more."""
        return self._read(partial(self._stored, most))

    def examine(self) -> Findings | None:
        """Check the cache's file as `mneme doctor` does; None where it is none."""
        path = self.path
        return None if path is None else examine(path, alone=self._gate.alone(), shared=self._gate.shared())

    @property
    def path(self) -> Path | None:
        """The cache's file; None for a server."""
        store = store_of(fspath(self._url))
        return store.path if isinstance(store, SQLiteStore) else None

    def embedder(self) -> Embedder:
        """Return the embedder, which is made when first asked for. Raises whatever making it raises."""
        with self._lock:
            if self._embedder is None:
                if self._make_embedder is None:
                    raise InvalidArgumentError("the dashboard was started without an embedder.")
                self._embedder = self._make_embedder()
            return self._embedder

    def cache_embedder(self) -> Embedder:
        """Return the embedder; raises EmbedderMismatchError where it is not the cache's."""
        embedder = self.embedder()
        with self._gate.shared(), reading(self._url) as (_, identity):
            check_embedder(identity, embedder, shown(self._url))
        return embedder

    def _explain(self, question: str, namespace: str, like: str | None) -> Explanation:
        embedder = self.embedder()
        with self._lock:
            if self._kept is None:
                self._kept = Kept(self._url, embedder, policy=self._policy, feedback=self._feedback)
        return self._read(partial(self._kept.explain, question, namespace=namespace, like=like))

    def _read(self, look: Callable[[], Found]) -> Found:
        for _ in range(ATTEMPTS - 1):
            with suppress(StoreBusyError), self._gate.shared():
                return look()
        with self._gate.shared():
            return look()

    def _stored(self, most: int) -> tuple[list[tuple[EntryRow, bytes]], bool]:
        with reading(self._url) as (store, identity):
            found = [] if identity.is_sealed else with_vectors(store, most + 1)
        return found[:most], len(found) > most
