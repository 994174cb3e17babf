"""The shipped contract, run for both shipped stores, and for a wrapped one."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mneme import MemoryStore, SQLiteStore
from mneme.stores.base import Store
from mneme.testing import FaultyStore, StoreContract
from mneme.testing.search_contract import SearchContract
from mneme.testing.searching_store import SearchingStore


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def make_store(self) -> Callable[[], Store]:
        store = MemoryStore()
        return lambda: store


class TestSQLiteStore(StoreContract):
    @pytest.fixture
    def make_store(self, tmp_path: Path) -> Callable[[], Store]:
        return lambda: SQLiteStore(tmp_path / "cache.db")


class TestCachesSharingOneSQLiteStore(StoreContract):
    @pytest.fixture
    def make_store(self, tmp_path: Path) -> Callable[[], Store]:
        store = SQLiteStore(tmp_path / "cache.db")
        return lambda: store


class TestSearchingStore(SearchContract):
    @pytest.fixture
    def make_search_store(self) -> Callable[[], Store]:
        store = SearchingStore()
        return lambda: store


class TestFaultyStoreWithoutFaults(StoreContract):
    @pytest.fixture
    def make_store(self) -> Callable[[], Store]:
        store = FaultyStore(MemoryStore())
        return lambda: store


def test_the_helpers_load_without_pytest() -> None:
    program = "import sys, mneme.testing; print('pytest' in sys.modules, mneme.testing.StoreContract.__name__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "False StoreContract\n"


class TestTheStoreOfTheHowToPage(StoreContract):
    @pytest.fixture
    def make_store(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Store]:
        monkeypatch.chdir(tmp_path)
        page = (Path(__file__).parents[2] / "docs" / "how-to" / "write-a-store.md").read_text("utf-8")
        names: dict[str, Any] = {}
        exec(re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[0], names)
        store = MemoryStore()
        return lambda: names["AuditedStore"](store, tmp_path / "trail.jsonl")


def test_a_contract_that_is_broken_shows_the_values(tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "import pytest\nfrom mneme import MemoryStore\nfrom mneme.testing import StoreContract\n\n"
        "class Deaf(MemoryStore):\n    def changed(self, cursor):\n        return False\n\n"
        "class TestDeaf(StoreContract):\n    @pytest.fixture\n    def make_store(self):\n"
        "        store = Deaf()\n        return lambda: store\n"
    )
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-k", "has_changed", "."]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout

    assert "assert [(False, Fals" in said
    assert "PytestAssertRewriteWarning" not in said
