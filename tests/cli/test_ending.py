"""How the command ends where its output goes nowhere, or somebody ends it; and on terminals that show little."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mneme import SemanticCache
from mneme.cli.app import app
from mneme.cli.frame import frame
from mneme.testing import WordEmbedder
from mneme.testing.waiting import eventually
from mneme.tools import looking

WORDS = ("--embedder", "mneme.testing:WordEmbedder")
MANY = 300
ANSWER = "→ der Schlüssel ✓ " * 3


class Slow(WordEmbedder):
    """Tells that it was asked, and waits."""

    def embed(self, text: str) -> Any:
        Path(os.environ["ASKED"]).touch()
        time.sleep(0.05)
        return super().embed(text)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("ending") / "cache.db"
    with SemanticCache(file, WordEmbedder()) as cache:
        cache.put_many([(f"question {number}", ANSWER) for number in range(MANY)])
        cache.get("question 1")
    return file


def command(*arguments: object, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "mneme", *map(str, arguments)], stderr=subprocess.PIPE, **options)


COMMANDS = [
    ["inspect", "list", "CACHE"],
    ["inspect", "list", "CACHE", "--json"],
    ["top", "CACHE", "--json", "--interval", 0.2],
]


@pytest.mark.skipif(os.name == "nt", reason="pipes and full disks are told of otherwise there")
@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda each: f"{each[0]} {each[-1]}")
def test_who_no_longer_reads_hears_nothing(full: Path, arguments: list[object]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = command(*(full if part == "CACHE" else part for part in arguments), stdout=writer)
    os.close(writer)
    _, said = process.communicate(timeout=60)

    assert (process.returncode, said) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize("arguments", [*COMMANDS, ["--help"], ["--version"]], ids=lambda each: f"{each[0]} {each[-1]}")
def test_a_full_disk_is_said_in_a_sentence(full: Path, arguments: list[object]) -> None:
    with Path("/dev/full").open("wb") as disk:
        process = command(*(full if part == "CACHE" else part for part in arguments), stdout=disk)
        _, said = process.communicate(timeout=60)

    assert (process.returncode, said.count(b"\n"), b"No space left" in said) == (1, 1, True), said


INTERRUPTED = [
    (["reembed", "CACHE", "new.db", "--embedder", "tests.cli.test_ending:Slow", "--batch-size", 10], ["ASKED"]),
    (["calibrate", "--log", "LOG", "--embedder", "tests.cli.test_ending:Slow"], ["ASKED"]),
    (["import", "OTHER", "--into", "new.db", "--embedder", "tests.cli.test_ending:Slow"], ["ASKED"]),
    (["top", "CACHE", "--json", "--interval", 0.2], ["printed"]),
]


@pytest.mark.skipif(os.name == "nt", reason="signals are others there")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("arguments", [each for each, _ in INTERRUPTED], ids=lambda each: each[0])
def test_who_ends_a_command_finds_nothing_half_written(
    full: Path, foreign: Any, tmp_path: Path, arguments: list[object], number: int, code: int
) -> None:
    asked, log, work = tmp_path / "asked", tmp_path / "log.txt", tmp_path / "work"
    work.mkdir()
    log.write_text("\n".join(f"question {at}" for at in range(MANY)), "utf-8")
    other = foreign.gptcache(tmp_path / "other.db", *({"question": f"question {at}"} for at in range(MANY)))
    places = {"CACHE": full, "LOG": log, "OTHER": other}
    with command(
        *(places.get(str(part), part) for part in arguments),
        stdout=subprocess.PIPE,
        cwd=work,
        env={**os.environ, "ASKED": str(asked), "PYTHONPATH": os.pathsep.join([*sys.path, str(Path.cwd())])},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() if arguments[0] == "top" else eventually(asked.exists)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)

    # `top` is ended so, and `calibrate` asks; an import keeps what it has, and goes on from there.
    expected = 0 if (arguments[0], number) == ("top", signal.SIGINT) else code
    assert (process.returncode, b"Traceback" in said) == (expected, False), said
    left = [path.name for path in work.iterdir()]
    assert left in ([], ["new.db"] if arguments[0] == "import" else [])
    for name in left:
        assert looking.look(work / name)[0].total.entries < MANY


LISTED = ["inspect", "list", "CACHE", "--limit", 2]
EXPLAINED = ["explain", "CACHE", "question ✓ 2", "-k", 1, *WORDS]


@pytest.mark.parametrize(
    ("arguments", "encoding"),
    [
        (LISTED, "ascii"),
        (LISTED, "cp1252"),
        (LISTED, "utf-8"),
        (EXPLAINED, "ascii"),
        (["top", "CACHE", "--once"], "ascii"),
    ],
    ids=lambda each: each if isinstance(each, str) else each[0],
)
def test_every_encoding_shows_whole_tables(full: Path, arguments: list[object], encoding: str) -> None:
    process = command(
        *(full if part == "CACHE" else part for part in arguments),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "100", "PYTHONUTF8": "0"},
    )
    shown, said = process.communicate(timeout=60)
    lines = shown.decode(encoding).splitlines()
    table = [line for line in lines if line.startswith(("+", "|", "┃", "│"))]

    assert (process.returncode, said) == (0, b"")
    assert {line[-1] for line in table} <= set("+|┃│")
    assert ("│" in shown.decode(encoding)) is (encoding == "utf-8")
    if arguments[0] in ("inspect", "explain"):
        assert {"ascii": r"Schl\xfcssel \u2713", "cp1252": r"Schlüssel \u2713", "utf-8": "Schlüssel ✓"}[encoding] in (
            shown.decode(encoding)
        )


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("COLUMNS", "20")
    return lambda *arguments: CliRunner().invoke(app, list(map(str, arguments)))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["inspect", "list", "CACHE", "--limit", "2"], "question  question"),
        (["stats", "CACHE"], f"entries  {MANY:,}"),
        (["top", "CACHE", "--once"], f"entries  {MANY:,}"),
        (["explain", "CACHE", "question 2", "-k", "1", *WORDS], "1.0000  accept"),
    ],
    ids=lambda each: each[0],
)
def test_a_narrow_terminal_gets_a_line_for_each_cell(narrow: Any, full: Path, arguments: list[str], said: str) -> None:
    result = narrow(*(full if part == "CACHE" else part for part in arguments))

    assert (result.exit_code, said in result.stdout, "…" in result.stdout) == (0, True, False), result.stdout


def test_a_narrow_frame_has_no_tables(full: Path) -> None:
    view, _ = looking.look(full)

    assert type(frame(view, None, width=20)) is type(frame(view, view, width=100))


@pytest.mark.parametrize(
    ("set_", "coloured"), [({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False), ({"FORCE_COLOR": "1"}, True), ({}, False)]
)
def test_colour_is_as_the_environment_says(set_: dict[str, str], coloured: bool) -> None:
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    shown, _ = command("plugins", stdout=subprocess.PIPE, env={**clean, "TERM": "xterm", **set_}).communicate()

    assert (b"\x1b[3" in shown) is coloured


def test_json_without_a_command_is_wrong_usage() -> None:
    assert [CliRunner().invoke(app, list(each)).exit_code for each in (["--json"], ["--json", "plugins"])] == [2, 2]


@pytest.mark.parametrize("target", ["", "sqlite://x", "sqlite:", "memory:", "DIRECTORY"])
def test_an_archive_is_loaded_into_a_file_alone(full: Path, tmp_path: Path, target: str, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["dump", str(full), "a.zip"]).exit_code == 0
    result = CliRunner().invoke(app, ["load", "a.zip", str(tmp_path) if target == "DIRECTORY" else target, "--yes"])

    assert (result.exit_code, [path.name for path in tmp_path.iterdir()]) == (5, ["a.zip"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["reembed", "CACHE", "new.db", *WORDS, "--batch-size", "-1"],
        ["reembed", "CACHE", "new.db", *WORDS, "--batch-size", str(10**20)],
        ["top", "CACHE", "--interval", "inf"],
        ["top", "CACHE", "--interval", "nan"],
        ["dashboard", "CACHE", "--interval", "1e300"],
        ["demo", "--latency", "inf"],
        ["decisions", "CACHE", "--limit", str(10**20)],
    ],
    ids=lambda each: " ".join(each[-2:]),
)
def test_a_number_beyond_reason_is_wrong_usage(full: Path, arguments: list[str], tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, [str(full) if part == "CACHE" else part for part in arguments])

    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])


def test_what_never_was_a_cache_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a cache\n" * 100, "utf-8")
    said = CliRunner().invoke(app, ["doctor", str(tmp_path / "notes.txt")], env={"COLUMNS": "200"})
    found = json.loads(CliRunner().invoke(app, ["doctor", str(tmp_path / "notes.txt"), "--json"]).stdout)

    assert (said.exit_code, "else it never was one" in said.stdout, found["is_database"]) == (5, True, False)


@pytest.mark.parametrize(
    "arguments",
    [
        ["vacuum", "CACHE"],
        ["inspect", "delete", "CACHE", "KEY", "--yes"],
        ["reembed", "CACHE", "new.db", *WORDS],
        ["dump", "CACHE", "a.zip"],
    ],
    ids=lambda each: each[0],
)
def test_a_directory_that_is_read_only_is_named(
    full: Path, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    key = looking.entries(full)[0][0].key
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and real(path, mode))
    result = CliRunner().invoke(app, [{"CACHE": str(full), "KEY": key}.get(part, part) for part in arguments])

    assert (result.exit_code, "read-only for this user" in result.stderr, list(tmp_path.iterdir())) == (1, True, [])


def test_top_shows_each_frame_where_it_cannot_draw_over_the_last(full: Path) -> None:
    with command("top", full, "--interval", 0.2, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        seen = sum(b"hit ratio" in line for line in itertools.islice(process.stdout, 60))
        process.terminate()
        process.communicate(timeout=60)

    assert seen > 1
