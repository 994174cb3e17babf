"""Moving a cache file to another embedding model."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mneme import SemanticCache
from mneme.engine.canonical import canonical_text
from mneme.engine.keys import key_of, partition_of
from mneme.engine.vectors import unit
from mneme.errors import (
    CorruptCacheError,
    EmbedderDimensionError,
    EmbedderMismatchError,
    InvalidArgumentError,
)
from mneme.model import StoredEntry
from mneme.stores.base import Cursor, Identity, Put
from mneme.stores.sqlite import SQLiteStore
from mneme.testing import AsyncWordEmbedder, FailingEmbedder, WordEmbedder
from mneme.tools.migrate import areembed, reembed

OLD = WordEmbedder(dim=8, fingerprint="test:old")


def entry(number: int, *, namespace: str = "default", query: str | None = None) -> StoredEntry:
    query = f"Question  {number}" if query is None else query
    partition = partition_of(namespace, {"model": "m"})
    return StoredEntry(
        id=0,
        namespace=namespace,
        query_hash=key_of(partition, canonical_text(query)).hex(),
        query=query,
        response=f"answer {number}",
        embedding=unit(WordEmbedder.embed(OLD, query), 8).tobytes(),
        metadata={"n": number},
        created_at=1_000.25 + number,
        last_accessed_at=2_000.5 + number,
        ttl=None if number % 2 else 3_600.5,
        access_count=number,
        partition=partition,
        compute_seconds=0.5,
    )


def fill(path: Path, entries: list[StoredEntry], *, normalize: str = "default") -> None:
    with closing(SQLiteStore(path)) as store:
        store.open(Identity(OLD.fingerprint, OLD.dim, normalize))
        store.write([Put(entry) for entry in entries], Cursor(0, 0))


def content(path: Path) -> list[StoredEntry]:
    with closing(SQLiteStore(path)) as store:
        store.identity()
        return [change.entry for batch, _ in store.pull(Cursor(0, 0)) for change in batch]


def expected(entries: list[StoredEntry], embedder: WordEmbedder) -> list[StoredEntry]:
    """The entries with the embedder's vectors, as a store numbers them."""
    return [
        replace(
            entry,
            id=number,
            embedding=unit(WordEmbedder.embed(embedder, canonical_text(entry.query)), embedder.dim).tobytes(),
        )
        for number, entry in enumerate(entries, start=1)
    ]


async def run(how: str, *arguments: Any, embedder: WordEmbedder, **options: Any) -> int:
    """Re-embed with the function named, and an embedder of its colour."""
    if how == "reembed":
        return reembed(*arguments, embedder, **options)
    twin = AsyncWordEmbedder(embedder.dim, embedder.fingerprint)
    twin.calls = embedder.calls
    return await areembed(*arguments, twin, **options)


both = pytest.mark.parametrize("how", ["reembed", "areembed"])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    fill(tmp_path / "old.db", [entry(number) for number in range(5)])
    return tmp_path / "old.db"


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "new.db"


@pytest.fixture
def new() -> WordEmbedder:
    return WordEmbedder(dim=16, fingerprint="test:new")


@both
async def test_everything_is_kept_but_the_vectors(how: str, source: Path, dest: Path, new: WordEmbedder) -> None:
    count = await run(how, source, dest, embedder=new, batch_size=2)

    with closing(SQLiteStore(dest)) as store:
        identity = store.identity()
    assert (count, identity, content(dest)) == (
        5,
        Identity("test:new", 16, "default"),
        expected([entry(number) for number in range(5)], new),
    )


@both
async def test_the_source_is_left_as_it_was(how: str, source: Path, dest: Path, new: WordEmbedder) -> None:
    before = content(source)

    await run(how, str(source), str(dest), embedder=new)

    assert content(source) == before


@both
async def test_only_the_namespaces_asked_for_are_copied(
    how: str, tmp_path: Path, dest: Path, new: WordEmbedder
) -> None:
    entries = [entry(0, namespace="a"), entry(1, namespace="b"), entry(2, namespace="a")]
    fill(tmp_path / "old.db", entries)

    count = await run(how, tmp_path / "old.db", dest, embedder=new, namespaces=["a", "unknown"])

    assert (count, content(dest)) == (2, expected([entries[0], entries[2]], new))


