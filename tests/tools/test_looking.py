"""Looking into a cache that others use, without changing it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest

from mneme import (
    CorruptCacheError,
    EmbedderMismatchError,
    EncryptionError,
    InvalidArgumentError,
    MemoryStore,
    Prices,
    SemanticCache,
    StoreBackendError,
    TokenUsage,
)
from mneme.stores.base import Change, Clear, Cursor, Delete, Put, Usage
from mneme.stores.sqlite.reading import ReadOnlySQLiteStore
from mneme.testing import FakeClock, WordEmbedder
from mneme.testing.reader import entry
from mneme.testing.searching_store import SearchingStore
from mneme.tools import looking
from mneme.tools.looking import Wanted
from mneme.tools.looking.finding import row_in
from mneme.tools.looking.opening import bound_to, reading, rows_of, sizes_of, with_vectors
from mneme.tools.looking.several import rows_in

EMBEDDER = WordEmbedder()
USAGE = TokenUsage("small", 1_000, 100)
# A second process that has the file open, writes, and waits to be told to end.
OTHER = """
import sys
from mneme import SemanticCache
from mneme.testing import WordEmbedder
with SemanticCache(sys.argv[1], WordEmbedder()) as cache:
    cache.put("from the other process", "hello", namespace="other")
    cache.get("from the other process", namespace="other")
    cache._core.journal.flush()
    print("ready", flush=True)
    sys.stdin.readline()
    hit = cache.get("from the other process", namespace="other", mode="exact")
    print("gone" if hit is None else hit.response, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed file with some entries and counts."""
    file = tmp_path / "cache.db"
    with SemanticCache(file, EMBEDDER) as cache:
        cache.put("how do I pay", "By card.", tags=["doc:1"], usage=USAGE, metadata={"mine": 1})
        cache.put("Where are you?", "In Paris", namespace="acme", source_version={"handbook": "7"})
        cache.get("how do I pay")
        cache.get("pay how do I")
        cache.get("something else")
    with SemanticCache(file, EMBEDDER, clock=FakeClock(1_000.0)) as cache:
        cache.put("what was once", "long ago", ttl=5)
    return file


@pytest.fixture
def other(path: Path) -> Iterator[Any]:
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.stdin.close()  # type: ignore[union-attr]


def state(path: Path) -> tuple[dict[str, bytes], int]:
    """The files, but for the shared index, which every reader marks, and when the file was changed."""
    files = {file.name: file.read_bytes() for file in path.parent.iterdir() if not file.name.endswith("-shm")}
    return files, path.stat().st_mtime_ns


def look_at_everything(path: Path) -> None:
    looking.look(path)
    found, _ = looking.entries(path)
    looking.entry(path, found[0].key)
    looking.explain(path, "how do I pay", EMBEDDER)
    looking.explain(path, "nothing of it", EMBEDDER)


def test_what_was_counted_is_seen_by_namespace_and_in_all(path: Path) -> None:
    view, sizes = looking.look(path, prices=Prices.of({"small": {"input": 1, "output": 10}}))
    named = {each.namespace: each for each in view.namespaces}
    total = view.total

    assert sizes == {"default": 2, "acme": 1}
    assert (view.store, view.fingerprint, view.dim, view.encrypted) == ("sqlite", EMBEDDER.fingerprint, 64, False)
    assert (total.entries, total.hits_exact, total.hits_semantic, total.misses, total.lookups) == (3, 1, 1, 1, 3)
    assert total.hit_ratio == pytest.approx(2 / 3)
    assert (total.saved_input_tokens, total.saved_output_tokens, total.saved_cost) == (2_000, 200, pytest.approx(0.004))
    assert (named["acme"].entries, named["acme"].hit_ratio, named["acme"].saved_cost) == (1, None, 0.0)
    assert {of: found.timed for of, found in total.latency.items()} == {"exact": 1, "semantic": 1, "miss": 1}
    assert total.latency["exact"].p50 < total.latency["semantic"].p50
    assert total.similarity["accepted"][100] == 1


def test_sizes_that_are_given_are_not_counted_again(path: Path) -> None:
    view, sizes = looking.look(path, sizes={"default": 70})

    assert (view.total.entries, sizes) == (70, {"default": 70})


def test_a_closed_file_stays_as_it_is(path: Path) -> None:
    before = state(path)
    look_at_everything(path)

    assert state(path) == before


def test_a_file_in_use_stays_as_it_is_and_its_newest_entries_are_seen(path: Path, other: Any) -> None:
    before, counters = state(path), looking.look(path)[0].total
    look_at_everything(path)
    found, number = looking.entries(path, Wanted(namespace="other"))

    assert (found[0].response, found[0].access_count, number) == ("hello", 1, 1)
    assert looking.explain(path, "from the other process", EMBEDDER, namespace="other").outcome == "exact"
    assert looking.look(path)[0].total == counters
    assert state(path) == before


def test_an_entry_deleted_is_gone_for_the_other_process(path: Path, other: Any) -> None:
    (found,), _ = looking.entries(path, Wanted(namespace="other"))
    deleted = looking.delete(path, found.key)
    other.stdin.write("look\n")
    other.stdin.flush()

    assert (deleted.key, other.stdout.readline(), looking.entry(path, found.key)) == (found.key, "gone\n", None)


def test_a_file_without_the_right_to_write_is_read(path: Path) -> None:
    path.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        assert looking.look(path)[0].total.entries == 3
    finally:
        path.parent.chmod(0o700)


@pytest.mark.parametrize(
    ("wanted", "queries"),
    [
        (Wanted(), ["Where are you?", "how do I pay", "what was once"]),
        (Wanted(namespace="acme"), ["Where are you?"]),
        (Wanted(tag="doc:1"), ["how do I pay"]),
        (Wanted(contains="paRIS"), ["Where are you?"]),
        (Wanted(contains="PAY"), ["how do I pay"]),
        (Wanted(expired=True), ["what was once"]),
        (Wanted(expired=False, namespace="default"), ["how do I pay"]),
        (Wanted(contains="no such text"), []),
    ],
)
def test_entries_are_chosen_by_what_all_holds(path: Path, wanted: Wanted, queries: list[str]) -> None:
    found, number = looking.entries(path, wanted)

    assert (sorted(each.query for each in found), number) == (queries, len(queries))


def test_entries_are_sorted_and_counted_beyond_the_limit(path: Path) -> None:
    newest, number = looking.entries(path, limit=1)
    by = {sort: looking.entries(path, sort=sort)[0][0].query for sort in ("oldest", "hits", "used", "largest")}

    assert (newest[0].query, number) == ("Where are you?", 3)
    assert by == {
        "oldest": "what was once",
        "hits": "how do I pay",
        "used": "how do I pay",
        "largest": "Where are you?",
    }


def test_an_entry_shows_what_is_stored_of_it(path: Path) -> None:
    (found,), _ = looking.entries(path, Wanted(tag="doc:1"))
    other = looking.entries(path, Wanted(namespace="acme"))[0][0]

    assert (found.tags, found.usage, found.metadata, found.searchable, found.access_count, found.ttl) == (
        ("doc:1",),
        USAGE,
        {"mine": 1},
        True,
        2,
        None,
    )
    assert (other.sources, other.partition == found.partition) == ({"handbook": "7"}, False)


def test_a_key_is_found_by_its_beginning(path: Path) -> None:
    (found, *_), _ = looking.entries(path)

    assert looking.entry(path, found.key[:6].upper()) == found
    assert looking.entry(path, "0" * 32) is None
    with pytest.raises(InvalidArgumentError, match="too short"):
        looking.entry(path, found.key[:3])


def test_a_beginning_of_several_keys_is_refused(tmp_path: Path) -> None:
    with SemanticCache(tmp_path / "many.db", EMBEDDER) as cache:
        cache.put_many([(f"question {number}", "r") for number in range(1_000)], mode="exact")
    keys = sorted(each.key for each in looking.entries(tmp_path / "many.db")[0])
    twin = next(a[:4] for a, b in pairwise(keys) if a[:4] == b[:4])

    with pytest.raises(InvalidArgumentError, match="keys begin with"):
        looking.entry(tmp_path / "many.db", twin)


def test_an_explanation_is_that_of_the_cache(path: Path) -> None:
    here = looking.explain(path, "pay how do I", EMBEDDER, policy="threshold:0.85")
    with SemanticCache(path, EMBEDDER) as cache:
        there = cache.explain("pay how do I")

    assert (here.outcome, here.candidates[0].neighbour.query) == (there.outcome, there.candidates[0].neighbour.query)
    assert looking.explain(path, "pay how do I", EMBEDDER, namespace="acme").outcome != "semantic"


def test_another_embedder_is_told_what_the_file_has(path: Path) -> None:
    with pytest.raises(EmbedderMismatchError, match=r"test:words:v1.*--embedder MODULE:ATTRIBUTE"):
        looking.explain(path, "q", WordEmbedder(fingerprint="mine"))


def test_questions_are_compared_as_the_file_s_cache_does(tmp_path: Path) -> None:
    with SemanticCache(tmp_path / "c.db", EMBEDDER, normalize=False) as cache:
        cache.put("US", "r")
    with SemanticCache(tmp_path / "d.db", EMBEDDER, normalize=str.strip) as cache:
        cache.put("US", "r")

    assert [looking.explain(tmp_path / "c.db", word, EMBEDDER).exact for word in ("US", "us")] == ["fresh", None]
    with pytest.raises(InvalidArgumentError, match="normaliser"):
        looking.explain(tmp_path / "d.db", "US", EMBEDDER)


def test_an_encrypted_cache_shows_counts_and_no_entries(tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    url = f"sqlite:///{tmp_path / 'c.db'}"
    with SemanticCache.open(url, embedder=EMBEDDER, encryption=lambda: [b"k" * 32]) as cache:
        cache.put("secret", "answer")
        cache.get("secret")
    view, _ = looking.look(url)

    assert (view.encrypted, view.fingerprint, view.total.hits_exact) == (True, EMBEDDER.fingerprint, 1)
    assert [each.namespace for each in view.namespaces] == ["default"]
    for look in (lambda: looking.entries(url), lambda: looking.explain(url, "secret", EMBEDDER)):
        with pytest.raises(EncryptionError, match="encrypted"):
            look()


def test_what_is_no_cache_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    (tmp_path / "text.db").write_text("not a database, but long enough to be one " * 10)

    with pytest.raises(FileNotFoundError, match="no cache"):
        looking.look(tmp_path / "none.db")
    with pytest.raises(InvalidArgumentError, match="never held"):
        looking.look(tmp_path / "empty.db")
    with pytest.raises(CorruptCacheError):
        looking.look(tmp_path / "text.db")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["empty.db", "text.db"]


def test_a_read_only_store_takes_no_changes_and_drops_counts(path: Path) -> None:
    with reading(path) as (store, identity):
        assert isinstance(store, ReadOnlySQLiteStore)
        assert store.write((), Cursor(0, 0), Usage({}, {("default", "misses"): 1})) == ((), (), Cursor(0, 0))
        with pytest.raises(StoreBackendError, match="read only"):
            store.write([Delete("00" * 16)], Cursor(0, 0))
        assert (identity.dim, sizes_of(store)) == (64, {"default": 2, "acme": 1})


def test_any_store_that_says_what_it_is_bound_to_can_be_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = MemoryStore()
    monkeypatch.setattr("mneme.tools.looking.opening.store_of", lambda url: shared)
    with SemanticCache(store=shared, embedder=EMBEDDER) as cache:
        cache.put("q", "r")
        with reading("memory:") as (store, _):
            with pytest.raises(StoreBackendError, match="read only"):
                store.write([Delete("00" * 16)], Cursor(0, 0))
            assert ([row[3] for row in rows_of(store)], sizes_of(store)) == (["q"], {"default": 1})


def test_a_url_is_shown_without_its_password() -> None:
    from mneme.tools.looking.counting import shown

    assert shown("postgresql://me:secret@host/db") == "postgresql://host/db"
    assert shown("cache.db") == "cache.db"


def test_a_file_that_is_written_to_while_it_is_read_is_not_called_damaged(tmp_path):
    path = tmp_path / "cache.db"
    with SemanticCache(path, WordEmbedder()) as cache:
        cache.put("how do I pay", "By card.")

    with pytest.raises(StoreBackendError, match="Try again"), reading(path) as (store, _):
        next(rows_of(store))
        with SemanticCache(path, WordEmbedder()) as cache:
            cache.put("how do I pay", "By cheque.")


class LogOfAll:
    """A store that forgets nothing: what a reader is told from the beginning holds what was removed, too."""

    def pull(self, cursor: Cursor) -> Iterator[tuple[list[Change], Cursor]]:
        yield [Put(entry("a", "old")), Put(entry("b")), Put(entry("c", namespace="acme"))], Cursor(3, 0)
        yield [Put(entry("a", "new")), Delete(entry("b").query_hash), Clear("acme")], Cursor(6, 0)


def test_what_a_log_holds_of_removed_and_replaced_entries_is_not_listed() -> None:
    assert [row[3:5] for row in rows_of(LogOfAll())] == [("a", "new")]  # type: ignore[arg-type]  # only pull is asked


def test_a_store_that_does_not_say_what_filled_it_is_told_what_lacks() -> None:
    with pytest.raises(InvalidArgumentError, match=r"identity\(\)"):
        bound_to(SimpleNamespace(name="log"), "log:x")  # type: ignore[arg-type]  # only the method is looked for


def many(file: Path) -> None:
    """Entries of two namespaces with ties in every order, some used, some that ran out, some with tags."""
    clock = FakeClock(1_000.0)
    with SemanticCache(file, EMBEDDER, clock=clock) as cache:
        for at in range(24):
            clock.advance(float(at % 2))
            tags = ["even"] if at % 4 == 0 else []
            cache.put(f"Straße {at}", "x" * (at % 5), namespace=f"n{at % 2}", tags=tags, ttl=5 if at % 3 == 0 else None)
        clock.advance(10.0)
        for at in (3, 7, 7, 15):
            cache.get(f"Straße {at}", namespace="n1")


WANTED = [
    Wanted(),
    Wanted(namespace="n1"),
    Wanted(namespace="none"),
    Wanted(contains="STRASSE 1"),
    Wanted(contains="xxx", namespace="n0"),
    Wanted(tag="even"),
    Wanted(expired=True),
    Wanted(expired=False, tag="even", contains="2"),
]


@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("sort", get_args(looking.finding.Sort))
def test_a_file_sorts_as_any_other_store_is_sorted(tmp_path, monkeypatch, wanted, sort):
    many(tmp_path / "many.db")
    parts = [(None, 0), (5, 0), (5, 3), (5, 100), (0, 0)]

    def found() -> list[tuple[list[looking.Entry], int]]:
        return [
            looking.entries(tmp_path / "many.db", wanted, sort=sort, limit=limit, skip=skip) for limit, skip in parts
        ]

    quick = found()
    monkeypatch.setattr(looking.finding, "ReadOnlySQLiteStore", type(None))

    assert quick == found()


def test_a_key_is_found_by_any_beginning(path, monkeypatch):
    (first, *_), _ = looking.entries(path)
    parts = [first.key[:digits] for digits in range(4, 33)] + ["zzzz", "0" * 32, "f" * 33, "f" * 99, f"{first.key}0"]
    quick = [looking.entry(path, part) for part in parts]
    monkeypatch.setattr(looking.finding, "ReadOnlySQLiteStore", type(None))

    assert quick == [looking.entry(path, part) for part in parts]
    assert quick.count(first) == 29


def test_an_answer_that_was_replaced_is_not_deleted(path):
    (old, *_), _ = looking.entries(path)

    assert looking.delete(path, old.key, stored_at=old.created_at - 1) is None
    assert looking.delete(path, old.key, stored_at=old.created_at) == old


def test_a_view_without_namespaces_has_the_same_total(path):
    whole, part = (looking.look(path, by_namespace=each)[0] for each in (True, False))

    assert (part.total, part.namespaces, len(whole.namespaces)) == (whole.total, (), 2)


@pytest.mark.parametrize("kind", [MemoryStore, SearchingStore])
def test_entries_come_with_their_vectors_from_any_store(kind):
    store = kind()
    with SemanticCache(store=store, embedder=EMBEDDER, policy="threshold:0.9") as cache:
        for at in range(5):
            cache.put(f"question {at}", "answer")
        cache.put("", "which has no vector")
        found, some = with_vectors(store, 9), with_vectors(store, 2)

    assert [row[3] for row, _ in found] == [f"question {at}" for at in range(5)]
    for row, vector in found:
        asked = np.asarray(EMBEDDER.embed(row[3]))
        assert np.frombuffer(vector, np.float32) == pytest.approx(asked / np.linalg.norm(asked), abs=1e-6)
    assert some == found[:2]


def test_a_store_that_searches_is_asked_for_the_one_entry(monkeypatch):
    store = SearchingStore()
    with SemanticCache(store=store, embedder=EMBEDDER) as cache:
        cache.put("how do I pay", "By card.")
        (row,) = rows_of(store)
        monkeypatch.setattr(store, "load", lambda: pytest.fail("all entries were read"))
        key, identity = row[2].hex(), store.identity()
        shown = row_in(store, identity, key)
        none = row_in(store, identity, "0" * 32)
        several = rows_in(store, identity, {key, "0" * 32})

    assert (shown, none, several) == (row, None, {key: row})
