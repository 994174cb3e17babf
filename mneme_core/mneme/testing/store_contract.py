"""What every store promises, as tests: subclass StoreContract in a pytest module of your own.

class TestMyStore(StoreContract):
    @pytest.fixture
    def make_store(self, tmp_path):
        return lambda: MyStore(tmp_path / "cache")
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from mneme.errors import EmbedderDimensionError, EmbedderMismatchError
from mneme.stores.base import BEGINNING, Clear, Delete, Identity, Put, Store, Usage
from mneme.testing.lease_contract import LeaseContract
from mneme.testing.reader import IDENTITY, entry
from mneme.testing.sharing_contract import Readers, SharingContract, Stores


class StoreContract(SharingContract, LeaseContract):
    """The tests. `make_store` returns a new handle on one and the same content (or the same object again).

    What a store may leave out is skipped with the reason where it has not got it; `pytest -rs` lists that.
    """

    def test_it_has_what_a_store_has(self, make_store: Stores) -> None:
        store = make_store()

        # Not `isinstance(store, Store)`, which from Python 3.12 on looks past what `__getattr__` passes on.
        parts = [name for name in vars(Store) if not name.startswith("_")]
        assert [name for name in parts if not hasattr(store, name)] == []
        assert isinstance(store.name, str)
        assert isinstance(store.blocking, bool)

    def test_a_new_store_is_empty(self, reader: Readers) -> None:
        store = reader().store

        assert [changes for changes, _ in store.pull(BEGINNING) if changes] == []
        assert store.counters() == {}

    def test_an_entry_is_read_back_as_it_was_written(self, reader: Readers) -> None:
        first, second = reader(), reader()
        written = entry(
            "naïve\x00 🙂 'quoted' %s",
            "a\r\nb\x00",
            "tenant:1/ü",
            metadata={"a": [1, 2.5, None, {"ü": "\x00"}], "b": True},
            ttl=0.25,
            created_at=1_700_000_000.123456,
            last_accessed_at=1_700_000_001.5,
            access_count=3,
            compute_seconds=0.75,
        )

        (number,) = first.write(Put(written))
        second.pull()

        assert list(second.entries.values()) == [replace(written, id=number)]

    def test_an_entry_without_a_vector_is_read_back_without_one(self, reader: Readers) -> None:
        first, second = reader(), reader()
        numbers = first.write(Put(entry("exact", embedding=b"")), Put(entry("both")))
        second.pull()

        assert [held.embedding for held in second.entries.values()] == [b"", entry("both").embedding]
        assert second.store.vectors(numbers) == {numbers[1]: entry("both").embedding}

    def test_changes_are_numbered_in_order(self, reader: Readers) -> None:
        cache = reader()
        numbers = [*cache.write(Put(entry("a")), Delete("00")), *cache.write(Put(entry("b"))), *cache.write(Clear("x"))]

        assert all(before < after for before, after in itertools.pairwise(numbers))
        assert cache.cursor.sequence == numbers[-1]

    def test_a_put_replaces_the_entry_of_its_key_under_a_new_number(self, reader: Readers) -> None:
        first, second = reader(), reader()
        (old,) = first.write(Put(entry("a", "old", ttl=1.0, access_count=5)))
        (new,) = first.write(Put(entry("a", "new")))
        second.pull()

        assert list(second.entries.values()) == [entry("a", "new", id=new)]
        assert first.store.vectors([old, new]) == {new: entry("a").embedding}

    def test_a_delete_removes_the_entry_of_its_key_alone(self, reader: Readers) -> None:
        first, second = reader(), reader()
        first.write(Put(entry("a")), Put(entry("b")))
        first.write(Delete(entry("a").query_hash), Delete(entry("missing").query_hash))

        assert second.pull() == {"b": "answer to b"}

    def test_a_clear_removes_a_namespace_with_its_counters(self, reader: Readers) -> None:
        first, second = reader(), reader()
        counters = {("x", "misses"): 1, ("y", "misses"): 2}
        first.write(Put(entry("a", namespace="x")), Put(entry("b", namespace="y")), usage=Usage({}, counters))
        second.pull()
        first.write(Clear("x"))

        assert second.pull() == reader().pull() == {"b": "answer to b"}
        assert first.store.counters() == {("y", "misses"): 2}

    def test_a_clear_of_everything_leaves_nothing(self, reader: Readers) -> None:
        first, second = reader(), reader()
        first.write(Put(entry("a")), Put(entry("b", namespace="y")), usage=Usage({}, {("y", "misses"): 2}))
        second.pull()
        first.write(Clear(None), Put(entry("c")))

        assert second.pull() == reader().pull() == {"c": "answer to c"}
        assert first.store.counters() == {}

    def test_the_changes_of_one_write_follow_each_other(self, reader: Readers) -> None:
        key = entry("a").query_hash
        reader().write(Put(entry("a", "1")), Delete(key), Put(entry("a", "2")), Put(entry("b")), Delete(key))

        assert reader().pull() == {"b": "answer to b"}

    def test_vectors_of_missing_ids_are_left_out(self, reader: Readers) -> None:
        cache = reader()
        (number,) = cache.write(Put(entry("a")))

        assert cache.store.vectors(range(number, number + 50_000)) == {number: entry("a").embedding}
        assert cache.store.vectors([]) == {}

    def test_opening_again_and_compacting_change_nothing(self, reader: Readers) -> None:
        cache = reader()
        cache.write(Put(entry("a")), Put(entry("b")), Delete(entry("b").query_hash))
        cache.store.open(IDENTITY)
        cache.store.compact()

        assert reader().pull() == {"a": "answer to a"}
        assert cache.write(Put(entry("c"))) == [4] or cache.cursor.sequence > 3

    def test_entries_outlive_their_handle_and_closing_twice_does_nothing(self, reader: Readers) -> None:
        cache = reader()
        cache.write(Put(entry("a")))
        cache.store.close()
        cache.store.close()

        assert reader().pull() == {"a": "answer to a"}

    def test_a_store_of_another_embedder_is_refused(self, reader: Readers, make_store: Stores) -> None:
        reader().write(Put(entry("a")))

        with pytest.raises(EmbedderMismatchError, match="reembed"):
            make_store().open(Identity("test:other:v1", 2, "default"))
        with pytest.raises(EmbedderDimensionError, match="reembed"):
            make_store().open(Identity(IDENTITY.fingerprint, 3, "default"))
        assert reader().pull() == {"a": "answer to a"}
