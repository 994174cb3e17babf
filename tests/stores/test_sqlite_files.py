"""What SQLiteStore makes of the file it is given."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import stat
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mneme import InvalidArgumentError, SemanticCache, SQLiteStore, StoreBackendError
from mneme.errors import CorruptCacheError, MultiProcessLockError
from mneme.stores.base import Put
from mneme.stores.sqlite import connection, schema
from mneme.testing import WordEmbedder
from mneme.testing.reader import BEGINNING, IDENTITY, Reader, entry


def test_a_new_file_is_readable_by_its_owner_alone(store: SQLiteStore, path: Path) -> None:
    store.open(IDENTITY)
    Reader(store).write(Put(entry("a")))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}

    assert modes == {"cache.db": 0o600, "cache.db-shm": 0o600, "cache.db-wal": 0o600}


def test_a_closed_cache_is_one_file(filled: bytes, path: Path, answers: Any) -> None:
    assert [file.name for file in path.parent.iterdir()] == ["cache.db"]
    assert len(answers(path)) == 200


def test_paths_may_hold_what_urls_may_not(tmp_path: Path, answers: Any) -> None:
    path = tmp_path / "a?b #c%20d;é.db"
    with closing(SQLiteStore(path)) as store:
        store.open(IDENTITY)
        Reader(store).write(Put(entry("a")))

    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert answers(path) == {"a": "answer to a"}


@pytest.mark.parametrize("arguments", [("",), (None,), (":memory:",), (3,)])
def test_a_path_that_names_no_file_is_refused(arguments: tuple[str]) -> None:
    with pytest.raises(InvalidArgumentError, match="path"):
        SQLiteStore(*arguments)


@pytest.mark.parametrize("options", [{"timeout": -1}, {"timeout": float("nan")}, {"cache_size_kb": -1}])
def test_a_negative_option_is_refused(path: Path, options: dict[str, float]) -> None:
    with pytest.raises(InvalidArgumentError, match="from 0 on"):
        SQLiteStore(path, **options)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreBackendError, match=r"missing.*does not exist"):
        SQLiteStore(tmp_path / "missing" / "cache.db").open(IDENTITY)


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreBackendError, match="is a directory"):
        SQLiteStore(tmp_path).open(IDENTITY)


def test_a_store_that_is_not_open_says_so(store: SQLiteStore) -> None:
    with pytest.raises(StoreBackendError, match="is not open"):
        store.write([], BEGINNING)
    with pytest.raises(StoreBackendError, match="is not open"):
        list(store.pull(BEGINNING))


@pytest.mark.parametrize("content", [b"not a database" * 100, b"\x00" * 8192, b"PK\x03\x04" * 2000])
def test_a_file_that_is_no_database_is_refused_and_kept(store: SQLiteStore, path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(CorruptCacheError, match="loads"):
        store.open(IDENTITY)
    assert path.read_bytes() == content


def test_another_programs_database_is_refused_and_kept(store: SQLiteStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE bookmarks (url TEXT)")
        db.execute("PRAGMA user_version = 7")
        db.commit()
    before = path.read_bytes()

    with pytest.raises(CorruptCacheError, match="another program"):
        store.open(IDENTITY)
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == {"cache.db": before}


@pytest.mark.parametrize(
    "planted",
    [
        "CREATE TRIGGER t AFTER INSERT ON entries BEGIN UPDATE entries SET response = 'planted'; END",
        "CREATE VIEW v AS SELECT * FROM entries",
    ],
)
def test_a_file_in_which_somebody_planted_code_is_refused_and_kept(
    store: SQLiteStore, path: Path, filled: bytes, planted: str
) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(planted)
    before = path.read_bytes()

    with pytest.raises(CorruptCacheError, match="--salvage"):
        store.open(IDENTITY)
    assert path.read_bytes() == before


def test_an_empty_file_becomes_a_cache(store: SQLiteStore, path: Path, answers: Any) -> None:
    path.touch()
    store.open(IDENTITY)
    Reader(store).write(Put(entry("a")))

    assert answers(path) == {"a": "answer to a"}


def test_a_corrupt_header_is_refused_and_the_file_kept(store: SQLiteStore, path: Path, filled: bytes) -> None:
    damaged = b"\xff" * 16 + filled[16:]
    path.write_bytes(damaged)

    with pytest.raises(CorruptCacheError, match="loads"):
        store.open(IDENTITY)
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_never_read_as_a_smaller_cache(
    store: SQLiteStore, path: Path, filled: bytes, part: float
) -> None:
    path.write_bytes(filled[: int(len(filled) * part)])

    with pytest.raises(CorruptCacheError, match="damaged"):
        store.open(IDENTITY)
        Reader(store).pull()


@pytest.mark.parametrize("by", [b"\x00" * 8_192, b"\xff" * 8_192, b"\x0d" * 8_192, b"\x05\x00" * 4_096])
def test_a_damaged_page_is_corruption_wherever_it_is_and_the_file_is_kept(path: Path, filled: bytes, by: bytes) -> None:
    pages = len(filled) // len(by)
    refused = 0
    for page in range(pages):
        damaged = filled[: page * len(by)] + by + filled[(page + 1) * len(by) :]
        path.write_bytes(damaged)
        try:
            with SemanticCache(path, WordEmbedder(IDENTITY.dim, IDENTITY.fingerprint)) as cache:
                records = list(cache._core.table.by_id.values())
                wholes = [whole for whole in map(cache._core.texts.whole, records) if whole is not None]
            assert all(whole.response == "x" * 500 for whole in wholes)
        except CorruptCacheError:
            refused += 1
            assert path.read_bytes() == damaged

    assert refused > pages // 2  # of other pages, such as those of the index of keys, opening needs nothing


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE entries SET metadata = '{' WHERE seq = 100",
        "UPDATE entries SET metadata = x'00ff' WHERE seq = 100",
        "UPDATE entries SET metadata = '[]' WHERE seq = 100",
        "UPDATE entries SET key = 7 WHERE seq = 100",
        "UPDATE entries SET vector = 'text' WHERE seq = 100",
        "UPDATE entries SET vector = x'00' WHERE seq = 100",
        "UPDATE entries SET response = x'00' WHERE seq = 100",
        "UPDATE entries SET created_at = 'yesterday' WHERE seq = 100",
        "UPDATE entries SET ttl = 'soon' WHERE seq = 100",
        "UPDATE entries SET access_count = 'often' WHERE seq = 100",
        "UPDATE entries SET compute_seconds = x'00' WHERE seq = 100",
        "DELETE FROM meta WHERE name = 'dim'",
        "UPDATE meta SET value = 'many' WHERE name = 'dim'",
    ],
)
def test_a_row_that_mneme_did_not_write_is_corruption(
    store: SQLiteStore, path: Path, filled: bytes, damage: str
) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(damage)
        db.commit()

    with pytest.raises(CorruptCacheError):
        SemanticCache(store=store, embedder=WordEmbedder(IDENTITY.dim, IDENTITY.fingerprint))


def test_a_damaged_row_that_comes_later_is_corruption_too(store: SQLiteStore, path: Path, filled: bytes) -> None:
    store.open(IDENTITY)
    reader = Reader(store)
    reader.pull()
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE entries SET seq = 1000, metadata = '{' WHERE seq = 100")
        db.commit()

    assert store.changed(reader.cursor)
    with pytest.raises(CorruptCacheError, match="1000"):
        reader.pull()


def test_a_file_that_may_not_be_written_is_an_error_of_the_store() -> None:
    with tempfile.TemporaryDirectory() as directory:  # other users may enter it, unlike pytest's own
        path = Path(directory, "cache.db")
        with closing(SQLiteStore(path)) as store:
            store.open(IDENTITY)
        path.chmod(0o444)
        path.parent.chmod(0o555)
        with multiprocessing.get_context("fork").Pool(1) as pool:
            failure = pool.apply(_open_without_privileges, (path,))

    assert failure.startswith("StoreBackendError: opening")


def _open_without_privileges(path: Path) -> str:
    if os.geteuid() == 0:  # root may write everything
        os.setgroups([])
        os.setgid(65_534)
        os.setuid(65_534)
    try:
        SQLiteStore(path).open(IDENTITY)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


def test_a_lock_that_is_held_too_long_is_named(store: SQLiteStore, path: Path, answers: Any) -> None:
    store.open(IDENTITY)
    reader = Reader(store)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(MultiProcessLockError, match="timeout"):
            reader.write(Put(entry("a")))
        db.execute("COMMIT")

    reader.write(Put(entry("a")))
    assert answers(path) == {"a": "answer to a"}


def test_after_a_wait_in_vain_nobody_is_kept_waiting_as_long_until_the_lock_is_free(path: Path) -> None:
    def waits(store: SQLiteStore) -> float:
        assert store._db is not None
        return store._db.execute("PRAGMA busy_timeout").fetchone()[0] / 1_000

    with closing(SQLiteStore(path, timeout=0.2)) as store:
        store.open(IDENTITY)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(MultiProcessLockError):
                store.write([Put(entry(1))], BEGINNING)
            held_up = waits(store)
            with pytest.raises(MultiProcessLockError):
                store.write([Put(entry(1))], BEGINNING)
            other.execute("ROLLBACK")
        store.write([Put(entry(1))], BEGINNING)

        assert (held_up, waits(store)) == (0.05, 0.2)


def test_a_new_file_that_others_are_switching_to_wal_is_tried_again(
    store: SQLiteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, failures = schema.check, 3

    def busy(db: sqlite3.Connection, path: str) -> int:
        nonlocal failures
        if failures:
            failures -= 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY_RECOVERY
            raise error
        return plain(db, path)

    monkeypatch.setattr(schema, "check", busy)
    monkeypatch.setattr(connection, "RETRY_SECONDS", 0.0)
    store.open(IDENTITY)

    assert (failures, store.schema_version) == (0, 1)


def test_a_new_file_that_another_makes_a_cache_of_meanwhile_is_no_other_programs(path: Path) -> None:
    """Each read of the header comes a moment after the one before; the other process may be done in between."""

    class Overtaken(sqlite3.Connection):
        def execute(self, statement: str, *arguments: Any) -> sqlite3.Cursor:
            found = super().execute(statement, *arguments)
            if "application_id" in statement:
                schema.migrate(other, str(path))
            return found

    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        with closing(sqlite3.connect(path, isolation_level=None, factory=Overtaken)) as db:
            assert (schema.check(db, str(path)), schema.check(db, str(path))) == (0, 1)


def test_a_reader_does_not_wait_for_a_writer(store: SQLiteStore, path: Path) -> None:
    store.open(IDENTITY)
    reader = Reader(store)
    reader.write(Put(entry("a")))
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")

        assert not store.changed(reader.cursor)
        assert reader.pull() == {"a": "answer to a"}


def test_a_cache_goes_on_with_its_file_when_the_process_goes_to_another_directory(
    path: Path, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with SemanticCache(path, embedder) as cache:
        cache.put("one two three", "answer")
    monkeypatch.chdir(path.parent)
    with SemanticCache(path.name, embedder) as cache:
        monkeypatch.chdir(elsewhere)
        hit = cache.get("three two one")  # of which vectors and text are read now
        cache._core.store.before_fork()  # type: ignore[attr-defined]  # which disconnects
        cache._core.store.after_fork_on_both_sides()  # type: ignore[attr-defined]
        cache.put("put", "there")
    with SemanticCache(path, embedder) as cache:
        found = cache.get("put")

    assert (hit is not None, found is not None, list(elsewhere.iterdir())) == (True, True, [])


def _replaced(path: Path, embedder: WordEmbedder) -> None:
    """Put another cache in the place of one that is open."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    with SemanticCache(path, embedder) as other:
        other.put_many([(f"weather of city {number}", f"rain {number}") for number in range(4)])


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be removed")
def test_vectors_of_a_file_that_took_the_place_of_the_one_that_was_opened_are_not_read(
    path: Path, embedder: WordEmbedder
) -> None:
    with SemanticCache(path, embedder) as cache:
        cache.put_many([(f"price of item {number}", f"cost {number}") for number in range(4)])
    with SemanticCache(path, embedder) as cache:
        _replaced(path, embedder)

        assert [cache.get(f"of city {number} weather") for number in range(4)] == [None] * 4
        with pytest.raises(StoreBackendError, match="not the file that was opened"):
            cache.put("lost", "answer")


@pytest.mark.parametrize("replace", [True, False])
def test_a_cache_that_must_connect_again_does_so_to_no_other_file(
    path: Path, embedder: WordEmbedder, replace: bool
) -> None:
    with SemanticCache(path, embedder) as cache:
        cache.put_many([(f"price of item {number}", f"cost {number}") for number in range(4)])
        cache.get("item 1 of price")
        store: Any = cache._core.store
        store.before_fork()
        store.after_fork_on_both_sides()
        if replace:
            _replaced(path, embedder)
        else:
            path.unlink()

        assert cache.get("of item 2 price") is None
        with pytest.raises(StoreBackendError, match="not the file that was opened"):
            cache.put("lost", "answer")
        assert path.exists() is replace


def test_a_file_that_another_binds_after_it_was_connected_is_the_same_file(store: SQLiteStore, path: Path) -> None:
    path.touch()
    assert store.identity() is None
    with closing(SQLiteStore(path)) as other:
        other.open(IDENTITY)
    store.open(IDENTITY)

    store.compact()  # connects once more, and does not raise
