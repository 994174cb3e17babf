"""What a store that searches for itself promises, as tests: subclass SearchContract in a pytest module of your own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from mneme.indexes.base import Vector
from mneme.model import StoredEntry
from mneme.stores.base import BEGINNING, Change, Clear, Cursor, Delete, Identity, Put, SearchStore, Store
from mneme.testing.reader import entry
from mneme.testing.sharing_contract import Stores

DIM = 8
IDENTITY = Identity("test:search:v1", DIM, "default")
AXES = np.eye(DIM, dtype=np.float32)
HERE, THERE = b"p" * 16, b"q" * 16


def placed(name: str, vector: Vector = AXES[0], partition: bytes = HERE, namespace: str = "default") -> StoredEntry:
    """Return an entry with this direction in this partition."""
    return replace(entry(name, namespace=namespace), embedding=unit(vector).tobytes(), partition=partition)


def unit(vector: Vector) -> Vector:
    """Return a vector of this direction of length 1."""
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def write(store: Store, *changes: Change, cursor: Cursor = BEGINNING) -> tuple[list[int], Cursor]:
    """Write changes; return their numbers and the cursor after them."""
    _, numbers, reached = store.write(changes, cursor)
    return list(numbers), reached


class SearchContract:
    """The tests. `make_search_store` returns a new handle, which searches, on one and the same content."""

    @pytest.fixture
    def make_search_store(self) -> Stores:
        """The subclass says which."""
        raise NotImplementedError

    @pytest.fixture
    def searching(self, make_search_store: Stores) -> Iterator[Callable[[], SearchStore]]:
        """Return a function that opens a handle; all are closed after the test."""
        opened: list[Store] = []

        def make() -> SearchStore:
            store = make_search_store()
            store.open(IDENTITY)
            assert isinstance(store, SearchStore)
            assert store.searches
            opened.append(store)
            return store

        yield make
        for store in opened:
            store.close()

    def test_an_entry_is_found_by_its_key(self, searching: Callable[[], SearchStore]) -> None:
        one, other = searching(), searching()
        written = replace(placed("a"), ttl=0.5, metadata={"x": ["ü"]}, access_count=2)
        (number,), _ = write(one, Put(written))

        assert other.find(written.query_hash) == replace(written, id=number, embedding=b"")
        assert other.find("00" * 16) is None

    def test_the_nearest_of_the_partition_are_found_best_first(self, searching: Callable[[], SearchStore]) -> None:
        store = searching()
        random = np.random.default_rng(5)
        vectors = random.standard_normal((60, DIM)).astype(np.float32)
        entries = [placed(f"e{n}", vectors[n], HERE if n % 2 else THERE) for n in range(60)]
        write(store, *map(Put, entries))
        query = unit(vectors[7] + 0.5 * vectors[9])

        found = store.nearest(HERE, query.tobytes(), 5, -1.0)

        cosines = {each.query: float(np.frombuffer(each.embedding, np.float32) @ query) for each in entries[1::2]}
        expected = sorted(cosines, key=lambda name: -cosines[name])[:5]
        assert [each.query for each, _ in found] == expected
        assert [cosine for _, cosine in found] == pytest.approx([cosines[name] for name in expected], abs=2e-6)
        assert all(each.embedding == b"" and each.id > 0 for each, _ in found)

    def test_what_is_below_the_floor_is_left_out(self, searching: Callable[[], SearchStore]) -> None:
        store = searching()
        write(store, *[Put(placed(f"e{n}", AXES[0] + n * AXES[1])) for n in range(4)])
        found = store.nearest(HERE, AXES[0].tobytes(), 10, 0.6)

        assert [each.query for each, _ in found] == ["e0", "e1"]

    def test_replaced_and_removed_entries_are_not_found(self, searching: Callable[[], SearchStore]) -> None:
        store = searching()
        names = ("kept", "replaced", "deleted")
        _, cursor = write(store, *[Put(placed(name, AXES[0] + 0.1 * at * AXES[1])) for at, name in enumerate(names)])
        gone = placed("other", AXES[0], namespace="other")
        _, cursor = write(store, Put(gone), Put(placed("replaced", AXES[3])), cursor=cursor)
        write(store, Delete(placed("deleted", AXES[0]).query_hash), Clear("other"), cursor=cursor)

        assert [each.query for each, _ in store.nearest(HERE, AXES[0].tobytes(), 10, 0.5)] == ["kept"]
        assert store.sizes() == {"default": 2}

    def test_entries_without_a_vector_are_found_by_key_alone(self, searching: Callable[[], SearchStore]) -> None:
        store = searching()
        bare = replace(placed("bare", AXES[0]), embedding=b"")
        write(store, Put(bare))

        assert store.find(bare.query_hash) is not None
        assert store.nearest(HERE, AXES[0].tobytes(), 10, -1.0) == []

    def test_changes_of_others_are_named(self, searching: Callable[[], SearchStore]) -> None:
        one, other = searching(), searching()
        first, second = placed("a"), placed("b")
        write(one, Put(first), Put(second))
        *_, (nothing, cursor) = other.pull(BEGINNING)
        _, after = write(one, Put(first), Delete(second.query_hash), Clear("x"), cursor=cursor)

        batches = list(other.pull(cursor))

        assert [change for changes, _ in other.pull(BEGINNING) for change in changes] == []
        assert not nothing
        assert [change for changes, _ in batches for change in changes] == [
            Delete(first.query_hash),
            Delete(second.query_hash),
            Clear("x"),
        ]
        assert batches[-1][1] == after

    def test_a_write_names_the_changes_of_others_first(self, searching: Callable[[], SearchStore]) -> None:
        one, other = searching(), searching()
        _, cursor = write(one, Put(placed("a")))
        write(other, Put(placed("b")), cursor=cursor)
        foreign, _, _ = one.write([Put(placed("c"))], cursor)

        assert list(foreign) == [Delete(placed("b").query_hash)]

    def test_everything_can_be_read_in_bulk(self, searching: Callable[[], SearchStore]) -> None:
        store = searching()
        write(store, *[Put(placed(name)) for name in "abc"])

        assert [row[3] for rows, _ in store.load() for row in rows] == ["a", "b", "c"]
