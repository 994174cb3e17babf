"""What becomes of the questions of a GPTCache store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from mneme import SemanticCache
from mneme.engine.keys import key_of, partition_of
from mneme.engine.vectors import unit
from mneme.errors import InvalidArgumentError
from mneme.model import StoredEntry
from mneme.stores.base import Cursor
from mneme.stores.sqlite import SQLiteStore
from mneme.testing import FakeClock, WordEmbedder
from mneme.tools.importing import Reason, import_entries


@pytest.fixture
def words() -> WordEmbedder:
    return WordEmbedder()


def content(path: Path) -> list[StoredEntry]:
    with closing(SQLiteStore(path)) as store:
        store.identity()
        return [change.entry for batch, _ in store.pull(Cursor(0, 0)) for change in batch]


def test_a_question_becomes_an_entry_with_its_times(foreign, tmp_path, words):
    source = foreign.gptcache(
        tmp_path / "a.db",
        {
            "question": "How do I pay?",
            "create_on": "2024-05-06 07:08:09.500000",
            "last_access": "2024-06-06 07:08:09",
        },
    )

    report = import_entries(source, tmp_path / "cache.db", words, namespace="acme")

    partition = partition_of("acme")
    assert report.vectors_made == 1
    assert content(tmp_path / "cache.db") == [
        StoredEntry(
            id=1,
            namespace="acme",
            query_hash=key_of(partition, "how do i pay?").hex(),
            query="How do I pay?",
            response="By card.",
            embedding=unit(words.embed("how do i pay?"), 64).tobytes(),
            metadata={},
            created_at=datetime(2024, 5, 6, 7, 8, 9, 500_000).timestamp(),
            last_accessed_at=datetime(2024, 6, 6, 7, 8, 9).timestamp(),
            ttl=None,
            access_count=0,
            partition=partition,
        )
    ]


def test_without_times_an_entry_begins_with_the_import(foreign, tmp_path, words):
    source = foreign.gptcache(tmp_path / "a.db", {"question": "one", "create_on": None})

    import_entries(source, tmp_path / "cache.db", words, clock=FakeClock(5.5))

    assert [(each.created_at, each.last_accessed_at) for each in content(tmp_path / "cache.db")] == [(5.5, 5.5)]


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ({"deleted": -1}, "deleted"),
        ({"answers": []}, "no answer"),
        ({"answers": [("a", 0), ("b", 0)]}, "more than one answer"),
        ({"answers": [("http://example.org/i.png", 2)]}, "answer that is not text"),
        ({"answers": [(b"a", 0)]}, "column of the wrong type"),
        ({"question": b"one"}, "column of the wrong type"),
        ({"create_on": "yesterday"}, "column of the wrong type"),
        ({"create_on": 12}, "column of the wrong type"),
        ({"deps": ["d"]}, "depends on other data"),
        ({"sessions": ["s", "t"]}, "belongs to a session"),
    ],
)
def test_what_is_no_question_with_one_answer_for_all_is_skipped(question, reason, foreign, tmp_path, words):
    source = foreign.gptcache(tmp_path / "a.db", {"question": "one", **question}, {"question": "two"})

    report = import_entries(source, tmp_path / "cache.db", words)

    counts = {name: found.count for name, found in report.skipped.items()}
    assert (report.read, counts) == (2, {reason: 1})


def test_the_newest_of_equal_questions_is_kept(foreign, tmp_path, words):
    source = foreign.gptcache(
        tmp_path / "a.db",
        {"question": "one", "create_on": "2024-01-01 00:00:00", "answers": [("old", 0)]},
        {"question": "one", "create_on": "2024-01-02 00:00:00", "answers": [("new", 0)]},
    )

    import_entries(source, tmp_path / "cache.db", words)

    with SemanticCache(tmp_path / "cache.db", words) as cache:
        assert cache.get("one").response == "new"


def test_tables_of_another_name_are_found(foreign, tmp_path, words):
    source = foreign.gptcache(tmp_path / "a.db", {"question": "one", "deleted": -1}, prefix="my app")

    report = import_entries(source, tmp_path / "cache.db", words)

    assert report.skipped == {"deleted": Reason(1, "my app_question, row 1")}


def test_a_store_without_tables_of_sessions_and_dependencies_is_read(foreign, tmp_path, words):
    source = foreign.gptcache(tmp_path / "a.db", {"question": "one"})
    with closing(sqlite3.connect(source)) as db:
        db.executescript("DROP TABLE gptcache_session; DROP TABLE gptcache_question_dep")

    assert import_entries(source, tmp_path / "cache.db", words).imported == 1


def test_two_stores_in_one_file_are_refused(foreign, tmp_path, words):
    source = foreign.gptcache(tmp_path / "a.db", {"question": "one"})
    foreign.gptcache(source, {"question": "two"}, prefix="second")

    with pytest.raises(InvalidArgumentError, match=r"several GPTCache stores \(gptcache, second\)"):
        import_entries(source, tmp_path / "cache.db", words)
