"""What can be read of a damaged file comes back, nothing that was deleted does, and the file is left alone."""

from __future__ import annotations

import random
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mneme import EmbedderMismatchError, InvalidArgumentError, SemanticCache
from mneme.errors import CorruptCacheError, SchemaMigrationError
from mneme.stores.base import Identity
from mneme.stores.sqlite import connection, schema
from mneme.testing import WordEmbedder
from mneme.tools.salvage import Recovered, salvage


@pytest.fixture
def recover(sample: Any, tmp_path: Path) -> Callable[..., tuple[dict[str, str], Recovered]]:
    """Salvage a content; see that the file stays as it was and every answer is right; return what came back."""

    def recover(content: bytes, **options: Any) -> tuple[dict[str, str], Recovered]:
        damaged, new = tmp_path / "damaged.db", tmp_path / "new.db"
        new.unlink(missing_ok=True)
        damaged.write_bytes(content)
        found = salvage(damaged, new, **options)
        answers = sample.answers_of(new)
        assert {file.name for file in tmp_path.iterdir()} == {"damaged.db", "new.db"}
        assert damaged.read_bytes() == content
        assert answers.items() <= sample.answers.items()
        assert found.entries == len(answers)
        assert not found.is_lost_exact or found.entries + found.lost_entries == len(sample.answers)
        return answers, found

    return recover


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    return tmp_path / "damaged.db"


def test_a_whole_file_comes_back_whole_and_serves_by_meaning(sample: Any, recover: Any, tmp_path: Path) -> None:
    answers, found = recover(sample.content)

    assert answers == sample.answers
    assert found == Recovered(len(answers), 0, True, 0, 0, 0, Identity("test:words:v1", 384, "default"))
    assert stat.S_IMODE((tmp_path / "new.db").stat().st_mode) == 0o600
    with SemanticCache(tmp_path / "new.db", sample.embedder) as cache:
        assert cache.get("1 question").layer == "semantic"


@pytest.mark.parametrize("by", [b"\xff" * 100, b"\x00" * 100, b"\xff" * 8_192, b"\x00" * 8_192])
def test_a_lost_header_and_a_lost_first_page_lose_no_entry(sample: Any, recover: Any, by: bytes) -> None:
    assert recover(sample.overwritten(1, by=by))[0] == sample.answers


