"""Archives that `dumps` did not write: none is believed, and none harms the cache it was to replace."""

from __future__ import annotations

import io
import json
import random
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mneme import CheckpointError, SemanticCache
from mneme.testing import WordEmbedder

MEMBERS = ("entries.jsonl", "vectors.f32")


def test_the_forger_can_write_an_honest_archive(
    parts: dict[str, bytes], old: Path, embedder: WordEmbedder, forged: Any
) -> None:
    with SemanticCache.loads(io.BytesIO(forged(parts)), old, embedder) as cache:
        assert cache.stats().entries == 2


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x05\x06" + b"\x00" * 18, b"SQLite format 3\x00"])
def test_a_file_that_is_no_archive_is_refused(refused: Callable[[bytes], str], content: bytes) -> None:
    assert "Nothing was changed" in refused(content)


def test_a_missing_archive_is_refused(old: Path, tmp_path: Path, embedder: WordEmbedder) -> None:
    with pytest.raises(CheckpointError, match="No such file"):
        SemanticCache.loads(tmp_path / "missing.zip", old, embedder)


def test_an_archive_is_refused_wherever_it_is_cut_off(
    refused: Callable[[bytes], str], parts: dict[str, bytes], zipped: Any
) -> None:
    whole = zipped(parts)

    assert all(refused(whole[:length]) for length in range(0, len(whole), 41))


def test_a_changed_byte_is_refused_or_means_nothing(
    parts: dict[str, bytes], tmp_path: Path, embedder: WordEmbedder, entries: Any, zipped: Any
) -> None:
    whole, chance, target = zipped(parts), random.Random(7), tmp_path / "fuzzed.db"
    SemanticCache.loads(io.BytesIO(whole), target, embedder).close()
    honest, seen = entries(target), {"refused": 0, "restored": 0}
    for _ in range(120):
        place = chance.randrange(len(whole))
        changed = whole[:place] + bytes([whole[place] ^ (1 << chance.randrange(8))]) + whole[place + 1 :]
        try:
            SemanticCache.loads(io.BytesIO(changed), target, embedder).close()
        except CheckpointError:
            seen["refused"] += 1
        else:
            seen["restored"] += 1
            assert entries(target) == honest

    assert seen["refused"] > 80


@pytest.mark.parametrize("name", ["../escaped.txt", "/tmp/escaped.txt", "cache.db", "entries.jsonl.exe", "a/b"])
def test_a_member_of_another_name_is_refused(
    refused: Callable[[bytes], str], parts: dict[str, bytes], name: str, old: Path, zipped: Any
) -> None:
    message = refused(zipped(parts | {name: b"x"}))

    assert "files that are not" in message
    assert not (old.parent.parent / "escaped.txt").exists()


def test_a_member_that_says_it_is_a_link_is_read_as_bytes_and_followed_nowhere(
    refused: Callable[[bytes], str], parts: dict[str, bytes]
) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            member = zipfile.ZipInfo(name)
            if name == "entries.jsonl":
                member.external_attr, content = 0o120777 << 16, b"/etc/passwd"
            archive.writestr(member, content)

    assert "entries.jsonl has 11 bytes" in refused(file.getvalue())


@pytest.mark.parametrize("name", ["manifest.json", *MEMBERS])
def test_a_missing_or_doubled_member_is_refused(
    refused: Callable[[bytes], str], parts: dict[str, bytes], name: str, zipped: Any
) -> None:
    file = io.BytesIO(zipped(parts))
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(name, b"x")

    assert "files that are not" in refused(zipped({key: value for key, value in parts.items() if key != name}))
    assert "files that are not" in refused(file.getvalue())


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compressed_archive_is_refused_unread(
    refused: Callable[[bytes], str], parts: dict[str, bytes], compression: int, zipped: Any
) -> None:
    bomb = zipped(parts | {"entries.jsonl": b" " * 20_000_000}, compression)
    tracemalloc.start()
    message = refused(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert "compressed" in message
    assert peak < 5_000_000


def test_sizes_that_the_zip_directory_makes_up_are_refused(
    refused: Callable[[bytes], str], parts: dict[str, bytes], forged: Any
) -> None:
    honest = forged(parts)
    size = len(parts["vectors.f32"]).to_bytes(4, "little")
    directory = honest.index(b"PK\x01\x02")
    places = [place for place in range(directory, len(honest)) if honest[place : place + 4] == size]
    lies = [honest[:place] + (2**31 - 1).to_bytes(4, "little") + honest[place + 4 :] for place in places]

    assert len(lies) == 2
    assert all(refused(lie) for lie in lies)


@pytest.mark.parametrize(
    "manifest",
    [
        {"format": "another-checkpoint"},
        {"version": 2},
        {"version": 0},
        {"version": "1"},
        {"version": True},
        {"version": None},
        {"dim": 0},
        {"dim": -64},
        {"dim": "64"},
        {"dim": 64.0},
        {"fingerprint": 3},
        {"fingerprint": "\ud800"},
        {"normalize": "perhaps"},
        {"normalize": ["default"]},
        {"entries": 1},
        {"entries": 3},
        {"entries": -1},
        {"entries": 1e3},
        {"members": []},
        {"members": {}},
        {"members": {"entries.jsonl": {}, "vectors.f32": {}}},
        {"members": {"entries.jsonl": 3, "vectors.f32": None}},
        {"members": {name: {"bytes": 2**62, "sha256": "0" * 64} for name in MEMBERS}},
        {"surplus": 1},
    ],
)
def test_a_manifest_that_says_something_else_is_refused(
    refused: Callable[[bytes], str], parts: dict[str, bytes], manifest: dict[str, Any], forged: Any
) -> None:
    assert refused(forged(parts, **manifest))


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"null", b"{", b"\xff\xfe", b"[" * 60_000, b'{"format":"' + b"x" * 70_000]
)
def test_a_manifest_that_is_no_manifest_is_refused(
    refused: Callable[[bytes], str], parts: dict[str, bytes], text: bytes, zipped: Any
) -> None:
    assert refused(zipped(parts | {"manifest.json": text}))


def test_a_size_that_the_manifest_makes_up_is_refused(
    refused: Callable[[bytes], str], parts: dict[str, bytes], forged: Any
) -> None:
    members = json.loads(parts["manifest.json"])["members"]
    members["vectors.f32"]["bytes"] += 1

    assert "its manifest says 257" in refused(forged(parts, members=members))


def test_a_newer_version_says_what_to_do(refused: Callable[[bytes], str], parts: dict[str, bytes], forged: Any) -> None:
    assert "upgrade mneme-middleware" in refused(forged(parts, version=3))
