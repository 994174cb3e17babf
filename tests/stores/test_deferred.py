"""Writing behind: what is put is served at once, and after a flush the file holds what a cache without delay would."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mneme import AsyncSemanticCache, InvalidArgumentError, MemoryStore, SemanticCache, SQLiteStore, StoreBackendError
from mneme.model import StoredEntry
from mneme.stores import deferred
from mneme.stores.base import BEGINNING, Clear, Delete, Identity, Put
from mneme.stores.deferred import writer as deferring
from mneme.stores.deferred.bell import Bell
from mneme.stores.deferred.merging import Step, corrections
from mneme.stores.deferred.queue import Queue
from mneme.testing import AsyncWordEmbedder, FaultyStore, WordEmbedder

DIM = 64
KEYS = ("a", "b", "c", "d e", "e d")


class Unsynced(SQLiteStore):
    """Waits for no disk, and counts what it commits."""

    commits = 0

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.sync()

    def sync(self) -> None:
        self._synchronous = "OFF"  # type: ignore[assignment]  # not of those that a user may have

    def write(self, *arguments: Any, **options: Any) -> Any:
        self.commits += 1
        return super().write(*arguments, **options)


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave all writing to flush."""
    monkeypatch.setattr(deferring, "DELAY_SECONDS", 3_600)


@pytest.fixture
def cache(path: Path, embedder: WordEmbedder, idle: None) -> Iterator[SemanticCache]:
    with SemanticCache(store=Unsynced(path), embedder=embedder, durability="deferred") as cache:
        yield cache


