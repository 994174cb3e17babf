"""Archives of encrypted caches are encrypted; in clear only where that is asked for."""

from __future__ import annotations

import io
import json
import zipfile
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from mneme import AsyncSemanticCache, CheckpointError, EncryptionError, SemanticCache, SQLiteStore
from mneme.runtime import checkpoint
from mneme.testing import WordEmbedder
from mneme.tools.looking.opening import Stand

OLD, NEW, OTHER = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))
EMBEDDER = WordEmbedder()
QUESTION, ANSWER = "how do I reset my PASSPHRASE", "press the red button"


def keys(*held: bytes) -> dict[str, Any]:
    return {"embedder": EMBEDDER, "encryption": lambda: held}


def written(directory: Path) -> list[str]:
    """The names of the files in which something of the entry stands."""
    words = [b"PASSPHRASE", b"passphrase", b"red button", EMBEDDER.embed(QUESTION.lower()).tobytes()]
    files = sorted(file for file in directory.rglob("*") if file.is_file())
    return [file.name for file in files if any(word in file.read_bytes() for word in words)]


def answers(path: Path, *held: bytes) -> dict[str, Any]:
    with SemanticCache.open(path, **keys(*held)) as cache:
        exact = {query: cache.get(query).response for query in cache.list_queries()}
        near = cache.get("reset my PASSPHRASE how do I")
        return {**exact, "near": near and near.response}


