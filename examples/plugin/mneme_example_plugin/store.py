"""A store: every change is kept in a list, for as long as the process lives."""

from collections import Counter
from dataclasses import replace

from mneme import EmbedderDimensionError, EmbedderMismatchError
from mneme.stores.base import Clear, Cursor, Delete, Put


class LogStore:
    """Keeps every change in a list; a change's sequence number is its place in it."""

    name = "log"
    blocking = False
    schema_version = 1

    def __init__(self):
        self._identity = None
        self._log = []
        self._counters = Counter()

    def open(self, identity):
        self._identity = self._identity or identity
        if identity.fingerprint != self._identity.fingerprint:
            raise EmbedderMismatchError(f"filled by {self._identity.fingerprint!r}; reembed, or open another.")
        if identity.dim != self._identity.dim:
            raise EmbedderDimensionError(f"holds {self._identity.dim} numbers a vector; reembed, or open another.")

    def changed(self, cursor):
        return cursor.sequence != len(self._log)

    def pull(self, cursor):
        yield self._log[cursor.sequence :], Cursor(len(self._log), 0)

    def write(self, changes, cursor, usage=None):
        foreign = self._log[cursor.sequence :]
        numbers = range(len(self._log) + 1, len(self._log) + 1 + len(changes))
        for number, change in zip(numbers, changes, strict=True):
            if isinstance(change, Clear):
                spaces = {space for space, _ in self._counters if change.namespace in (None, space)}
                self._counters = Counter({at: n for at, n in self._counters.items() if at[0] not in spaces})
            put = isinstance(change, Put)
            self._log.append(Put(replace(change.entry, id=number)) if put else change)
        if usage is not None:
            self._count(usage)
        return foreign, numbers, Cursor(len(self._log), 0)

    def _count(self, usage):
        self._counters.update(usage.counters)
        for number, (last, accesses) in usage.accesses.items():
            change = self._log[number - 1]
            count = change.entry.access_count + accesses
            self._log[number - 1] = Put(replace(change.entry, last_accessed_at=last, access_count=count))

    def counters(self):
        return dict(self._counters)

    def vectors(self, ids):
        live = {}
        for change in self._log:
            match change:
                case Put(entry):
                    live[entry.query_hash] = entry
                case Delete(key):
                    live.pop(key, None)
                case Clear(namespace):
                    live = {k: e for k, e in live.items() if namespace not in (None, e.namespace)}
        return {entry.id: entry.embedding for entry in live.values() if entry.id in set(ids)}

    def after_fork(self): ...

    def close(self): ...


_logs = {}


def open_log(url, **options):
    """Return the log of that name; the same URL is the same log for as long as the process lives."""
    return _logs.setdefault(url, LogStore(**options))