def in_file(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return sorted(query for (query,) in db.execute("SELECT query FROM entries"))


def test_a_put_is_served_in_both_layers_before_it_is_written(cache: SemanticCache, path: Path) -> None:
    cache.put("how do I pay", "by card")
    hits = [cache.get("How do I pay"), cache.get("pay how do I")]

    assert [(hit.layer, hit.response) for hit in hits if hit] == [("exact", "by card"), ("semantic", "by card")]
    assert (cache.stats().entries, in_file(path)) == (1, [])
    cache.flush()
    assert in_file(path) == ["how do I pay"]


def test_close_writes_what_waits(cache: SemanticCache, path: Path) -> None:
    cache.put_many([("a", "1"), ("b", "2")])
    cache.close()

    assert in_file(path) == ["a", "b"]


def test_the_writer_needs_no_flush(path: Path, embedder: WordEmbedder) -> None:
    written = threading.Event()

    class Telling(Unsynced):
        def write(self, changes: Any, *arguments: Any, **options: Any) -> Any:
            result = super().write(changes, *arguments, **options)
            if changes:
                written.set()
            return result

    with SemanticCache(store=Telling(path), embedder=embedder, durability="deferred") as cache:
        cache.put("a", "1")
        assert written.wait(10)
        assert in_file(path) == ["a"]


def test_a_removal_is_written_before_it_returns(cache: SemanticCache, path: Path) -> None:
    cache.put("a", "1", namespace="n")
    cache.put("b", "2")
    cache.put("c", "3", tags=["t"])
    cache.flush()
    cache.put("a", "new", namespace="n")
    cache.delete("b")
    cache.invalidate(tags=["t"])
    cache.clear_namespace("n")

    assert in_file(path) == []
    assert cache.list_namespaces() == []


def test_what_is_put_and_replaced_before_it_is_written_is_written_once(cache: SemanticCache, path: Path) -> None:
    for number in range(50):
        cache.put("a", f"answer {number}")
    store = cache._core.deferred.store  # type: ignore[union-attr]
    before = store.commits  # type: ignore[attr-defined]
    cache.flush()

    assert store.commits - before == 1  # type: ignore[attr-defined]
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT seq, response FROM entries").fetchall() == [(1, "answer 49")]


def test_uses_of_what_was_not_written_yet_are_kept(cache: SemanticCache, path: Path, embedder: WordEmbedder) -> None:
    cache.put("a", "1")
    for _ in range(3):
        cache.get("a")
    cache.close()

    with SemanticCache(path, embedder) as again:
        assert (again.stats().hits_exact, again._core.table.by_id[1].access_count) == (3, 3)


def test_vectors_of_what_waits_are_found_where_they_are_rescored(
    path: Path, embedder: WordEmbedder, idle: None
) -> None:
    with SemanticCache(store=Unsynced(path), embedder=embedder, durability="deferred", vector_dtype="int8") as cache:
        cache.put("blue sea", "written")
        cache.flush()
        cache.put("red sun", "waits")
        hits = [cache.get("sea blue"), cache.get("sun red")]

        assert [hit and hit.response for hit in hits] == ["written", "waits"]
        cache.requantize("float32")
        assert [hit and hit.response for hit in (cache.get("sea blue"), cache.get("sun red"))] == ["written", "waits"]


def test_an_archive_holds_what_waits(cache: SemanticCache, tmp_path: Path, embedder: WordEmbedder) -> None:
    cache.put("a", "1")
    cache.dumps(tmp_path / "archive.zip")

    with SemanticCache.loads(tmp_path / "archive.zip", tmp_path / "other.db", embedder) as restored:
        assert restored.list_queries() == ["a"]


# ------------------------------------------------------------------ others over the same file

keys = st.sampled_from(KEYS)
spaces = st.sampled_from(["n", "m"])
steps = st.one_of(
    st.tuples(st.just("put"), keys, spaces),
    st.tuples(st.just("put"), keys, spaces),
    st.tuples(st.just("get"), keys, spaces),
    st.tuples(st.just("delete"), keys, spaces),
    st.tuples(st.just("clear_namespace"), spaces),
    st.tuples(st.just("flush")),
)
scripts = st.lists(st.tuples(st.sampled_from(["later", "later", "other"]), steps), min_size=5, max_size=30)


def contents(cache: SemanticCache) -> dict[tuple[str, str], str]:
    hits = {(space, key): cache.get(key, namespace=space, mode="exact") for space in ("n", "m") for key in KEYS}
    return {place: hit.response for place, hit in hits.items() if hit is not None}


@settings(max_examples=100)
@given(scripts, st.sampled_from([None, 3]))
def test_after_a_flush_all_caches_over_a_file_hold_the_same(script: list[Any], most: int | None) -> None:
    embedder, patch = WordEmbedder(DIM), pytest.MonkeyPatch()
    patch.setattr(deferring, "DELAY_SECONDS", 3_600)
    with tempfile.TemporaryDirectory() as directory, patch.context():
        path = Path(directory) / "cache.db"
        caches = {
            "later": SemanticCache(
                store=Unsynced(path), embedder=embedder, durability="deferred", namespace_quotas={"n": most or 99}
            ),
            "other": SemanticCache(store=Unsynced(path), embedder=embedder),
        }
        for number, (who, (method, *arguments)) in enumerate(script):
            options = {"namespace": arguments.pop()} if method in ("put", "get", "delete") else {}
            if method == "put":
                arguments.append(f"{who} {number}")
            getattr(caches[who], method)(*arguments, **options)
        caches["later"].flush()
        caches["other"].get("nothing")
        caches["later"].get("nothing")
        indexed = {who: sorted(cache._core.table.by_id) for who, cache in caches.items()}
        found = {who: contents(cache) for who, cache in caches.items()}
        for cache in caches.values():
            cache.close()
        with SemanticCache(store=Unsynced(path), embedder=embedder) as reopened:
            assert found == {"later": contents(reopened), "other": contents(reopened)}
        assert len(indexed["later"]) == len(indexed["other"])
    patch.undo()


def test_two_caches_that_write_at_once_end_alike(path: Path, embedder: WordEmbedder) -> None:
    caches = [
        SemanticCache(store=Unsynced(path), embedder=embedder, durability="deferred"),
        SemanticCache(store=Unsynced(path), embedder=embedder, durability="deferred"),
    ]

    def work(number: int) -> None:
        for turn in range(300):
            key = KEYS[(turn * 7 + number) % len(KEYS)]
            if turn % 5 == 4:
                caches[number].delete(key, namespace="n")
            else:
                caches[number].put(key, f"{number} {turn}", namespace="n")
            caches[number].get(key, namespace="n")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for cache in caches:
        cache.flush()
    found = [contents(cache) for cache in caches]
    for cache in caches:
        cache.close()

    with SemanticCache(path, embedder) as reopened:
        assert found == [contents(reopened)] * 2


def test_a_change_of_others_does_not_stand_over_a_newer_put_that_is_just_being_written(
    path: Path, embedder: WordEmbedder, idle: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(Unsynced):
        def write(self, changes: Any, *arguments: Any, **options: Any) -> Any:
            if [change.entry.query for change in changes] == ["a"]:
                cache.put("b", "meanwhile")
            return super().write(changes, *arguments, **options)

    monkeypatch.setattr(deferring, "GROUP", 1)
    with (
        SemanticCache(store=Interrupted(path), embedder=embedder, durability="deferred") as cache,
        SemanticCache(store=Unsynced(path), embedder=embedder) as other,
    ):
        other.put("a", "foreign")
        cache.put("before", "it brings what others changed")
        cache.put("a", "own")
        cache.flush()
        answers = [each.get("a", mode="exact") for each in (cache, other)]

    assert [hit and hit.response for hit in answers] == ["own", "own"]


def test_changes_of_others_that_could_not_be_applied_hold_up_no_writing_and_are_applied_later(
    cache: SemanticCache, path: Path, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(changes: Any) -> None:
        raise MemoryError

    with SemanticCache(store=Unsynced(path), embedder=embedder) as other:
        other.put("a", "foreign")
        with monkeypatch.context() as patch:
            patch.setattr(cache._core.resident, "apply_foreign", fail)
            assert cache.get("a", mode="exact") is None
        cache.put("own", "1")
        cache.flush()
        hit = cache.get("a", mode="exact")

    assert (hit and hit.response, in_file(path)) == ("foreign", ["a", "own"])


def test_what_others_put_is_gone_where_it_was_cleared_behind_it() -> None:
    foreign, again = Put(entry("a", id=3, namespace="n")), Put(entry("b", namespace="n"))
    own = Queue()
    own.add(0, Clear("n"))
    own.add(4, again)

    assert corrections([Step([foreign], own)]) == [Delete("a")]
    assert corrections([Step([Clear("n")], own)]) == [Clear("n"), Put(entry("b", id=4, namespace="n"))]


def entry(key: str, *, id: int = 0, namespace: str) -> StoredEntry:
    return StoredEntry(id, namespace, key, key, "answer", b"", {}, 0.0, 0.0, None, 0)


# ------------------------------------------------------------------ a store that fails


class Failing(Unsynced):
    """Fails while it is told to."""

    failing = False

    def write(self, changes: Any, *arguments: Any, **options: Any) -> Any:
        if self.failing and changes:
            raise OSError("told to fail")
        return super().write(changes, *arguments, **options)


@pytest.fixture
def failing(path: Path) -> Failing:
    return Failing(path)


def test_what_cannot_be_written_is_served_told_and_written_when_it_can_be(
    failing: Failing, embedder: WordEmbedder, path: Path, idle: None
) -> None:
    events: list[Any] = []
    with SemanticCache(
        store=failing, embedder=embedder, durability="deferred", metrics_hook=lambda *event: events.append(event)
    ) as cache:
        cache.put("a", "1")
        failing.failing = True
        cache.put("b", "2")
        with pytest.raises(StoreBackendError, match=r"2 changes could not be written and wait.*told to fail") as caught:
            cache.flush()
        answers = [cache.get("a"), cache.get("b")]
        healthy = [cache.health().healthy]
        failing.failing = False
        cache.flush()
        healthy.append(cache.health().healthy)

    assert isinstance(caught.value.__cause__, StoreBackendError)
    assert ("write_failed", {"count": 2, "error": "StoreBackendError"}) in events
    assert [hit and hit.response for hit in answers] == ["1", "2"]
    assert (healthy, in_file(path)) == ([False, True], ["a", "b"])


def test_a_flush_ends_while_others_put_without_end(path: Path, embedder: WordEmbedder, idle: None) -> None:
    class Busy(Unsynced):
        def write(self, *arguments: Any, **options: Any) -> Any:
            if self.commits < 50:
                others.put(f"question {self.commits}", "answer", mode="exact")
            return super().write(*arguments, **options)

    store = Busy(path)
    with SemanticCache(store=store, embedder=embedder, durability="deferred") as others:
        others.put("a", "1")
        others.flush()
        commits, store.commits = store.commits, 50

    assert commits < 5


def test_close_says_what_is_lost(failing: Failing, embedder: WordEmbedder) -> None:
    cache = SemanticCache(store=failing, embedder=embedder, durability="deferred")
    failing.failing = True
    cache.put("a", "1")
    with pytest.raises(StoreBackendError, match="1 changes could not be written"):
        cache.close()
    cache.close()


def test_a_newer_put_stands_behind_one_that_failed(failing: Failing, embedder: WordEmbedder, path: Path) -> None:
    with SemanticCache(store=failing, embedder=embedder, durability="deferred") as cache:
        failing.failing = True
        cache.put("a", "old")
        cache.put("gone", "old")
        with pytest.raises(StoreBackendError):
            cache.flush()
        cache.put("a", "new")
        failing.failing = False
        cache.delete("gone")

    with SemanticCache(path, embedder) as again:
        assert contents_of(again) == {"a": "new"}


def contents_of(cache: SemanticCache) -> dict[str, str]:
    return {query: cache.get(query, mode="exact").response for query in cache.list_queries()}


def test_a_full_queue_waits_for_a_group_and_is_refused_where_none_can_be_written(
    failing: Failing, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    monkeypatch.setattr(deferring, "MOST_CHANGES", 10)
    monkeypatch.setattr(deferring, "DELAY_SECONDS", 3_600)
    waited = 0
    with SemanticCache(store=failing, embedder=embedder, durability="deferred") as cache:
        assert cache._core.deferred is not None
        writer = cache._core.deferred._writer
        for number in range(100):
            waited += not writer.has_room()
            cache.put(f"question {number}", "answer")
        assert writer.queue.number <= 10
        cache.flush()
        failing.failing = True
        monkeypatch.setattr(deferring, "RETRY_SECONDS", 3_600)
        for number in range(10):
            cache.put(f"more {number}", "answer")
        with pytest.raises(StoreBackendError):
            cache.flush()
        with pytest.raises(StoreBackendError, match="10 changes wait, and none can be written"):
            cache.put("one too many", "answer")
        failing.failing = False

    assert waited > 5
    assert len(in_file(path)) == 110


def test_async_puts_that_find_the_queue_full_hold_no_thread(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deferring, "MOST_CHANGES", 10)
    store = Unsynced(path)
    most = 0

    async def run() -> None:
        nonlocal most
        async with AsyncSemanticCache(store=store, embedder=AsyncWordEmbedder(DIM), durability="deferred") as cache:
            puts = [asyncio.ensure_future(cache.put(f"question {number}", "answer")) for number in range(300)]
            while not all(put.done() for put in puts):
                most = max(most, threading.active_count())
                await asyncio.sleep(0)
            await asyncio.gather(*puts)
            await cache.flush()

    before = threading.active_count()
    asyncio.run(run())

    assert len(in_file(path)) == 300
    assert most - before <= 1


# ------------------------------------------------------------------ processes

PRELUDE = """
import os, sys
from mneme import SemanticCache
from mneme.stores.deferred import writer as deferring
from mneme.testing import WordEmbedder
deferring.DELAY_SECONDS = 3_600
cache = SemanticCache(sys.argv[1], WordEmbedder(64), durability="deferred")
"""


@pytest.fixture
def run(path: Path) -> Callable[[str], str]:
    """Run a program with a cache that writes later, and return what it prints."""

    def run(program: str) -> str:
        source = PRELUDE + textwrap.dedent(program)
        # Of a fork beside threads, which is what is tried here.
        quietly = ("-W", "ignore:This process:DeprecationWarning")
        command = [sys.executable, *quietly, "-c", source, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run


def test_the_end_of_the_interpreter_writes_what_waits(run: Callable[[str], str], path: Path) -> None:
    run("cache.put('a', '1')")

    assert in_file(path) == ["a"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_leaves_what_waits_to_the_parent(run: Callable[[str], str], path: Path) -> None:
    said = run("""
        cache.put("of the parent", "1")
        if os.fork() == 0:
            assert cache.get("of the parent").response == "1"
            cache.put("of the child", "2")
            cache.flush()
            with open(sys.argv[1] + ".said", "w") as said:
                print(cache._core.deferred.store._db.execute("SELECT query FROM entries").fetchall(), file=said)
            os._exit(0)
        os.wait()
        print(open(sys.argv[1] + ".said").read().strip())
        cache.flush()
        print(cache.get("of the child").response, cache.stats().entries)
    """)

    assert said.splitlines() == ["[('of the child',)]", "2 2"]
    assert in_file(path) == ["of the child", "of the parent"]


# ------------------------------------------------------------------ which stores can


def test_a_memory_store_has_nothing_to_do() -> None:
    for durability in ("full", "deferred"):
        with SemanticCache(store=MemoryStore(), embedder=WordEmbedder(DIM), durability=durability) as cache:  # type: ignore[arg-type]
            cache.put("a", "1")
            cache.flush()
            assert cache._core.deferred is None


def test_a_store_that_says_nothing_of_it_takes_the_normal_one_alone() -> None:
    store = FaultyStore(MemoryStore())
    with pytest.raises(InvalidArgumentError, match=r"'deferred', which the store .* does not have: it has normal"):
        SemanticCache(store=store, embedder=WordEmbedder(DIM), durability="deferred")


def test_an_unknown_durability_is_refused(path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="durability is 'later'; it is one of normal, full, deferred"):
        SemanticCache(path, WordEmbedder(DIM), durability="later")  # type: ignore[arg-type]


@pytest.mark.parametrize(("durability", "level"), [("normal", 1), ("full", 2), ("deferred", 2)])
def test_the_file_is_synced_as_asked(path: Path, durability: Any, level: int) -> None:
    with SemanticCache.open(f"sqlite:///{path}", embedder=WordEmbedder(DIM), durability=durability) as cache:
        store: Any = cache._core.store
        inner = store.store if isinstance(store, deferred.DeferredStore) else store

        assert inner._db.execute("PRAGMA synchronous").fetchone() == (level,)


def test_stores_on_servers_say_what_they_can_do() -> None:
    pytest.importorskip("psycopg")
    pytest.importorskip("redis")
    from mneme.stores.postgres import PostgresStore
    from mneme.stores.redis import RedisStore

    for store, words in (
        (PostgresStore("postgresql://localhost/cache"), "has normal, full"),
        (RedisStore("redis://localhost"), "has normal"),
    ):
        with pytest.raises(InvalidArgumentError, match=f"it {words}. Leave durability out"):
            SemanticCache(store=store, embedder=WordEmbedder(DIM), durability="deferred")


def test_an_encrypted_file_is_written_later_too(path: Path, embedder: WordEmbedder, idle: None) -> None:
    pytest.importorskip("cryptography")

    def opened(**options: Any) -> SemanticCache:
        return SemanticCache.open(path, embedder=embedder, encryption=lambda: [bytes(range(32))], **options)

    with opened(durability="deferred") as cache:
        cache.put("a secret", "of ours")
        assert cache.get("a secret") is not None
        cache.flush()
        cache.put("a secret", "of yours")
        cache.put("another", "one")
        cache.delete("another")

    with opened() as cache:
        assert contents_of(cache) == {"a secret": "of yours"}


def test_an_async_put_gives_up_the_event_loop_only_where_the_queue_is_full(path: Path, idle: None) -> None:
    cache = AsyncSemanticCache(store=Unsynced(path), embedder=AsyncWordEmbedder(DIM), durability="deferred")
    with pytest.raises(StopIteration):
        cache.put("a", "1", embedding=[1.0] * DIM).send(None)
    cache.as_sync().close()

    assert in_file(path) == ["a"]


def test_a_removal_waits_for_the_writer_however_long_it_takes(
    path: Path, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mneme.stores.deferred.store.PATIENCE_SECONDS", 0.01)
    with SemanticCache(path, embedder, durability="deferred") as cache:
        cache.put("a", "1")
        cache.flush()
        with SemanticCache(path, embedder) as other:
            other.put("b", "2")
        writer = cache._core.store._writer
        with ThreadPoolExecutor(2) as pool:
            pool.submit(writer.io.acquire).result()
            removal = pool.submit(cache.delete, "b")
            time.sleep(0.1)
            waited = not removal.done()
            writer.io.release()
            removed = removal.result(10)

        assert (waited, removed, cache.get("b")) == (True, True, None)


def answering(key: str, answer: str) -> Put:
    return Put(StoredEntry(0, "n", key * 32, key, answer, b"", {}, 0.0, 0.0, None, 0, b"p" * 16))


def answers(store: SQLiteStore) -> dict[str, str]:
    return {row[3]: row[4] for batch, _ in store.load() for row in batch}


@pytest.fixture
def behind(path: Path, idle: None) -> Iterator[tuple[deferred.DeferredStore, SQLiteStore]]:
    """Give a store that writes when it is told to, and the one under it."""
    under = SQLiteStore(path)
    store = deferred.DeferredStore(under)
    store.open(Identity("f", DIM, "default"))
    list(store.pull(BEGINNING))
    yield store, under
    store.close()


def test_a_removal_of_a_version_that_was_never_written_leaves_the_one_that_was(behind: Any) -> None:
    store, under = behind
    _, (first,), _ = store.write([answering("a", "old")], BEGINNING)
    store.write([answering("a", "new")], BEGINNING)
    store.flush()
    store.write([Delete("a" * 32, first), answering("b", "b")], BEGINNING)
    store.flush()

    assert answers(under) == {"a": "new", "b": "b"}


def test_a_removal_of_the_version_that_was_written_removes_it(behind: Any) -> None:
    store, under = behind
    store.write([answering("a", "old")], BEGINNING)
    _, (last,), _ = store.write([answering("a", "new")], BEGINNING)
    store.flush()
    store.write([Delete("a" * 32, last)], BEGINNING)
    store.flush()

    assert answers(under) == {}


def test_what_is_removed_while_it_fails_to_be_written_takes_the_older_one_away() -> None:
    queue = Queue()
    queue.add(2, answering("a", "new"))
    flight = queue.take(1)
    queue.add(2, Delete("a" * 32, 2))
    queue.give_back(flight)

    assert (queue.removals, queue.puts) == ([Delete("a" * 32)], {})


def test_a_bell_that_rang_before_wakes_who_waits_then_once() -> None:
    bell = Bell()
    for _ in range(3):
        bell.ring()
    bell.wait()
    started = time.monotonic()
    bell.wait(0.01)

    assert time.monotonic() - started >= 0.01
