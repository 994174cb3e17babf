"""The shipped test of isolation, over what needs no server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mneme import MemoryStore, SQLiteStore
from mneme.stores.base import Store
from mneme.stores.encrypted import EncryptedStore
from mneme.testing.isolation_contract import IsolationContract
from mneme.testing.searching_store import SearchingStore


class TestMemoryStore(IsolationContract):
    @pytest.fixture
    def make_store(self) -> Callable[[], Store]:
        store = MemoryStore()
        return lambda: store


class TestSQLiteStore(IsolationContract):
    @pytest.fixture
    def make_store(self, tmp_path: Path) -> Callable[[], Store]:
        return lambda: SQLiteStore(tmp_path / "cache.db")


class TestEncryptedStore(IsolationContract):
    @pytest.fixture
    def make_store(self, tmp_path: Path) -> Callable[[], Store]:
        return lambda: EncryptedStore(SQLiteStore(tmp_path / "cache.db"), lambda: [b"k" * 32])


class TestSearchingStore(IsolationContract):
    @pytest.fixture
    def make_store(self) -> Callable[[], Store]:
        store = SearchingStore()
        return lambda: store