@both
async def test_the_canonical_text_is_embedded(how: str, source: Path, dest: Path, new: WordEmbedder) -> None:
    await run(how, source, dest, embedder=new, namespaces=["default"])

    assert new.calls == [f"question {number}" for number in range(5)]


def test_without_normalisation_the_query_itself_is_embedded(tmp_path: Path, dest: Path, new: WordEmbedder) -> None:
    fill(tmp_path / "old.db", [entry(0)], normalize="none")

    reembed(tmp_path / "old.db", dest, new)

    assert new.calls == ["Question  0"]


def test_an_entry_of_the_exact_layer_alone_stays_one(tmp_path: Path, dest: Path, new: WordEmbedder) -> None:
    exact = replace(entry(0), embedding=b"")
    fill(tmp_path / "old.db", [exact, entry(1)])

    reembed(tmp_path / "old.db", dest, new)

    assert (new.calls, content(dest)[0]) == (["question 1"], replace(exact, id=1))


def test_a_batch_embedder_is_given_batches(source: Path, dest: Path) -> None:
    class Batch(WordEmbedder):
        def embed_many(self, texts: list[str]) -> np.ndarray:
            sizes.append(len(texts))
            return np.stack([self.embed(text) for text in texts])

    sizes: list[int] = []

    reembed(source, dest, Batch(dim=16, fingerprint="test:new"), batch_size=2)

    assert (sizes, len(content(dest))) == ([2, 2, 1], 5)


async def test_async_batches_run_side_by_side_within_the_concurrency(source: Path, dest: Path) -> None:
    class Batch(AsyncWordEmbedder):
        async def embed_many(self, texts: list[str]) -> np.ndarray:
            under_way.append(len(texts))
            most.append(len(under_way))
            if len(under_way) == 2:
                together.set()
            await together.wait()
            under_way.pop()
            return np.stack([WordEmbedder.embed(self, text) for text in texts])

    under_way: list[int] = []
    most: list[int] = []
    together = asyncio.Event()

    await areembed(source, dest, Batch(16, "test:new"), batch_size=2, concurrency=2)

    assert (max(most), [stored.query for stored in content(dest)]) == (
        2,
        [f"Question  {n}" for n in range(5)],
    )


@both
async def test_progress_is_told_after_each_batch(how: str, source: Path, dest: Path, new: WordEmbedder) -> None:
    seen: list[tuple[int, int]] = []

    await run(how, source, dest, embedder=new, batch_size=2, progress=lambda done, total: seen.append((done, total)))

    assert seen == [(2, 5), (4, 5), (5, 5)]


