"""A Mneme plugin with one of everything, as small as it can be and still be right."""

import zlib
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np

from mneme import EmbedderDimensionError, EmbedderMismatchError
from mneme.indexes.base import Near
from mneme.model import Verdict
from mneme.plugins import EmbedderSpec, IndexSpec, PolicySpec, StoreSpec, hookimpl
from mneme.stores.base import Clear, Cursor, Delete, Put

heard = []


@hookimpl
def mneme_register_stores(register):
    register(StoreSpec("log", ("log",), open_log))


@hookimpl
def mneme_register_indexes(register):
    register(IndexSpec("brute", lambda dim, dtype, options: BruteIndex(dtype)))


@hookimpl
def mneme_register_embedders(register):
    register(EmbedderSpec("letters", LetterEmbedder))


@hookimpl
def mneme_register_policies(register):
    register(PolicySpec("lenient", Lenient))


@hookimpl
def mneme_on_event(event, attributes):
    heard.append((event, attributes["namespace"]))


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
        self._count(usage)
        return foreign, numbers, Cursor(len(self._log), 0)

    def _count(self, usage):
        if usage is None:
            return
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


class BruteIndex:
    """Compares the query with every vector."""

    name = "brute"
    memory_bytes = 0
    tombstones = 0

    def __init__(self, dtype):
        self.dtype = dtype
        self._partitions = {}

    def add_many(self, partition, ids, vectors):
        self._partitions.setdefault(partition, {}).update(zip(ids, vectors, strict=True))

    def remove(self, partition, id):
        return self._partitions.get(partition, {}).pop(id, None) is not None

    def drop(self, partition):
        self._partitions.pop(partition, None)

    def search(self, partition, query, k, floor):
        found = [Near(id, float(row @ query)) for id, row in self._partitions.get(partition, {}).items()]
        return sorted((near for near in found if near.similarity >= floor), key=lambda near: -near.similarity)[:k]

    def count(self, partition):
        return len(self._partitions.get(partition, {}))

    def search_seconds(self, partition):
        return self.count(partition) * 1e-6

    def compact(self):
        return 0


class LetterEmbedder:
    """Counts pairs of letters."""

    dim = 64
    fingerprint = "mneme-example-plugin:letters:v1"

    def embed(self, text):
        vector = np.zeros(self.dim, np.float32)
        for first, second in pairwise(text):
            vector[zlib.crc32((first + second).encode("utf-8", "replace")) % self.dim] += 1
        return vector


class Lenient:
    """Accepts every neighbour from a similarity on."""

    def __init__(self, floor=0.6):
        self.floor = floor

    def judge(self, query, neighbour, others):
        return Verdict(neighbour.similarity >= self.floor, neighbour.similarity, "close enough")
