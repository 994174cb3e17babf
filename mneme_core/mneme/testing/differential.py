"""Any store against MemoryStore: the same changes give the same content, whoever wrote and read when.

class MyStoreMachine(StoreDifferential):
    def make_content(self):
        path = new_path()
        return lambda: MyStore(path)

TestMyStore = MyStoreMachine.TestCase
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mneme.stores.base import BulkStore, Change, Clear, Delete, Put, Store, Usage
from mneme.stores.memory import MemoryStore
from mneme.testing.reader import IDENTITY, Reader, entry, loaded
from mneme.testing.sharing_contract import noticed

HANDLES = st.integers(0, 1)
NAMES = st.sampled_from(["a", "b", "c", "naïve \x00 🙂"])
SPACES = st.sampled_from(["default", "x:y"])
MOMENTS = st.sampled_from([0.0, 1.5, 1e9 + 0.001])
NUMBERS = st.integers(1, 12)

ENTRIES = st.builds(
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
KEYS = st.builds(lambda name, space: entry(name, namespace=space).query_hash, NAMES, SPACES)
CHANGES = st.one_of(
    st.builds(Put, ENTRIES),
    st.builds(Put, ENTRIES),
    st.builds(Delete, KEYS, st.one_of(st.none(), NUMBERS)),
    st.builds(Clear, st.one_of(st.none(), SPACES)),
)
USAGES = st.builds(
    Usage,
    st.dictionaries(NUMBERS, st.tuples(MOMENTS, st.integers(1, 3)), max_size=3),
    st.dictionaries(st.tuples(SPACES, st.sampled_from(["misses", "hits_exact"])), st.integers(1, 3), max_size=2),
)


class StoreDifferential(RuleBasedStateMachine):
    """Two caches over one content of the store under test, and two over one MemoryStore, in step."""

    def __init__(self) -> None:
        super().__init__()
        self.make = self.make_content()
        self.memory = MemoryStore()
        self.over_memory = [_reader(self.memory) for _ in range(2)]
        self.over_store = [_reader(self.make()) for _ in range(2)]

    def make_content(self) -> Callable[[], Store]:
        """Return a function that makes a handle on one new, empty content; the subclass says which."""
        raise NotImplementedError("a StoreDifferential needs make_content")

    def teardown(self) -> None:
        """Close both handles."""
        for reader in self.over_store:
            reader.store.close()

    @rule(handle=HANDLES, batch=st.lists(CHANGES, max_size=6), usage=st.one_of(st.none(), USAGES))
    def write(self, handle: int, batch: Sequence[Change], usage: Usage | None) -> None:
        """Write the same through both."""
        numbers = self.over_store[handle].write(*batch, usage=usage)

        assert list(numbers) == list(self.over_memory[handle].write(*batch, usage=usage))

    @rule(handle=HANDLES)
    def pull(self, handle: int) -> None:
        """Read what is new through both."""
        assert self.over_store[handle].pull() == self.over_memory[handle].pull()

    @rule(handle=HANDLES)
    def reopen(self, handle: int) -> None:
        """Start anew with one handle."""
        self.over_store[handle].store.close()
        self.over_store[handle] = _reader(self.make())
        self.over_memory[handle] = _reader(self.memory)

    @rule(handle=HANDLES)
    def compact(self, handle: int) -> None:
        """Give room back."""
        self.over_store[handle].store.compact()

    @invariant()
    def caches_know_the_same(self) -> None:
        """What was read through both is the same."""
        for reader, model in zip(self.over_store, self.over_memory, strict=True):
            assert reader.entries == model.entries
            assert reader.cursor.sequence == model.cursor.sequence
            if model.store.changed(model.cursor):
                assert noticed(reader)

    @invariant()
    def stores_hold_the_same(self) -> None:
        """What a new handle finds is the same."""
        with closing(self.make()) as store:
            fresh, model = _reader(store), _reader(self.memory)
            fresh.pull()
            model.pull()
            numbers = [held.id for held in model.entries.values()]

            assert fresh.entries == model.entries
            if isinstance(store, BulkStore):
                assert loaded(store)[0] == list(model.entries.values())
            assert store.counters() == self.memory.counters()
            assert store.vectors(numbers) == self.memory.vectors(numbers)


def _reader(store: Store) -> Reader:
    store.open(IDENTITY)
    return Reader(store)