@pytest.mark.parametrize("missing", [[], ["rich", "rich.console", "rich.progress"]])
def test_progress_true_writes_to_stderr(
    missing: list[str],
    source: Path,
    dest: Path,
    new: WordEmbedder,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in missing:
        monkeypatch.setitem(__import__("sys").modules, module, None)

    reembed(source, dest, new, progress=True)

    out, err = capsys.readouterr()
    assert (out, "re-embedding" in err) == ("", True)


@both
async def test_a_missing_source_is_an_error_and_creates_nothing(
    how: str, tmp_path: Path, dest: Path, new: WordEmbedder
) -> None:
    with pytest.raises(FileNotFoundError, match=r"old\.db"):
        await run(how, tmp_path / "old.db", dest, embedder=new)

    assert list(tmp_path.iterdir()) == []


def test_a_missing_directory_is_an_error(source: Path, tmp_path: Path, new: WordEmbedder) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        reembed(source, tmp_path / "no" / "new.db", new)


@pytest.mark.parametrize("kind", ["relative", "symlink", "hard link", "dots"])
def test_the_source_is_never_its_own_destination(
    kind: str, source: Path, tmp_path: Path, new: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    same = {"relative": Path("old.db"), "dots": tmp_path / "x" / ".." / "old.db"}.get(kind, tmp_path / "other.db")
    (tmp_path / "x").mkdir()
    if kind == "symlink":
        same.symlink_to(source)
    elif kind == "hard link":
        os.link(source, same)
    before = content(source)

    with pytest.raises(ValueError, match="differ"):
        reembed(source, same, new)

    assert content(source) == before


@both
async def test_a_destination_with_entries_is_refused_and_kept(
    how: str, source: Path, dest: Path, new: WordEmbedder
) -> None:
    await run(how, source, dest, embedder=new)
    before = content(dest)

    with pytest.raises(InvalidArgumentError, match="already holds entries"):
        await run(how, source, dest, embedder=new)

    assert content(dest) == before


@pytest.mark.parametrize(
    ("embedder", "error"),
    [
        (WordEmbedder(8, "test:third"), EmbedderMismatchError),
        (WordEmbedder(9, OLD.fingerprint), EmbedderDimensionError),
    ],
)
def test_a_destination_of_another_embedder_is_refused(
    embedder: WordEmbedder, error: type[Exception], source: Path, dest: Path
) -> None:
    fill(dest, [])

    with pytest.raises(error):
        reembed(source, dest, embedder)


def test_an_empty_destination_of_this_embedder_is_filled(source: Path, dest: Path, new: WordEmbedder) -> None:
    with closing(SQLiteStore(dest)) as store:
        store.open(Identity(new.fingerprint, new.dim, "default"))

    assert (reembed(source, dest, new), len(content(dest))) == (5, 5)


def test_a_destination_that_is_no_cache_is_refused_and_kept(source: Path, dest: Path, new: WordEmbedder) -> None:
    dest.write_bytes(b"my diary, one line of it " * 100)

    with pytest.raises(CorruptCacheError):
        reembed(source, dest, new)

    assert dest.read_bytes() == b"my diary, one line of it " * 100


def test_a_leftover_log_beside_the_destination_is_refused(source: Path, dest: Path, new: WordEmbedder) -> None:
    log = dest.with_name("new.db-wal")
    log.write_bytes(b"of an older cache")

    with pytest.raises(InvalidArgumentError, match=r"new\.db-wal exists"):
        reembed(source, dest, new)

    assert (dest.exists(), log.read_bytes()) == (False, b"of an older cache")


def test_a_source_that_is_no_cache_is_refused(tmp_path: Path, dest: Path, new: WordEmbedder) -> None:
    with closing(sqlite3.connect(tmp_path / "old.db")) as db:
        db.execute("CREATE TABLE somebody (elses)")

    with pytest.raises(CorruptCacheError):
        reembed(tmp_path / "old.db", dest, new)

    assert not dest.exists()


def test_an_empty_file_holds_nothing_to_copy(tmp_path: Path, dest: Path, new: WordEmbedder) -> None:
    (tmp_path / "old.db").touch()

    with pytest.raises(InvalidArgumentError, match="never held a cache"):
        reembed(tmp_path / "old.db", dest, new)


def test_an_interrupted_run_leaves_only_the_source(source: Path, dest: Path, tmp_path: Path) -> None:
    class Interrupted(WordEmbedder):
        def embed(self, text: str) -> np.ndarray:
            if text == "question 3":
                raise KeyboardInterrupt
            return super().embed(text)

    with pytest.raises(KeyboardInterrupt):
        reembed(source, dest, Interrupted(fingerprint="test:new"), batch_size=1)

    assert [path.name for path in tmp_path.iterdir()] == ["old.db"]


def test_the_embedders_error_is_the_callers_and_leaves_only_the_source(
    source: Path, dest: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConnectionError, match="away"):
        reembed(source, dest, FailingEmbedder(fingerprint="test:new"))

    assert [path.name for path in tmp_path.iterdir()] == ["old.db"]


async def test_a_cancelled_run_leaves_only_the_source(source: Path, dest: Path, tmp_path: Path) -> None:
    class Stuck(AsyncWordEmbedder):
        async def embed(self, text: str) -> np.ndarray:
            if text == "question 3":
                reached.set()
                await asyncio.Event().wait()
            return WordEmbedder.embed(self, text)

    reached = asyncio.Event()
    task = asyncio.create_task(areembed(source, dest, Stuck(fingerprint="test:new"), batch_size=1))
    await reached.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    assert [path.name for path in tmp_path.iterdir()] == ["old.db"]


class Picky(WordEmbedder):
    """Refuses some texts, as an embedder of one language does."""

    refused = ("question 1", "question 4")

    def embed(self, text: str) -> np.ndarray:
        if text in self.refused:
            raise InvalidArgumentError(f"{text!r} has no vector")
        return super().embed(text)


class AsyncPicky(Picky):
    async def embed(self, text: str) -> np.ndarray:
        return Picky.embed(self, text)


@both
async def test_an_entry_the_embedder_refuses_is_kept_for_exact_hits(
    how: str, source: Path, dest: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "mneme"):
        if how == "reembed":
            reembed(source, dest, Picky(fingerprint="test:new"))
        else:
            await areembed(source, dest, AsyncPicky(fingerprint="test:new"))

    assert ([bool(stored.embedding) for stored in content(dest)], caplog.messages) == (
        [True, False, True, True, False],
        ["the new embedder refused 2 of 5 texts; their entries are kept for exact hits alone"],
    )


def test_an_embedder_that_refuses_every_text_writes_nothing(source: Path, dest: Path) -> None:
    class Useless(WordEmbedder):
        def embed(self, text: str) -> np.ndarray:
            return np.full(self.dim, np.nan)

    with pytest.raises(InvalidArgumentError, match="refused 5 of 5 texts"):
        reembed(source, dest, Useless(fingerprint="test:new"))

    assert not dest.exists()


def test_a_vector_of_the_wrong_length_ends_the_run(source: Path, dest: Path) -> None:
    class Liar(WordEmbedder):
        def embed(self, text: str) -> np.ndarray:
            return np.ones(3)

    with pytest.raises(EmbedderDimensionError):
        reembed(source, dest, Liar(fingerprint="test:new"))

    assert not dest.exists()


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"batch_size": 1.5}, {"namespaces": "acme"}])
def test_a_bad_option_is_refused(options: dict[str, Any], source: Path, dest: Path, new: WordEmbedder) -> None:
    with pytest.raises(InvalidArgumentError):
        reembed(source, dest, new, **options)


