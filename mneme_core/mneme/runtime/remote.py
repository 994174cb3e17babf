"""What a cache over a store that searches for itself does not hold, and fetches."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from mneme.errors import InvalidArgumentError, MnemeError
from mneme.indexes.base import Near, Vector
from mneme.model import StoredEntry
from mneme.runtime.labels import Invalidated, Label
from mneme.runtime.options import Options
from mneme.runtime.record import Whole, wholes_of
from mneme.runtime.table import Table
from mneme.stores.base import Change, Clear, Put, SearchStore, Store

_log = logging.getLogger("mneme.cache")

# Entries kept here of those that were asked for lately: at 4 kB each, 40 MB.
KEPT = 10_000
# An entry that changes each time it is fetched is somebody's counter: then the lookup is a miss.
TRIES = 3
# After which the sizes of namespaces are counted anew, for those who ask.
COUNT_SECONDS = 10.0


class Remote:
    """Fetches entries into the table, which then holds those asked for lately.

    What is fetched was true when the store was asked. A change that is applied here meanwhile may be of that very
    entry: then it is not kept.
    """

    def __init__(self, store: SearchStore, table: Table, dim: int) -> None:
        self.store = store
        self._table = table
        self._vector_bytes = 4 * dim
        self._changed = Invalidated()
        self._sizes: Mapping[str, int] = {}
        self._counted = -COUNT_SECONDS
        self._counting = threading.Lock()

    def after_fork(self) -> None:
        """Replace the locks, which another thread may have held."""
        self._changed.after_fork()
        self._counting = threading.Lock()

    def saw(self, change: Change) -> None:
        """Note a change that is applied here."""
        if isinstance(change, Clear):
            self._changed.note_cleared(change.namespace)
        else:
            self._changed.note([("key", change.entry.query_hash if isinstance(change, Put) else change.key)])

    def fetch(self, key: bytes) -> bool:
        """Bring the entry of a key here; return whether there is one. A store that fails has none, and is logged."""
        try:
            for _ in range(TRIES):
                moment = self._changed.now()
                entry = self.store.find(key.hex())
                if entry is None:
                    return False
                if self._keep([entry], moment):
                    return True
        except MnemeError as error:
            _log.warning("an entry could not be fetched: %s", error)
        return False

    def nearest(self, partition: bytes, vector: Vector, k: int, floor: float) -> list[Near]:
        """Return the ids nearest to a vector, their entries brought here; raises StoreBackendError."""
        moment = self._changed.now()
        found = self.store.nearest(partition, vector.tobytes(), k, floor)
        self._keep((entry for entry, _ in found), moment, self._vector_bytes)
        return [Near(entry.id, cosine) for entry, cosine in found]

    def _keep(self, entries: Iterable[StoredEntry], moment: int, vector_bytes: int = 0) -> bool:
        """Put entries into the table that were not changed since `moment`; return whether all were."""
        is_whole = True
        with self._table.lock:
            for entry in entries:
                labels: list[Label] = [("key", entry.query_hash), ("namespace", entry.namespace)]
                if self._changed.since(moment, labels):
                    is_whole = False
                    continue
                self._table.put(Whole.of(entry, entry.id)._replace(vector_bytes=vector_bytes))
            self._table.trim(KEPT)
        return is_whole

    def records(self) -> Iterator[Whole]:
        """Yield every entry of the store. Reads everything."""
        for records in self.batches():
            yield from records

    def batches(self) -> Iterator[list[Whole]]:
        """Yield every entry of the store, some at a time. Reads everything."""
        for rows, _ in self.store.load():
            yield wholes_of(rows)

    def sizes(self, submit: Callable[..., Any]) -> Mapping[str, int]:
        """Return namespace -> entries, as counted lately; `submit` runs the next count in a thread."""
        if not self.store.blocking:
            return self.store.sizes()
        if time.monotonic() - self._counted >= COUNT_SECONDS and self._counting.acquire(blocking=False):
            self._counted = time.monotonic()
            submit(self.count)
        return self._sizes

    def count(self) -> None:
        """Count the entries of every namespace."""
        try:
            self._sizes = dict(self.store.sizes())
        except MnemeError as error:
            _log.warning("entries could not be counted: %s", error)
        finally:
            if self._counting.locked():
                self._counting.release()


def remote_of(store: Store, table: Table, dim: int, options: Options) -> Remote | None:
    """Return what fetches, for a store that searches for itself.

    Raises InvalidArgumentError for limits that cannot be kept then.
    """
    if not isinstance(store, SearchStore) or not store.searches:
        return None
    if options.limits():
        raise InvalidArgumentError(
            f"the store {store.name!r} searches for itself, and then no cache counts what it holds: max_entries, "
            'namespace_quotas and max_bytes cannot be kept. Leave them out, or open the store with mode="replica".'
        )
    return Remote(store, table, dim)
