"""Which keys open a store, how they change, and what is said when they are wrong."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import mneme
from mneme import (
    AsyncSemanticCache,
    EmbedderDimensionError,
    EmbedderMismatchError,
    EncryptionError,
    InvalidArgumentError,
    MemoryStore,
    SemanticCache,
    SQLiteStore,
    Threshold,
)
from mneme.stores.base import BulkStore, Clear, Delete, Identity, Put
from mneme.stores.encrypted import EncryptedStore, keys
from mneme.testing import WordEmbedder
from mneme.testing.reader import IDENTITY, Reader, entry
from mneme.testing.searching_store import SearchingStore
from mneme.tools.migrate import reembed

OLD, NEW, OTHER = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))
Readers = Callable[..., Reader]


def names(path: Path) -> set[bytes]:
    """The names under which the file knows its entries."""
    with closing(sqlite3.connect(path)) as db:
        return {name for (name,) in db.execute("SELECT key FROM entries")}


# ---------------------------------------------------------------------------------- wrong keys


def test_another_key_is_refused_and_nothing_is_lost(open_reader: Readers) -> None:
    open_reader(OLD).write(Put(entry("a")))
    with pytest.raises(EncryptionError, match="of which 1 was not given"):
        open_reader(OTHER)

    assert open_reader(OLD).pull() == {"a": "answer to a"}


def test_another_key_is_refused_by_a_store_without_entries_too(open_reader: Readers) -> None:
    open_reader(OLD)
    with pytest.raises(EncryptionError):
        open_reader(OTHER)

    reader = open_reader(OLD)
    reader.write(Put(entry("a")), Clear(None))
    with pytest.raises(EncryptionError):
        open_reader(OTHER)


def test_clearing_the_namespace_of_the_marks_does_not_lose_them(open_reader: Readers) -> None:
    reader, other = open_reader(OLD), open_reader(OLD)
    reader.write(Put(entry("a")), Clear("\x01mneme: keys"))
    other.pull()
    other.write(Put(entry("b")))

    with pytest.raises(EncryptionError):
        open_reader(OTHER)
    assert reader.store.counters() == {}


def test_a_store_in_clear_is_refused_with_keys_and_stays_as_it_is(path: Path) -> None:
    with SemanticCache(path, WordEmbedder()) as cache:
        cache.put("q", "r")
    with pytest.raises(EncryptionError, match="is not encrypted"):
        SemanticCache.open(path, embedder=WordEmbedder(), encryption=lambda: [OLD])

    with SemanticCache(path, WordEmbedder()) as cache:
        assert cache.get("q").response == "r"  # type: ignore[union-attr]


def test_an_encrypted_store_is_refused_without_keys_and_stays_as_it_is(path: Path) -> None:
    with SemanticCache.open(path, embedder=WordEmbedder(), encryption=lambda: [OLD]) as cache:
        cache.put("q", "r")
    with pytest.raises(EncryptionError, match="is encrypted"):
        SemanticCache(path, WordEmbedder())
    with pytest.raises(EncryptionError, match="is encrypted"):
        reembed(path, path.with_name("new.db"), WordEmbedder(32, "another"))

    with SemanticCache.open(path, embedder=WordEmbedder(), encryption=lambda: [OLD]) as cache:
        assert cache.get("q").response == "r"  # type: ignore[union-attr]
    assert not path.with_name("new.db").exists()


def test_another_embedder_is_named_as_it_was_given(open_reader: Readers, path: Path) -> None:
    open_reader(OLD)
    store = EncryptedStore(SQLiteStore(path), lambda: [OLD])

    with pytest.raises(EmbedderMismatchError, match=r"filled by the embedder 'test:contract:v1', this one is 'other'"):
        store.open(Identity("other", 2, "default"))
    with pytest.raises(EmbedderDimensionError, match="holds vectors of 2 numbers, this embedder gives 3"):
        store.open(Identity(IDENTITY.fingerprint, 3, "default"))


@pytest.mark.parametrize(
    "given", [[], OLD, "k" * 32, [b"short"], ["k" * 32], [OLD, None], None, {"id": OLD}], ids=lambda given: type(given)
)
def test_what_is_no_list_of_keys_is_refused_and_not_shown(given: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="key") as error:
        EncryptedStore(MemoryStore(), lambda: given).open(IDENTITY)

    assert repr(OLD)[2:-1] not in str(error.value)
    assert "kkkk" not in str(error.value)


def test_keys_that_are_no_function_are_refused_and_not_shown() -> None:
    with pytest.raises(InvalidArgumentError, match="not shown") as error:
        EncryptedStore(MemoryStore(), [OLD])  # type: ignore[arg-type]

    assert repr(OLD) not in str(error.value)


class SearchingOnceOpen(SearchingStore):
    """Knows that it searches once it has asked its server."""

    searches = False
    closed = False

    def open(self, identity: Identity) -> None:
        super().open(identity)
        self.searches = True

    def close(self) -> None:
        self.closed = True


def test_a_store_that_searches_for_itself_is_refused_and_stays_as_it_is() -> None:
    inner = SearchingStore()
    with pytest.raises(InvalidArgumentError, match=r"cannot search what is encrypted.*mode='replica'"):
        SemanticCache(store=EncryptedStore(inner, lambda: [OLD]), embedder=WordEmbedder())

    assert inner.identity() is None
    with SemanticCache(store=inner, embedder=WordEmbedder()) as cache:
        cache.put("q", "r")


def test_a_store_that_finds_out_when_it_is_opened_that_it_searches_is_refused_too() -> None:
    inner = SearchingOnceOpen()
    with pytest.raises(InvalidArgumentError, match=r"cannot search what is encrypted.*mode='replica'"):
        SemanticCache(store=EncryptedStore(inner, lambda: [OLD]), embedder=WordEmbedder())

    assert inner.closed
    assert (inner.counters(), next(iter(inner.load()))[0]) == ({}, [])


def test_a_store_that_can_search_and_does_not_is_encrypted() -> None:
    class Replica(SearchingStore):
        searches = False
        pull, write = MemoryStore.pull, MemoryStore.write

    store = EncryptedStore(Replica(), lambda: [OLD])
    with SemanticCache(store=store, embedder=WordEmbedder(), policy=Threshold(0.8)) as cache:
        cache.put("one two three", "r")

        assert cache.get("three two one") is not None


def test_keys_that_cannot_be_had_are_an_error_with_its_cause(path: Path) -> None:
    def unreachable() -> list[bytes]:
        raise TimeoutError("no answer")

    with pytest.raises(EncryptionError, match="TimeoutError") as error:
        SemanticCache.open(path, embedder=WordEmbedder(), encryption=unreachable)

    assert isinstance(error.value.__cause__, TimeoutError)
    assert not path.exists()


def test_a_store_is_encrypted_once() -> None:
    with pytest.raises(InvalidArgumentError, match="already"):
        EncryptedStore(EncryptedStore(MemoryStore(), lambda: [OLD]), lambda: [OLD])


def test_without_the_library_the_extra_is_named() -> None:
    program = "import sys; sys.modules['cryptography'] = None\ntry: import mneme.stores.encrypted\n"
    program += "except ImportError as error: print(error)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "mneme-middleware[crypto]" in done.stdout


def test_the_library_is_not_loaded_for_a_cache_in_clear(tmp_path: Path) -> None:
    program = (
        "import sys; from mneme import SemanticCache; from mneme.testing import WordEmbedder\n"
        "SemanticCache.open('memory:', embedder=WordEmbedder()).put('q', 'r'); print('cryptography' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)

    assert done.stdout == "False\n"


# ---------------------------------------------------------------------------------- changing keys


def test_old_keys_open_and_the_first_seals(open_reader: Readers, path: Path) -> None:
    open_reader(OLD).write(Put(entry("a")))
    before = names(path)
    reader = open_reader(NEW, OLD)
    reader.pull()
    reader.write(Put(entry("b")))

    assert open_reader(NEW, OLD).pull() == open_reader(OLD, NEW).pull() == {"a": "answer to a", "b": "answer to b"}
    assert len(names(path) - before) == 1


@pytest.mark.parametrize("how", ["pull", "load"])
def test_a_question_has_one_entry_whatever_key_it_was_sealed_with(open_reader: Readers, path: Path, how: str) -> None:
    open_reader(OLD).write(Put(entry("a", "old")), Put(entry("b", "old")), Put(entry("c", "old")))
    writer = open_reader(NEW, OLD)
    writer.write(Put(entry("a", "new")), Delete(entry("b").query_hash))
    reader = open_reader(OLD, NEW)
    if how == "pull":
        found = reader.pull()
    else:
        assert isinstance(reader.store, BulkStore)
        found = {row[3]: row[4] for rows, _ in reader.store.load() for row in rows}

    assert found == {"a": "new", "c": "old"}
    assert len(names(path)) == 2


def test_after_resealing_the_old_key_can_go(open_reader: Readers, path: Path) -> None:
    old = open_reader(OLD)
    old.write(*(Put(entry(f"q{number}", metadata={"n": number}, ttl=5.0)) for number in range(1_200)))
    old.write(Put(entry("exact", embedding=b"")), Delete(entry("q7").query_hash))
    before = names(path)
    both = open_reader(NEW, OLD)
    both.pull()
    both.write(Put(entry("new")))
    resealed = both.store.reseal()  # type: ignore[attr-defined]
    new = open_reader(NEW)
    new.pull()

    def content(reader: Reader) -> dict[str, Any]:
        return {key: (held.response, held.metadata, held.embedding, held.ttl) for key, held in reader.entries.items()}

    both.pull()
    assert resealed == 1_200
    assert len(new.entries) == 1_201
    assert content(new) == content(both)
    assert not names(path) & before
    assert both.store.reseal() == 0  # type: ignore[attr-defined]
    with pytest.raises(EncryptionError):
        open_reader(OLD)


def test_a_cache_serves_while_its_store_is_resealed(path: Path) -> None:
    with SemanticCache.open(path, embedder=WordEmbedder(), encryption=lambda: [OLD]) as cache:
        cache.put_many([("one two three", "1"), ("four five six", "2")])
        cache.get("one two three")
    store = EncryptedStore(SQLiteStore(path), lambda: [NEW, OLD])
    with SemanticCache(store=store, embedder=WordEmbedder()) as cache:
        resealed = store.reseal()
        hits = [cache.get("one two three"), cache.get("six five four")]
    with SemanticCache.open(path, embedder=WordEmbedder(), encryption=lambda: [NEW], policy=Threshold(0.8)) as cache:
        hits += [cache.get("three two one"), cache.get("four five six")]
        counted = cache.stats().hits_exact

    assert resealed == 2
    assert [hit and (hit.response, hit.layer) for hit in hits] == [
        ("1", "exact"),
        ("2", "semantic"),
        ("1", "semantic"),
        ("2", "exact"),
    ]
    assert counted == 3


def test_what_another_writer_changes_during_resealing_wins(open_reader: Readers, path: Path) -> None:
    open_reader(OLD).write(*(Put(entry(name, "old")) for name in "abcd"), Put(entry("e", "old", "space")))
    both, other = open_reader(NEW, OLD), open_reader(OLD, NEW)
    inner = both.store.store  # type: ignore[attr-defined]
    write = inner.write

    def interrupted(*arguments: Any) -> Any:
        inner.write = write
        other.write(Put(entry("a", "newer")), Delete(entry("b").query_hash), Put(entry("c", "gone")), Clear("space"))
        other.write(Delete(entry("c").query_hash))
        return write(*arguments)

    inner.write = interrupted
    both.store.reseal()  # type: ignore[attr-defined]

    assert open_reader(NEW, OLD).pull() == {"a": "newer", "d": "old"}


def test_a_running_cache_asks_again_for_a_key_it_does_not_have(path: Path, open_reader: Readers) -> None:
    given = [OLD]
    store = EncryptedStore(SQLiteStore(path), lambda: given)
    with SemanticCache(store=store, embedder=WordEmbedder()) as running:
        running.put("one two three", "old")
        given = [NEW, OLD]
        with SemanticCache.open(path, embedder=WordEmbedder(), encryption=lambda: [NEW, OLD]) as other:
            other.put("one two three", "new")
        hit = running.get("one two three")

    assert hit is not None
    assert hit.response == "new"


def test_a_key_that_is_not_to_be_had_is_asked_for_once_in_some_seconds(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(keys, "ASK_AGAIN_SECONDS", 3_600.0)
    asked = []

    def ask() -> list[bytes]:
        asked.append(1)
        if len(asked) > 1:
            raise TimeoutError("secret")
        return [OLD]

    store = EncryptedStore(SQLiteStore(path), ask)
    store.open(IDENTITY)
    reader = Reader(store)
    other = EncryptedStore(SQLiteStore(path), lambda: [NEW, OLD])
    other.open(IDENTITY)
    writer = Reader(other)
    for name in "abc":
        writer.write(Put(entry(name)))
        reader.pull()
    once = len(asked)
    store._ring._next_question = 0.0
    writer.write(Put(entry("d")))
    with caplog.at_level(logging.WARNING):
        reader.pull()
    store.close()
    other.close()

    assert (once, len(asked), reader.entries) == (2, 3, {})
    assert "TimeoutError" in caplog.text
    assert "secret" not in caplog.text


# ---------------------------------------------------------------------------------- caches


async def test_an_async_cache_encrypts_too(path: Path) -> None:
    async with AsyncSemanticCache.open(path, embedder=WordEmbedder(), encryption=lambda: [OLD]) as cache:
        await cache.put("one two three", "r", metadata={"k": 1})
    async with AsyncSemanticCache.open(
        path, embedder=WordEmbedder(), encryption=lambda: [OLD], vector_dtype="int8", policy=Threshold(0.8)
    ) as cache:
        hits = [await cache.get("one two three"), await cache.get("three two one")]

        assert [(hit and (hit.response, hit.metadata, hit.layer)) for hit in hits] == [
            ("r", {"k": 1}, "exact"),
            ("r", {"k": 1}, "semantic"),
        ]
        assert cache.health().store_backend == "encrypted sqlite"


def test_limits_count_the_text_and_not_what_is_written() -> None:
    store = EncryptedStore(MemoryStore(), lambda: [OLD])
    with SemanticCache(store=store, embedder=WordEmbedder(), max_query_bytes=5, max_response_bytes=5) as cache:
        cache.put("12345", "12345")
        with pytest.raises(InvalidArgumentError):
            cache.put("123456", "12345")

        assert cache.get("12345") is not None


def test_the_error_is_public() -> None:
    assert mneme.EncryptionError is EncryptionError
