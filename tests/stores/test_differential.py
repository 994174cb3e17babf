"""SQLiteStore against MemoryStore."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from mneme import SQLiteStore
from mneme.stores import memory
from mneme.stores.base import Store
from mneme.stores.sqlite import log
from mneme.testing.differential import StoreDifferential


class OverSQLite(StoreDifferential):
    def make_content(self) -> Callable[[], Store]:
        self.directory = tempfile.TemporaryDirectory()
        return lambda: SQLiteStore(Path(self.directory.name, "cache.db"))

    def teardown(self) -> None:
        super().teardown()
        self.directory.cleanup()


@pytest.fixture(autouse=True)
def short_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget removals after a few, so that readers that are far behind occur, and read in small batches."""
    monkeypatch.setattr(memory, "REMOVALS_KEPT", 2)
    monkeypatch.setattr(log, "REMOVALS_KEPT", 2)
    monkeypatch.setattr(log, "BATCH", 2)


class TestDifferential(OverSQLite.TestCase):
    settings = settings(max_examples=60, stateful_step_count=15, derandomize=True, deadline=None)
