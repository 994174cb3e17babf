"""SQLiteStore against MemoryStore: the same changes give the same content, whoever wrote and read when."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mneme import MemoryStore, SQLiteStore
from mneme.stores import memory
from mneme.stores.base import Change, Clear, Delete, Put, Store, Usage
from mneme.stores.sqlite import log
from mneme.testing.reader import IDENTITY, Reader, entry, loaded

HANDLES = st.integers(0, 1)
NAMES = st.sampled_from(["a", "b", "c", "naïve \x00 🙂"])
SPACES = st.sampled_from(["default", "x:y"])
MOMENTS = st.sampled_from([0.0, 1.5, 1e9 + 0.001])
NUMBERS = st.integers(1, 12)

entries = st.builds(
    entry,
    NAMES,
    st.text(st.characters(codec="utf-8"), max_size=5),
    SPACES,
    embedding=st.sampled_from([b"", entry("a").embedding]),
    metadata=st.sampled_from([{}, {"k": [1, None, "ü"]}]),
    ttl=st.sampled_from([None, 0.5]),
    created_at=MOMENTS,
    last_accessed_at=MOMENTS,
    access_count=st.integers(0, 3),
    compute_seconds=st.sampled_from([None, 0.25]),
)
keys = st.builds(lambda name, space: entry(name, namespace=space).query_hash, NAMES, SPACES)
changes = st.one_of(
    st.builds(Put, entries),
    st.builds(Put, entries),
    st.builds(Delete, keys, st.one_of(st.none(), NUMBERS)),
    st.builds(Clear, st.one_of(st.none(), SPACES)),
)
usages = st.builds(
    Usage,
    st.dictionaries(NUMBERS, st.tuples(MOMENTS, st.integers(1, 3)), max_size=3),
    st.dictionaries(st.tuples(SPACES, st.sampled_from(["misses", "hits_exact"])), st.integers(1, 3), max_size=2),
)


class Differential(RuleBasedStateMachine):
    """Two caches over one file, and two over one MemoryStore, in step."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name, "cache.db")
        self.memory = MemoryStore()
        self.over_memory = [self._reader(self.memory) for _ in range(2)]
        self.over_sqlite = [self._reader(SQLiteStore(self.path)) for _ in range(2)]

    @staticmethod
    def _reader(store: Store) -> Reader:
        store.open(IDENTITY)
        return Reader(store)

    def teardown(self) -> None:
        for reader in self.over_sqlite:
            reader.store.close()
        self.directory.cleanup()

    @rule(handle=HANDLES, batch=st.lists(changes, max_size=6), usage=st.one_of(st.none(), usages))
    def write(self, handle: int, batch: list[Change], usage: Usage | None) -> None:
        numbers = self.over_sqlite[handle].write(*batch, usage=usage)

        assert list(numbers) == list(self.over_memory[handle].write(*batch, usage=usage))

    @rule(handle=HANDLES)
    def pull(self, handle: int) -> None:
        assert self.over_sqlite[handle].pull() == self.over_memory[handle].pull()

    @rule(handle=HANDLES)
    def reopen(self, handle: int) -> None:
        old = self.over_sqlite[handle]
        old.store.close()
        self.over_sqlite[handle] = self._reader(SQLiteStore(self.path))
        self.over_memory[handle] = self._reader(self.memory)

    @rule(handle=HANDLES)
    def compact(self, handle: int) -> None:
        self.over_sqlite[handle].store.compact()

    @invariant()
    def caches_know_the_same(self) -> None:
        for sqlite, model in zip(self.over_sqlite, self.over_memory, strict=True):
            assert sqlite.entries == model.entries
            assert sqlite.cursor.sequence == model.cursor.sequence
            if model.store.changed(model.cursor):
                assert sqlite.store.changed(sqlite.cursor)

    @invariant()
    def stores_hold_the_same(self) -> None:
        with closing(SQLiteStore(self.path)) as store:
            fresh, model = self._reader(store), self._reader(self.memory)
            fresh.pull(), model.pull()
            numbers = [held.id for held in model.entries.values()]

            assert fresh.entries == model.entries
            assert loaded(store)[0] == list(model.entries.values())
            assert store.counters() == self.memory.counters()
            assert store.vectors(numbers) == self.memory.vectors(numbers)


@pytest.fixture(autouse=True)
def short_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget removals after a few, so that readers that are far behind occur, and read in small batches."""
    monkeypatch.setattr(memory, "REMOVALS_KEPT", 2)
    monkeypatch.setattr(log, "REMOVALS_KEPT", 2)
    monkeypatch.setattr(log, "BATCH", 2)


class TestDifferential(Differential.TestCase):
    settings = settings(max_examples=60, stateful_step_count=15, derandomize=True, deadline=None)