async def test_a_concurrency_of_zero_is_refused(source: Path, dest: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="concurrency"):
        await areembed(source, dest, AsyncWordEmbedder(), concurrency=0)


async def test_an_embedder_of_the_other_colour_is_refused(source: Path, dest: Path, new: WordEmbedder) -> None:
    with pytest.raises(InvalidArgumentError, match="areembed"):
        reembed(source, dest, AsyncWordEmbedder(fingerprint="test:new"))
    with pytest.raises(TypeError, match="to_async_embedder"):
        await areembed(source, dest, new)

    assert not dest.exists()


@both
async def test_a_cache_hits_in_both_layers_after_the_move(
    how: str, tmp_path: Path, dest: Path, new: WordEmbedder
) -> None:
    question, vary = "How do I pay my bill?", {"model": "m"}
    with SemanticCache(tmp_path / "old.db", OLD) as cache:
        cache.put(question, "By card.", namespace="acme", vary=vary, metadata={"n": 1})

    await run(how, tmp_path / "old.db", dest, embedder=new)

    with SemanticCache(dest, new, similarity_threshold=0.5, min_confidence=0.0) as cache:
        exact = cache.get(question, namespace="acme", vary=vary)
        semantic = cache.get("how do i pay my invoice bill", namespace="acme", vary=vary)
        elsewhere = cache.get(question, namespace="acme")
    assert exact is not None
    assert semantic is not None
    assert (exact.layer, semantic.layer, semantic.metadata, elsewhere) == ("exact", "semantic", {"n": 1}, None)
