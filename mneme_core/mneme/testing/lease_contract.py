"""What a store with leases promises, as tests: a part of StoreContract, skipped for a store that has none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from mneme.stores.base import LeaseStore, Store
from mneme.testing.reader import IDENTITY
from mneme.testing.sharing_contract import Stores
from mneme.testing.waiting import eventually


class LeaseContract:
    """The tests. `make_store` returns a new handle on one and the same content (or the same object again)."""

    by_session = False
    """Whether a lease lasts as long as its store is connected, however many seconds were asked for."""

    @pytest.fixture
    def leasing(self, make_store: Stores) -> Iterator[Callable[[], LeaseStore]]:
        """Return a function that opens a handle; all are closed after the test."""
        opened: list[Store] = []

        def make() -> LeaseStore:
            store = make_store()
            if not isinstance(store, LeaseStore):
                pytest.skip(f"the store {store.name!r} has no leases")
            store.open(IDENTITY)
            opened.append(store)
            return store

        yield make
        for store in opened:
            store.close()

    def test_one_at_a_time_has_a_lease(self, leasing: Callable[[], LeaseStore]) -> None:
        one, other = leasing(), leasing()

        assert one.lease("k", "a", 60)
        assert not other.lease("k", "b", 60)
        assert other.lease("another", "b", 60)

    def test_a_lease_can_be_prolonged_by_its_owner_alone(self, leasing: Callable[[], LeaseStore]) -> None:
        store = leasing()

        assert [store.lease("k", owner, 60) for owner in ("a", "a", "b")] == [True, True, False]

    def test_a_lease_that_was_given_back_is_free(self, leasing: Callable[[], LeaseStore]) -> None:
        one, other = leasing(), leasing()
        one.lease("k", "a", 60)
        one.release("k", "a")

        assert other.lease("k", "b", 60)

    def test_nobody_gives_back_what_another_has(self, leasing: Callable[[], LeaseStore]) -> None:
        one, other = leasing(), leasing()
        one.lease("k", "a", 60)
        other.release("k", "b")
        one.release("never", "a")

        assert not other.lease("k", "b", 60)

    def test_a_lease_that_ran_out_is_free(self, leasing: Callable[[], LeaseStore]) -> None:
        one, other = leasing(), leasing()
        one.lease("k", "a", 0.05)
        if self.by_session:
            one.close()
        assert eventually(lambda: other.lease("k", "b", 60))

        if not self.by_session:
            assert not one.lease("k", "a", 60)

    def test_of_many_who_come_at_once_one_has_it(self, leasing: Callable[[], LeaseStore]) -> None:
        stores = [leasing() for _ in range(4)]
        together, taken = threading.Barrier(len(stores)), []

        def take(number: int, store: LeaseStore) -> None:
            together.wait()
            taken.append(store.lease("k", f"owner {number}", 60))

        threads = [threading.Thread(target=take, args=each) for each in enumerate(stores)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(taken) == [False, False, False, True]
