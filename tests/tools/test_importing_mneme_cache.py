"""What becomes of the entries of a mneme-cache file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
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

SPECIAL = unit(np.arange(1, 65), 64).tobytes()
"""A vector that WordEmbedder does not make."""


@pytest.fixture
def words() -> WordEmbedder:
    return WordEmbedder()


def content(path: Path) -> list[StoredEntry]:
    with closing(SQLiteStore(path)) as store:
        store.identity()
        return [change.entry for batch, _ in store.pull(Cursor(0, 0)) for change in batch]


def test_an_entry_keeps_all_but_its_vector(foreign, tmp_path, words):
    source = foreign.mneme_cache(
        tmp_path / "a.db",
        {
            "namespace": "acme",
            "query": "How do  I pay?",
            "response": "By card.",
            "embedding": SPECIAL,
            "metadata": '{"n": 1, "s": "\\u00e9"}',
            "created_at": 1_000,
            "last_accessed_at": 2_000,
            "ttl": 3_600,
            "access_count": 7,
        },
    )

    import_entries(source, tmp_path / "cache.db", words, clock=FakeClock(1_500))

    partition = partition_of("acme")
    assert content(tmp_path / "cache.db") == [
        StoredEntry(
            id=1,
            namespace="acme",
            query_hash=key_of(partition, "how do i pay?").hex(),
            query="How do  I pay?",
            response="By card.",
            embedding=unit(words.embed("how do i pay?"), 64).tobytes(),
            metadata={"n": 1, "s": "é"},
            created_at=1_000.0,
            last_accessed_at=2_000.0,
            ttl=3_600.0,
            access_count=7,
            partition=partition,
        )
    ]


def test_it_is_served_to_its_namespace_alone(foreign, tmp_path, words):
    source = foreign.mneme_cache(tmp_path / "a.db", {"query": "one", "namespace": "acme"})

    import_entries(source, tmp_path / "cache.db", words)

    with SemanticCache(tmp_path / "cache.db", words) as cache:
        assert (cache.get("one"), cache.get("One", namespace="acme").response) == (None, "By card.")


def test_a_vector_of_the_same_embedder_is_kept(foreign, tmp_path, words):
    source = foreign.mneme_cache(
        tmp_path / "a.db", {"query": "How do I pay?", "embedding": SPECIAL}, fingerprint=words.fingerprint
    )

    report = import_entries(source, tmp_path / "cache.db", words)

    assert (report.vectors_reused, report.vectors_made, words.calls) == (1, 0, [])
    assert content(tmp_path / "cache.db")[0].embedding == SPECIAL


@pytest.mark.parametrize(
    ("fingerprint", "dim", "entry"),
    [
        ("test:other", 64, {}),
        ("test:words:v1", 32, {}),
        ("test:words:v1", 64, {"embedding": SPECIAL[:-4]}),
        ("test:words:v1", 64, {"embedding": SPECIAL[:-1]}),
        ("test:words:v1", 64, {"embedding": b"\0" * 256}),
        ("test:words:v1", 64, {"embedding": b"\xff" * 256}),
        ("test:words:v1", 64, {"embedding": "text"}),
        ("test:words:v1", 64, {"query_hash": "of another text"}),
    ],
)
def test_any_other_vector_is_made_anew(fingerprint, dim, entry, foreign, tmp_path, words):
    source = foreign.mneme_cache(
        tmp_path / "a.db", {"query": "One", "embedding": SPECIAL, **entry}, fingerprint=fingerprint, dim=dim
    )

    report = import_entries(source, tmp_path / "cache.db", words)

    assert (report.vectors_reused, report.vectors_made, words.calls) == (0, 1, ["one"])


@pytest.mark.parametrize(("now", "imported"), [(1_009.5, 1), (1_010.0, 0)])
def test_an_entry_is_imported_until_its_ttl_runs_out(now, imported, foreign, tmp_path, words):
    source = foreign.mneme_cache(tmp_path / "a.db", {"query": "one", "created_at": 1_000, "ttl": 10})

    report = import_entries(source, tmp_path / "cache.db", words, clock=FakeClock(now))

    assert (report.imported, report.skipped) == (imported, {} if imported else {"expired": Reason(1, "entries, row 1")})


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"query": b"one"}, "column of the wrong type"),
        ({"response": b"\xff"}, "column of the wrong type"),
        ({"metadata": b"{}"}, "column of the wrong type"),
        ({"created_at": "yesterday"}, "column of the wrong type"),
        ({"created_at": float("inf")}, "column of the wrong type"),
        ({"ttl": "soon"}, "column of the wrong type"),
        ({"created_at": 1e300}, "number out of range"),
        ({"created_at": -1e300}, "number out of range"),
        ({"last_accessed_at": 1e18}, "number out of range"),
        ({"access_count": 1e300}, "number out of range"),
        ({"access_count": 2**62}, "number out of range"),
        ({"access_count": "many"}, "column of the wrong type"),
        ({"access_count": float("inf")}, "column of the wrong type"),
        ({"ttl": -1e300}, "expired"),
        ({"metadata": "{"}, "metadata that is no JSON object"),
        ({"metadata": "[1]"}, "metadata that is no JSON object"),
        ({"metadata": "[" * 100_000}, "metadata that is no JSON object"),
        ({"metadata": '{"n": NaN}'}, "metadata or text that cannot be stored"),
        ({"metadata": '{"n": "' + "x" * 65_536 + '"}'}, "metadata or text that cannot be stored"),
        ({"response": ""}, "empty answer"),
    ],
)
def test_a_row_that_cannot_be_read_is_skipped_and_the_next_one_is_not(entry, reason, foreign, tmp_path, words):
    source = foreign.mneme_cache(tmp_path / "a.db", {"query": "one", **entry}, {"query": "two"})

    report = import_entries(source, tmp_path / "cache.db", words)

    assert (report.imported, {name: found.count for name, found in report.skipped.items()}) == (1, {reason: 1})
    assert [each.query for each in content(tmp_path / "cache.db")] == ["two"]


@pytest.mark.parametrize(
    "entry",
    [
        {"access_count": 2**53},
        {"access_count": -(2**62)},
        {"access_count": -1e300},
        {"ttl": 1e308},
        {"created_at": 253_402_300_799},
        {"created_at": -1},
    ],
)
def test_numbers_at_the_end_of_their_range_can_be_served(entry, foreign, tmp_path, words):
    source = foreign.mneme_cache(tmp_path / "a.db", {"query": "one", **entry})

    report = import_entries(source, tmp_path / "cache.db", words)

    with SemanticCache(tmp_path / "cache.db", words) as cache:
        assert (report.imported, cache.get("one").response) == (1, "By card.")


def test_text_that_is_not_utf_8_is_skipped(foreign, tmp_path, words):
    source = foreign.mneme_cache(tmp_path / "a.db", {"query": "one"}, {"query": "two"})
    with closing(sqlite3.connect(source, isolation_level=None)) as db:
        db.execute("UPDATE entries SET response = CAST(x'ff41' AS TEXT) WHERE id = 1")

    report = import_entries(source, tmp_path / "cache.db", words)

    assert (report.imported, report.skipped) == (
        1,
        {"column of the wrong type": Reason(1, "entries, row 1: a text is none, or is not UTF-8")},
    )


def test_questions_that_were_told_apart_by_case_stay_apart(foreign, tmp_path, words):
    source = foreign.mneme_cache(
        tmp_path / "a.db",
        {"query": "us", "response": "we", "query_hash": foreign.hashed("us")},
        {"query": "US", "response": "USA", "query_hash": foreign.hashed("US")},
    )

    report = import_entries(source, tmp_path / "cache.db", words)

    assert (report.imported, report.normalize) == (2, False)
    with SemanticCache(tmp_path / "cache.db", words, normalize=False) as cache:
        assert [cache.get(query).response for query in ("us", "US")] == ["we", "USA"]


def test_they_are_not_imported_into_a_cache_that_does_not_tell_them_apart(foreign, tmp_path, words):
    SemanticCache(tmp_path / "cache.db", words).close()
    source = foreign.mneme_cache(tmp_path / "a.db", {"query": "US", "query_hash": foreign.hashed("US")})

    with pytest.raises(InvalidArgumentError, match="case and white space"):
        import_entries(source, tmp_path / "cache.db", words)


def test_a_namespace_for_all_is_refused(foreign, tmp_path, words):
    with pytest.raises(InvalidArgumentError, match="namespaces of its own"):
        import_entries(foreign.mneme_cache(tmp_path / "a.db"), tmp_path / "cache.db", words, namespace="acme")


@pytest.mark.parametrize("change", ["UPDATE schema_meta SET value = '2'", "DELETE FROM schema_meta"])
def test_another_schema_version_is_refused(change, foreign, tmp_path, words):
    source = foreign.mneme_cache(tmp_path / "a.db", {"query": "one"})
    with closing(sqlite3.connect(source, isolation_level=None)) as db:
        db.execute(change)

    with pytest.raises(InvalidArgumentError, match="schema version"):
        import_entries(source, tmp_path / "cache.db", words)
