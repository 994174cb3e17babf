"""Copying a cache to another place."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mneme import SemanticCache, SQLiteStore, Threshold
from mneme.cli.app import app
from mneme.errors import EmbedderMismatchError, EncryptionError, InvalidArgumentError
from mneme.stores.base import BEGINNING, Put
from mneme.testing import WordEmbedder, servers
from mneme.tools.copying import copy
from mneme.tools.looking import Keyed

QUESTIONS = [f"how do I pay bill number {number}" for number in range(2_100)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.db"
    with SemanticCache(path, WordEmbedder()) as cache:
        cache.put_many([(question, f"answer to {question}") for question in QUESTIONS])
        cache.put("kept apart", "yes", namespace="acme", vary={"model": "m"}, ttl=3_600, metadata={"n": 1})
        cache.put("exact alone", "yes", mode="exact")
        cache.get(QUESTIONS[0])
    return path


@pytest.fixture(scope="module")
def redis() -> Iterator[str]:
    with servers.valkey() as running:
        yield running.url


def entries(place: Any) -> dict[str, Any]:
    with closing(SQLiteStore(place)) as store:
        identity = store.identity()
        assert identity is not None
        store.open(identity)
        puts = [change.entry for changes, _ in store.pull(BEGINNING) for change in changes if isinstance(change, Put)]
    return {entry.query_hash: tuple(getattr(entry, name) for name in type(entry).__slots__[1:]) for entry in puts}


def test_a_copy_holds_all_of_every_entry(source: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    number = copy(source, tmp_path / "copy.db", progress=lambda *both: told.append(both))

    assert number == len(QUESTIONS) + 2
    assert entries(tmp_path / "copy.db") == entries(source)
    assert (told[0], told[-1]) == ((1_000, number), (number, number))


def test_a_server_is_filled_and_read_back(source: Path, tmp_path: Path, redis: str) -> None:
    assert copy(source, redis) == copy(redis, tmp_path / "back.db") == len(QUESTIONS) + 2
    assert entries(tmp_path / "back.db") == entries(source)
    with SemanticCache.open(redis, embedder=WordEmbedder(), policy=Threshold(0.85)) as cache:
        assert cache.get(QUESTIONS[5]).response == f"answer to {QUESTIONS[5]}"
        assert cache.get("bill number 5 how do I pay").layer == "semantic"
        assert cache.get("kept apart", namespace="acme", vary={"model": "m"}).metadata == {"n": 1}


def test_the_newer_of_two_answers_stays(source: Path, tmp_path: Path) -> None:
    dest = tmp_path / "dest.db"
    with SemanticCache(dest, WordEmbedder(), clock=lambda: 1.0) as cache:
        cache.put(QUESTIONS[0], "older")
    with SemanticCache(dest, WordEmbedder()) as cache:
        cache.put(QUESTIONS[1], "newer")
        number = copy(source, dest)
        again = copy(source, dest)

        assert (number, again) == (len(QUESTIONS) + 1, 0)
        assert cache.get(QUESTIONS[1]).response == "newer"
        assert cache.get(QUESTIONS[0]).response == f"answer to {QUESTIONS[0]}"


def test_what_was_encrypted_is_copied_with_keys_and_stays_encrypted(source: Path, tmp_path: Path) -> None:
    key = secrets.token_bytes(32)
    sealed, other = tmp_path / "sealed.db", tmp_path / "other.db"
    number = copy(source, Keyed(sealed, lambda: [key]))

    with pytest.raises(EncryptionError, match="keys"):
        copy(sealed, other)
    with pytest.raises(InvalidArgumentError, match="in clear"):
        copy(Keyed(sealed, lambda: [key]), other)
    assert copy(Keyed(sealed, lambda: [key]), Keyed(other, lambda: [key])) == number
    assert b"kept apart" not in other.read_bytes()
    with SemanticCache.open(other, embedder=WordEmbedder(), encryption=lambda: [key]) as cache:
        assert cache.get(QUESTIONS[7]).response == f"answer to {QUESTIONS[7]}"


def test_what_cannot_be_copied_is_refused_and_nothing_changes(source: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with SemanticCache(other, WordEmbedder(fingerprint="other")) as cache:
        cache.put("a", "b")
    verbatim = tmp_path / "verbatim.db"
    with SemanticCache(verbatim, WordEmbedder(), normalize=False) as cache:
        cache.put("a", "b")

    for dest, error in (
        (other, EmbedderMismatchError),
        (verbatim, InvalidArgumentError),
        (source, InvalidArgumentError),
    ):
        with pytest.raises(error):
            copy(source, dest)
    with pytest.raises(FileNotFoundError, match="no cache at"):
        copy(tmp_path / "missing.db", tmp_path / "new.db")
    assert (len(entries(other)), len(entries(verbatim)), (tmp_path / "new.db").exists()) == (1, 1, False)


def test_the_command_copies(source: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["copy", str(source), str(tmp_path / "copy.db"), "--json"])
    missing = CliRunner().invoke(app, ["copy", str(tmp_path / "none.db"), str(tmp_path / "copy.db")])

    assert (json.loads(run.stdout), missing.exit_code) == ({"entries": len(QUESTIONS) + 2}, 2)
