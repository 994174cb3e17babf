"""The texts of entries: here while they are used, and else where the store has them."""

from __future__ import annotations

import logging
import sys
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from itertools import islice

from mneme.errors import MnemeError
from mneme.runtime.journal import Journal
from mneme.runtime.record import Record, Whole
from mneme.runtime.table import Table
from mneme.stores.base import text_store

_log = logging.getLogger("mneme.store")

# Texts of about 90,000 ordinary answers; reading one from the file again takes 6 microseconds more than having it.
HELD_BYTES = 64 * 1_048_576
# What the table of those held takes for each.
PLACE_BYTES = 150
# Texts that came first, but were used since accesses were last written, which are passed over for one that comes.
CHANCES = 16
# Read at a time, where all are wanted.
BATCH = 1_000


class Texts:
    """Makes records whole, and forgets the texts that were not used for longest; stores without `text` forget none.

    An id is of one version of one entry: what is read under it is that version's text, or nothing.
    """

    def __init__(self, table: Table, journal: Journal) -> None:
        self._table = table
        self._journal = journal
        self._store = text_store(journal.store)
        self._held: OrderedDict[int, int] = OrderedDict()
        self._bytes = 0
        self.limit = HELD_BYTES
        if self._store is not None:
            table.watch(self._came, self._left)

    def whole(self, record: Record) -> Whole | None:
        """Return a record with its texts; None where its entry is gone, or cannot be read, which is logged."""
        if isinstance(record, Whole):
            return record
        if self._store is None:
            return None
        try:
            found = self._store.text(record.id, record.key)
        except MnemeError as error:
            self._journal.error = error
            _log.warning("the texts of an entry could not be read; it is not served: %s", error)
            return None
        if found is None:
            return None
        whole = Whole.of_cold(record, *found)
        with self._table.lock:
            self._table.swap(record, whole)
        return whole

    def queries(self, records: Iterable[Record]) -> Iterator[tuple[Record, str]]:
        """Yield records with their queries, without those whose entries are gone; raises StoreBackendError."""
        rest = iter(records)
        while batch := list(islice(rest, BATCH)):
            cold = [record.id for record in batch if record.query is None]
            read = self._store.queries(cold) if cold and self._store is not None else {}
            for record in batch:
                query = read.get(record.id) if record.query is None else record.query
                if query is not None:
                    yield record, query

    @property
    def memory_bytes(self) -> int:
        """What the texts that are here take."""
        return self._table.text_bytes if self._store is None else self._bytes

    # Both under the table's lock.

    def _came(self, whole: Whole) -> None:
        self._held[whole.id] = size = sys.getsizeof(whole.query) + sys.getsizeof(whole.response) + PLACE_BYTES
        self._bytes += size
        chances = CHANCES
        used = self._table.uses.accesses
        while self._bytes > self.limit and len(self._held) > 1:
            number = next(iter(self._held))
            if number == whole.id or (chances > 0 and number in used):
                chances -= 1
                self._held.move_to_end(number)
            else:
                self._cool(number)

    def _cool(self, number: int) -> None:
        self._bytes -= self._held.pop(number)
        record = self._table.by_id.get(number)
        if isinstance(record, Whole):
            self._table.swap(record, record.cold())

    def _left(self, record: Record) -> None:
        self._bytes -= self._held.pop(record.id, 0)
