"""`mneme doctor`: says what a file is, changes nothing, and recovers into a new file when asked to."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mneme import SemanticCache, SQLiteStore
from mneme.cli.app import app
from mneme.testing import FakeClock, WordEmbedder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.db"


@pytest.fixture
def doctor(path: Path) -> Callable[..., Any]:
    """Run the command over `path`; see that no file changed, but for the shared index, which holds nothing."""

    def contents() -> dict[str, bytes]:
        return {
            file.name: file.read_bytes() for file in path.parent.glob("cache.db*") if not file.name.endswith("-shm")
        }

    def doctor(*arguments: Any) -> Any:
        before = contents()
        result = CliRunner().invoke(app, ["doctor", str(path), *map(str, arguments)])
        assert contents() == before
        return result

    return doctor


@pytest.fixture
def findings(doctor: Any) -> Callable[[int], dict[str, Any]]:
    """What the command finds, as JSON, with this exit code."""

    def findings(exit_code: int) -> dict[str, Any]:
        result = doctor("--json")
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)

    return findings


def test_a_sound_file_is_described(path: Path, findings: Any) -> None:
    with SemanticCache(path, WordEmbedder(64), clock=FakeClock(1_000.0)) as cache:
        cache.put_many([("a", "1"), ("b", "2")], namespace="shop")
        cache.put("c", "3", mode="exact", ttl=60)
    size = path.stat().st_size

    assert findings(0) == {
        "path": str(path),
        "size_bytes": size,
        "log_bytes": 0,
        "free_bytes": 0,
        "schema_version": version_of(path),
        "newest_schema": version_of(path),
        "fingerprint": "test:words:v1",
        "dim": 64,
        "normalize": "default",
        "encrypted": False,
        "entries": 3,
        "searchable": 2,
        "expired": 1,
        "namespaces": {"default": 1, "shop": 2},
        "integrity": [],
        "problems": [],
        "warnings": [],
        "is_database": True,
        "is_foreign": False,
        "importable": None,
        "sound": True,
    }
    assert [file.name for file in path.parent.iterdir()] == ["cache.db"]


def version_of(path: Path) -> int:
    with closing(SQLiteStore(path)) as store:
        store.identity()
        return store.schema_version


def test_people_get_lines(path: Path, doctor: Any) -> None:
    with SemanticCache(path, WordEmbedder(64)) as cache:
        for number in range(25):
            cache.put("a", "1", namespace=f"tenant [{number}]")
    result = doctor()

    assert result.exit_code == 0
    assert "nothing is wrong" in result.stdout
    assert "tenant [1]" in result.stdout
    assert "and 5 namespaces more" in result.stdout


IN_USE = """
import sys
from mneme import SemanticCache
from mneme.testing import WordEmbedder
with SemanticCache(sys.argv[1], WordEmbedder(64)) as cache:
    cache.put("a", "1")
    print(flush=True)
    sys.stdin.read()
    cache.put("b", "2")
"""


def test_a_file_in_use_is_described_with_its_log(path: Path, findings: Any) -> None:
    command = [sys.executable, "-c", IN_USE, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as peer:
        peer.stdout.readline()
        found = findings(0)
        peer.communicate(b"")

    assert (found["entries"], found["log_bytes"] > 0, found["sound"]) == (1, True, True)
    assert (peer.returncode, findings(0)["entries"]) == (0, 2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE entries SET metadata = '[' WHERE seq = 6", "row 6"),
        ("UPDATE entries SET vector = zeroblob(1536) WHERE seq = 9", "row 9"),
        ("DELETE FROM meta", "which embedder"),
        ("CREATE TRIGGER planted AFTER INSERT ON entries BEGIN SELECT 1; END", "trigger"),
        ("CREATE TABLE another (a)", "another"),
        ("DROP TABLE usage", "usage"),
        ("PRAGMA user_version = 99", "99"),
        ("UPDATE entries SET query = cast(x'ff' AS TEXT) WHERE seq = 6", "decode"),
    ],
)
def test_what_mneme_did_not_write_is_a_problem(path: Path, sample: Any, findings: Any, change: str, said: str) -> None:
    path.write_bytes(sample.content)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(change)

    assert said in json.dumps(findings(5)["problems"])


def test_damage_is_named_and_what_can_be_read_is_told(path: Path, sample: Any, findings: Any) -> None:
    path.write_bytes(sample.overwritten(30))
    path.chmod(0o644)
    found = findings(5)

    assert (found["fingerprint"], found["sound"]) == ("test:words:v1", False)
    assert any("malformed" in said or "error code 11" in said for said in [*found["problems"], *found["integrity"]])
    assert found["warnings"] == ["others than its owner may read or write it: chmod 600"]


@pytest.mark.parametrize(
    ("by", "said"), [(b"\xff" * 100, "not a database"), (b"SQLite format 3\x00" + b"\xff" * 84, "")]
)
def test_a_damaged_header_is_a_problem(path: Path, sample: Any, findings: Any, by: bytes, said: str) -> None:
    path.write_bytes(sample.overwritten(1, by=by))
    found = findings(5)

    assert said in json.dumps(found["problems"])
    assert found["schema_version"] is None


def test_a_truncated_file_says_how_much_is_missing(path: Path, sample: Any, findings: Any) -> None:
    path.write_bytes(sample.content[:300_000])

    assert f"300,000 of {len(sample.content):,} bytes" in json.dumps(findings(5)["problems"])


def test_an_empty_file_is_no_cache_yet_and_a_missing_one_is_wrong_usage(path: Path, findings: Any, doctor: Any) -> None:
    assert doctor().exit_code == 2
    path.touch(mode=0o600)
    found = findings(0)

    assert (found["schema_version"], found["problems"]) == (None, [])
    assert "empty" in found["warnings"][0]


def test_a_damaged_file_is_salvaged_into_a_new_one(path: Path, sample: Any, doctor: Any) -> None:
    path.write_bytes(sample.overwritten(30))
    new = path.with_name("new.db")
    result = doctor("--salvage", new)

    assert result.exit_code == 0, result.output
    assert "entries recovered" in result.stdout
    assert "8,192 bytes in pages" in result.stdout
    assert 0 < len(sample.answers) - len(sample.answers_of(new)) < 12
    assert "exists" in doctor("--salvage", new).stderr


def test_salvaging_can_say_json_and_take_the_embedder(
    path: Path, sample: Any, doctor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(sample.overwritten(1, sample.roots["meta"]))
    path.with_name("ours.py").write_text("from mneme.testing import WordEmbedder\nembedder = WordEmbedder(384)\n")
    monkeypatch.syspath_prepend(path.parent)
    without = doctor("--salvage", path.with_name("new.db"))
    another = doctor("--salvage", path.with_name("new.db"), "--embedder", "mneme.testing:WordEmbedder")
    result = doctor("--salvage", path.with_name("new.db"), "--embedder", "ours:embedder", "--json")

    assert (without.exit_code, "--embedder" in without.stderr) == (5, True)
    assert (another.exit_code, "384" in another.stderr) == (1, True)
    assert json.loads(result.stdout)["entries"] == len(sample.answers)


def test_wrong_usage_is_said(path: Path, sample: Any, doctor: Any) -> None:
    path.write_bytes(b"no database" * 1_000)

    assert doctor("--embedder", "a:b").exit_code == 2
    assert doctor("--salvage", path).exit_code == 5
    assert doctor("--salvage", path.with_name("new.db")).exit_code == 5
    assert "Exit codes" in doctor("--help").stdout
