"""Keys, and stores that are encrypted with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mneme import SQLiteStore
from mneme.stores.encrypted import EncryptedStore
from mneme.testing.reader import IDENTITY, Reader

OLD, NEW, OTHER = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.db"


@pytest.fixture
def open_reader(path: Path) -> Iterator[Callable[..., Reader]]:
    """Open a reader over the file with these keys; all are closed after the test."""
    opened: list[EncryptedStore] = []

    def make(*keys: bytes) -> Reader:
        store = EncryptedStore(SQLiteStore(path), lambda: keys)
        store.open(IDENTITY)
        opened.append(store)
        return Reader(store)

    yield make
    for store in opened:
        store.close()
