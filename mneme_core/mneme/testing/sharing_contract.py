"""What a store promises to several caches over it, as tests; part of StoreContract."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest

from mneme.stores.base import BEGINNING, BulkStore, Clear, Delete, Put, SnapshotStore, Store, Usage, text_store
from mneme.testing.reader import IDENTITY, Reader, entry, loaded
from mneme.testing.waiting import PATIENCE_SECONDS, eventually

Stores: TypeAlias = Callable[[], Store]
Readers: TypeAlias = Callable[[], Reader]


def noticed(reader: Reader) -> bool:
    """Return whether the reader's store says that others changed it, at once unless it has a `lag`."""
    seconds = PATIENCE_SECONDS if hasattr(reader.store, "lag") else 0.0
    return eventually(lambda: reader.store.changed(reader.cursor), seconds)


class SharingContract:
    """The tests. `make_store` returns a new handle on one and the same content (or the same object again)."""

    @pytest.fixture
    def make_store(self) -> Stores:
        """Return a function that makes a store; the subclass says which."""
        raise NotImplementedError("a StoreContract needs a fixture make_store")

    @pytest.fixture
    def reader(self, make_store: Stores) -> Iterator[Readers]:
        """Return a function that makes a reader over a handle of its own."""
        opened: list[Store] = []

        def make() -> Reader:
            store = make_store()
            store.open(IDENTITY)
            opened.append(store)
            return Reader(store)

        yield make
        for store in opened:
            store.close()

    def test_a_delete_of_an_older_version_leaves_the_newer_one(self, reader: Readers) -> None:
        first, second = reader(), reader()
        (old,) = first.write(Put(entry("a", "old")))
        (new,) = second.write(Put(entry("a", "new")))
        first.write(Delete(entry("a").query_hash, old))

        assert reader().pull() == second.pull() == {"a": "new"}
        second.write(Delete(entry("a").query_hash, new))
        assert reader().pull() == {}

    def test_a_write_first_returns_what_others_changed(self, reader: Readers) -> None:
        first, second = reader(), reader()
        first.write(Put(entry("a", "first")), Put(entry("b")), Put(entry("c")))
        second.write(Put(entry("a", "second")))
        second.write(Delete(entry("b").query_hash))
        first.write(Put(entry("d")))

        assert first.answers() == {"a": "second", "c": "answer to c", "d": "answer to d"}
        assert second.pull() == first.answers()

    def test_a_store_has_changed_until_the_change_is_read(self, reader: Readers) -> None:
        first, second = reader(), reader()
        first.pull()
        second.pull()
        seen = []
        for change in (Put(entry("a")), Put(entry("a", "new")), Delete(entry("a").query_hash), Clear(None)):
            first.write(change)
            seen.append((first.store.changed(first.cursor), noticed(second)))
            second.pull()
            seen.append((first.store.changed(first.cursor), second.store.changed(second.cursor)))

        assert seen == [(False, True), (False, False)] * 4

    def test_uses_and_counters_add_up(self, reader: Readers) -> None:
        first, second = reader(), reader()
        (number,) = first.write(Put(entry("a", access_count=1)))
        first.write(usage=Usage({number: (2_000.5, 2)}, {("a:b", "misses"): 1, ("", "misses"): 4}))
        second.write(usage=Usage({number: (1_500.0, 3), number + 99: (1.0, 1)}, {("a:b", "misses"): 2}))
        third = reader()
        third.pull()

        assert list(third.entries.values()) == [entry("a", id=number, last_accessed_at=2_000.5, access_count=6)]
        assert third.store.counters() == {("a:b", "misses"): 3, ("", "misses"): 4}

    def test_a_long_log_is_read_to_its_end(self, reader: Readers) -> None:
        first, second, names = reader(), reader(), [f"q{number}" for number in range(2_500)]
        first.write(*(Put(entry(name)) for name in names[:1_000]))
        second.pull()
        first.write(
            *(Put(entry(name)) for name in names[1_000:]), *(Delete(entry(name).query_hash) for name in names[::3])
        )
        kept = [name for place, name in enumerate(names) if place % 3]

        assert sorted(second.pull()) == sorted(reader().pull()) == sorted(kept)

    def test_a_bulk_load_gives_what_the_log_gives(self, reader: Readers) -> None:
        cache, late = reader(), reader()
        if not isinstance(cache.store, BulkStore):
            return
        cache.write(Put(entry("gone")), *(Put(entry(f"q{number}")) for number in range(600)), Clear("other"))
        cache.write(Put(entry("a", metadata={"k": "ü"}, ttl=0.5, embedding=b"")), Delete(entry("gone").query_hash))
        entries, late.cursor = loaded(late.store)  # type: ignore[arg-type]  # a bulk store, as that of `cache` is
        late.apply([Put(entry) for entry in entries])

        assert [entry.id for entry in entries] == sorted(entry.id for entry in entries)
        assert not late.store.changed(late.cursor)
        assert late.cursor.sequence == cache.cursor.sequence
        assert late.entries == cache.entries

    def test_a_text_is_that_of_one_version_of_one_entry(self, reader: Readers) -> None:
        cache, other = reader(), reader()
        lazy = text_store(cache.store)
        if lazy is None:
            return
        names = ("a", "b", "c")
        cache.write(*(Put(entry(name)) for name in names))
        keys = {held.query: (held.id, bytes.fromhex(held.query_hash)) for held in cache.entries.values()}
        before = [lazy.text(*keys[name]) for name in names]
        other.write(Put(entry("a", "newer")), Delete(entry("b").query_hash))
        after = [lazy.text(*keys[name]) for name in names]

        assert before == [(name, f"answer to {name}") for name in names]
        assert after == [None, None, ("c", "answer to c")]
        assert lazy.text(keys["c"][0], keys["a"][1]) is None
        assert lazy.queries([number for number, _ in keys.values()]) == {keys["c"][0]: "c"}

    def test_writers_in_many_threads_lose_nothing_and_agree(self, reader: Readers) -> None:
        caches = [reader() for _ in range(4)]

        def write(cache: Reader, number: int) -> None:
            for turn in range(20):
                cache.write(Put(entry("shared", f"{number}.{turn}")), Put(entry(f"own {number}.{turn}")))

        threads = [threading.Thread(target=write, args=(cache, number)) for number, cache in enumerate(caches)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seen = [cache.pull() for cache in [*caches, reader()]]

        assert len(seen[0]) == 81
        assert all(other == seen[0] for other in seen)

    def test_a_snapshot_is_one_state_however_long_it_is_read(self, reader: Readers) -> None:
        cache = reader()
        if not isinstance(cache.store, SnapshotStore):
            return
        cache.write(*(Put(entry(f"q{number}")) for number in range(600)))
        second = cache.store.snapshot()
        batches = second.pull(BEGINNING)
        copy = Reader(second)
        copy.apply(next(batches)[0])
        cache.write(Clear(None), Put(entry("later")))
        for changes, _ in batches:
            copy.apply(changes)
        second.close()

        assert len(copy.entries) == 600
        assert reader().pull() == {"later": "answer to later"}
