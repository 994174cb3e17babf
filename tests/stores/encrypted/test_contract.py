"""The shipped contract and the differential run, for encrypted stores."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import settings

from mneme import MemoryStore, SQLiteStore
from mneme.stores import memory
from mneme.stores.base import BulkStore, SnapshotStore, Store
from mneme.stores.encrypted import EncryptedStore
from mneme.stores.sqlite import log
from mneme.testing import StoreContract
from mneme.testing.differential import StoreDifferential

OLD, NEW = bytes(range(32)), bytes(range(32, 64))


def keys() -> Sequence[bytes]:
    return [OLD]


class TestEncryptedMemoryStore(StoreContract):
    @pytest.fixture
    def make_store(self) -> Callable[[], Store]:
        store = EncryptedStore(MemoryStore(), keys)
        return lambda: store


class TestEncryptedStoresOverOneMemoryStore(StoreContract):
    @pytest.fixture
    def make_store(self) -> Callable[[], Store]:
        store = MemoryStore()
        return lambda: EncryptedStore(store, keys)


class TestEncryptedSQLiteStore(StoreContract):
    @pytest.fixture
    def make_store(self, tmp_path: Path) -> Callable[[], Store]:
        return lambda: EncryptedStore(SQLiteStore(tmp_path / "cache.db"), keys)


class TestCachesSharingOneEncryptedSQLiteStore(StoreContract):
    @pytest.fixture
    def make_store(self, tmp_path: Path) -> Callable[[], Store]:
        store = EncryptedStore(SQLiteStore(tmp_path / "cache.db"), keys)
        return lambda: store


class TestHandlesThatEncryptWithDifferentKeys(StoreContract):
    """As while keys are changed: each handle knows both, and encrypts with the other than the one before."""

    @pytest.fixture
    def make_store(self, tmp_path: Path) -> Callable[[], Store]:
        given = [OLD, NEW]

        def make() -> Store:
            given.reverse()
            current = tuple(given)
            return EncryptedStore(SQLiteStore(tmp_path / "cache.db"), lambda: current)

        return make


class OverEncryptedSQLite(StoreDifferential):
    def make_content(self) -> Callable[[], Store]:
        self.directory = tempfile.TemporaryDirectory()
        return lambda: EncryptedStore(SQLiteStore(Path(self.directory.name, "cache.db")), keys)

    def teardown(self) -> None:
        super().teardown()
        self.directory.cleanup()


class OverEncryptedMemory(StoreDifferential):
    def make_content(self) -> Callable[[], Store]:
        store = MemoryStore()
        return lambda: EncryptedStore(store, keys)


@pytest.fixture(autouse=True)
def short_memory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget removals after a few, so that readers that are far behind occur, and read in small batches."""
    if "Differential" in request.node.nodeid:
        monkeypatch.setattr(memory, "REMOVALS_KEPT", 2)
        monkeypatch.setattr(log, "REMOVALS_KEPT", 2)
        monkeypatch.setattr(log, "BATCH", 2)


class TestDifferentialOverSQLite(OverEncryptedSQLite.TestCase):
    settings = settings(max_examples=40, stateful_step_count=15, derandomize=True, deadline=None)


class TestDifferentialOverMemory(OverEncryptedMemory.TestCase):
    settings = settings(max_examples=40, stateful_step_count=15, derandomize=True, deadline=None)


def test_it_can_do_what_the_store_under_it_can_do_and_no_more(tmp_path: Path) -> None:
    sqlite = EncryptedStore(SQLiteStore(tmp_path / "cache.db"), keys)
    memory = EncryptedStore(MemoryStore(), keys)

    assert [isinstance(sqlite, kind) for kind in (Store, BulkStore, SnapshotStore)] == [True, True, True]
    assert [isinstance(memory, kind) for kind in (Store, BulkStore, SnapshotStore)] == [True, False, False]