def test_a_lost_first_page_of_a_file_that_an_earlier_mneme_made_loses_no_entry(
    tmp_path_factory: pytest.TempPathFactory, recover: Any, sample: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(connection, "STEPWISE", "PRAGMA auto_vacuum = NONE")
        old = type(sample)(tmp_path_factory.mktemp("old") / "cache.db")

    assert old.roots["entries"] != sample.roots["entries"]
    assert recover(old.overwritten(1))[0] == sample.answers


@pytest.mark.parametrize("lost", ["entries", "sqlite_autoindex_entries_1", "usage", "removals", "counters"])
def test_a_lost_root_of_one_tree_loses_no_entry(sample: Any, recover: Any, lost: str) -> None:
    assert recover(sample.overwritten(sample.roots[lost]))[0] == sample.answers


def test_what_says_which_embedder_it_was_can_be_replaced_by_the_embedder(sample: Any, recover: Any) -> None:
    without = sample.overwritten(1, sample.roots["meta"])
    with pytest.raises(CorruptCacheError, match="--embedder"):
        recover(without)
    answers, found = recover(without, embedder=sample.embedder)

    assert (answers, found.identity) == (sample.answers, Identity("test:words:v1", 384, "default"))


def test_where_both_the_table_and_its_index_are_lost_nothing_is_guessed(sample: Any, damaged: Path) -> None:
    damaged.write_bytes(sample.overwritten(sample.roots["entries"], sample.roots["sqlite_autoindex_entries_1"]))

    with pytest.raises(CorruptCacheError, match="Nothing was written"):
        salvage(damaged, damaged.with_name("new.db"))
    assert [file.name for file in damaged.parent.iterdir()] == ["damaged.db"]


@pytest.mark.parametrize("seed", range(3))
def test_damaged_pages_lose_their_own_rows_alone(sample: Any, recover: Any, seed: int) -> None:
    chance = random.Random(seed)
    numbers = chance.sample(range(8, sample.pages), 5)
    by = [chance.randbytes(sample.page_bytes), bytes(sample.page_bytes)][seed % 2]
    answers, found = recover(sample.overwritten(*numbers, by=by))

    assert len(sample.answers) - 5 * 12 < len(answers) < len(sample.answers)
    assert found.unreadable_bytes <= 5 * sample.page_bytes


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_truncated_file_gives_what_is_left_of_it(sample: Any, recover: Any, part: float) -> None:
    size = int(len(sample.content) * part)
    answers, found = recover(sample.content[:size])

    assert len(answers) > 0.7 * part * len(sample.answers)
    assert found.missing_bytes == len(sample.content) - size


def test_flipped_bits_never_stop_it(sample: Any, recover: Any, damaged: Path) -> None:
    # In trees, not in the texts, which nothing guards: a flipped letter of an answer is an answer.
    chance = random.Random(5)
    for _ in range(10):
        content = bytearray(sample.content)
        for _ in range(40):
            page = chance.randrange(2, sample.pages)
            content[page * sample.page_bytes + chance.randrange(12)] ^= 1 << chance.randrange(8)
        damaged.write_bytes(content)
        new = damaged.with_name("new.db")
        new.unlink(missing_ok=True)
        found = salvage(damaged, new)
        assert found.entries > len(sample.answers) // 2
        assert sample.answers_of(new).keys() <= sample.answers.keys()


CHANGES = ("metadata = '['", "vector = x'00'", "response = x'00'", "vector = zeroblob(1536)", "ttl = 'x'")


def test_a_row_that_cannot_have_been_written_so_is_refused(sample: Any, damaged: Path) -> None:
    damaged.write_bytes(sample.content)
    with closing(sqlite3.connect(damaged)) as db:
        seqs = [number for (number,) in db.execute("SELECT seq FROM entries ORDER BY seq LIMIT 5")]
        for number, change in zip(seqs, CHANGES, strict=True):
            db.execute(f"UPDATE entries SET {change} WHERE seq = {number}")
        db.execute("CREATE TRIGGER planted AFTER INSERT ON entries BEGIN SELECT 1; END")
        db.commit()
    found = salvage(damaged, damaged.with_name("new.db"))

    assert (found.entries, found.lost_entries, found.refused_rows) == (len(sample.answers) - 5, 5, 5)
    assert len(sample.answers_of(damaged.with_name("new.db"))) == len(sample.answers) - 5


KILLED = """
import os, sys
from mneme import SemanticCache
from mneme.testing import WordEmbedder
cache = SemanticCache(sys.argv[1], WordEmbedder(384), max_entries=1000)
for number in range(40):
    cache.put(f"question {number % 30}", f"late {number}")
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_process_left_in_the_log_comes_back_too(sample: Any, damaged: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(damaged)], check=False)
    log = damaged.with_name("damaged.db-wal")
    log.write_bytes(log.read_bytes()[:-20_000])  # the last commit was cut off
    before = {file.name: file.read_bytes() for file in damaged.parent.iterdir()}
    found = salvage(damaged, damaged.with_name("new.db"))
    answers = sample.answers_of(damaged.with_name("new.db"))

    assert (found.entries, answers["question 29"]) == (30, "late 29")
    assert answers["question 0"] == "late 30"
    assert {name: damaged.with_name(name).read_bytes() for name in before} == before


@pytest.mark.parametrize("lost", [[30], [1, 3]])
def test_an_encrypted_file_is_recovered_without_its_key_and_opens_with_it(damaged: Path, lost: list[int]) -> None:
    pytest.importorskip("cryptography")
    embedder, new = WordEmbedder(64), damaged.with_name("new.db")
    options = {"embedder": embedder, "encryption": lambda: [b"k" * 32]}
    with SemanticCache.open(damaged, **options) as cache:
        cache.put_many([(f"question {number}", f"answer {number} " * 30) for number in range(300)])
    content = bytearray(damaged.read_bytes())
    for page in lost:
        content[(page - 1) * 8_192 : page * 8_192] = bytes(8_192)
    damaged.write_bytes(content)
    found = salvage(damaged, new, embedder=embedder)

    assert (found.identity.is_sealed, 285 < found.entries <= 300) == (True, True)
    with SemanticCache.open(new, **options) as cache:
        assert cache.stats().entries == found.entries
        assert cache.get("question 299").response == "answer 299 " * 30


def test_an_older_version_is_upgraded(sample: Any, recover: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    step = "ALTER TABLE entries ADD COLUMN colour TEXT; UPDATE entries SET colour = 'red'"
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, step))

    assert recover(sample.overwritten(20))[1].entries > 0
    assert recover(sample.overwritten(1, by=b"\x00" * 100))[0] == sample.answers


def test_files_that_are_no_damaged_cache_of_this_version_are_refused(sample: Any, damaged: Path) -> None:
    new = damaged.with_name("new.db")
    with pytest.raises(FileNotFoundError):
        salvage(damaged, new)
    damaged.write_bytes(b"no database at all" * 1_000)
    with pytest.raises(CorruptCacheError):
        salvage(damaged, new)
    damaged.write_bytes(sample.overwritten(1, by=sample.content[:60] + (99).to_bytes(4, "big")))
    with pytest.raises(SchemaMigrationError, match="99"):
        salvage(damaged, new)
    damaged.unlink()
    with closing(sqlite3.connect(damaged)) as db:
        db.execute("CREATE TABLE bookmarks (url)")
    with pytest.raises(CorruptCacheError, match="another program"):
        salvage(damaged, new)

    assert not new.exists()


def test_a_table_that_is_not_there_is_not_looked_for_elsewhere(sample: Any, damaged: Path) -> None:
    damaged.write_bytes(sample.content)
    with closing(sqlite3.connect(damaged)) as db:
        db.execute("DROP TABLE removals")
    found = salvage(damaged, damaged.with_name("new.db"))

    assert (found.entries, found.refused_rows) == (len(sample.answers), 0)
    assert sample.answers_of(damaged.with_name("new.db")) == sample.answers


def test_nothing_is_overwritten_and_another_embedder_is_refused(sample: Any, damaged: Path) -> None:
    damaged.write_bytes(sample.content)
    for taken in (damaged, damaged.with_name("other.db")):
        taken.touch()
        with pytest.raises(InvalidArgumentError, match="exists"):
            salvage(damaged, taken)
    with pytest.raises(FileNotFoundError, match="directory"):
        salvage(damaged, damaged.parent / "missing" / "new.db")
    with pytest.raises(EmbedderMismatchError):
        salvage(damaged, damaged.with_name("new.db"), embedder=WordEmbedder(384, "another"))

    assert (damaged.read_bytes(), damaged.with_name("new.db").exists()) == (sample.content, False)