def members(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def lines_of(parts: dict[str, bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in parts["entries.jsonl"].splitlines()]


def zipped(parts: dict[str, bytes], **manifest: Any) -> io.BytesIO:
    """Make an archive of members whose manifest has the true checksum of the entries, and what is given."""
    said, content, file = json.loads(parts["manifest.json"]), parts["entries.jsonl"], io.BytesIO()
    said["members"]["entries.jsonl"] = {"bytes": len(content), "sha256": sha256(content).hexdigest()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, each in {**parts, "manifest.json": json.dumps(said | manifest).encode()}.items():
            archive.writestr(name, each)
    return file


FILLED = {QUESTION: ANSWER, "of the new key": "another", "near": ANSWER}


@pytest.fixture
def filled(path: Path) -> Path:
    """Return a cache of two entries, each of another key."""
    with SemanticCache.open(path, **keys(OLD)) as cache:
        cache.put(QUESTION, ANSWER, metadata={"author": "somebody"})
    with SemanticCache.open(path, **keys(NEW, OLD)) as cache:
        cache.put("of the new key", "another")
    return path


@pytest.mark.parametrize("options", [{}, {"durability": "deferred"}])
def test_an_archive_is_encrypted_and_is_made_a_cache_again(filled: Path, tmp_path: Path, options: Any) -> None:
    with SemanticCache.open(filled, **keys(NEW, OLD), **options) as cache:
        cache.dumps(tmp_path / "a.zip")
    SemanticCache.loads(tmp_path / "a.zip", tmp_path / "b.db", **keys(OLD, NEW)).close()

    assert written(tmp_path) == []
    assert answers(tmp_path / "b.db", NEW, OLD) == FILLED


async def test_so_it_is_in_the_async_facade(filled: Path, tmp_path: Path) -> None:
    async with AsyncSemanticCache.open(filled, **keys(NEW, OLD)) as cache:
        await cache.dumps(tmp_path / "a.zip")
        await cache.dumps(tmp_path / "clear.zip", in_clear=True)
    async with await AsyncSemanticCache.loads(tmp_path / "a.zip", tmp_path / "b.db", **keys(OLD, NEW)) as cache:
        hit = await cache.get(QUESTION)

    assert hit is not None
    assert (hit.response, hit.metadata["author"], written(tmp_path)) == (ANSWER, "somebody", ["clear.zip"])


def test_neither_way_needs_the_keys(filled: Path, tmp_path: Path) -> None:
    with closing(SQLiteStore(filled)) as store:
        identity = store.identity()
        assert identity is not None
        with SemanticCache(store=store, embedder=Stand(identity)) as cache:
            cache.dumps(tmp_path / "a.zip")
            with pytest.raises(CheckpointError, match="takes its keys"):
                cache.dumps(tmp_path / "clear.zip", in_clear=True)
    checkpoint.load(tmp_path / "a.zip", tmp_path / "b.db", Stand(identity))

    assert not (tmp_path / "clear.zip").exists()
    assert answers(tmp_path / "b.db", NEW, OLD) == FILLED


@pytest.mark.parametrize("given", [{}, keys(OTHER), keys(OLD)], ids=["none", "another", "one of two"])
def test_without_its_keys_nothing_is_made_of_it(filled: Path, tmp_path: Path, given: dict[str, Any]) -> None:
    with SemanticCache.open(filled, **keys(NEW, OLD)) as cache:
        cache.dumps(tmp_path / "a.zip")
    before = filled.read_bytes()
    with pytest.raises(EncryptionError):
        SemanticCache.loads(tmp_path / "a.zip", filled, **{"embedder": EMBEDDER, **given})

    assert filled.read_bytes() == before


def test_an_archive_in_clear_can_be_asked_for_and_becomes_an_encrypted_cache(filled: Path, tmp_path: Path) -> None:
    with SemanticCache.open(filled, **keys(NEW, OLD)) as cache:
        cache.dumps(tmp_path / "clear.zip", in_clear=True)
    SemanticCache.loads(tmp_path / "clear.zip", tmp_path / "b.db", **keys(OTHER)).close()

    assert written(tmp_path) == ["clear.zip"]
    assert answers(tmp_path / "b.db", OTHER) == FILLED
    with SemanticCache.loads(tmp_path / "clear.zip", tmp_path / "c.db", EMBEDDER) as cache:
        assert cache.get(QUESTION).response == ANSWER


def test_an_entry_that_two_keys_sealed_is_in_it_once(path: Path, tmp_path: Path) -> None:
    with SemanticCache.open(path, **keys(OLD)) as late, SemanticCache.open(path, **keys(NEW, OLD)) as early:
        early.put(QUESTION, "older")
        late.put(QUESTION, "newer")
        early.dumps(tmp_path / "clear.zip", in_clear=True)

    lines = lines_of(members(tmp_path / "clear.zip"))
    assert [line["response"] for line in lines] == ["newer"]


@pytest.mark.parametrize(
    "change",
    [
        {"version": 1},
        {"fingerprint": EMBEDDER.fingerprint},
        {"dim": 8},
        {"keys": []},
        {"keys": {"short": 1}},
        {"keys": {"0" * 32: 0}},
        {"keys": {"0" * 32: 2**63}},
        {"keys": {"0" * 32: "1"}},
    ],
    ids=repr,
)
def test_a_forged_manifest_is_refused(filled: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    with SemanticCache.open(filled, **keys(NEW, OLD)) as cache:
        cache.dumps(tmp_path / "a.zip")
    with pytest.raises(CheckpointError):
        SemanticCache.loads(zipped(members(tmp_path / "a.zip"), **change), tmp_path / "b.db", **keys(NEW, OLD))

    assert not (tmp_path / "b.db").exists()


def test_text_in_clear_in_an_encrypted_archive_is_served_to_nobody(filled: Path, tmp_path: Path) -> None:
    with SemanticCache.open(filled, **keys(NEW, OLD)) as cache:
        cache.dumps(tmp_path / "a.zip")
    parts = members(tmp_path / "a.zip")
    lines = [{**line, "response": "forged"} for line in lines_of(parts)]
    parts["entries.jsonl"] = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    with SemanticCache.loads(zipped(parts), tmp_path / "b.db", **keys(NEW, OLD)) as cache:
        assert cache.get(QUESTION) is None
