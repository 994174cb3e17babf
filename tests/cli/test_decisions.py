"""`mneme decisions`: what an audit trail tells."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mneme import MemoryStore, SemanticCache
from mneme.cli.app import app
from mneme.observe import AuditTrail
from mneme.observe.rotating import RotatingFile, older_files
from mneme.testing import WordEmbedder


def decisions(*arguments: object):
    return CliRunner().invoke(app, ["decisions", *map(str, arguments)])


def found(*arguments: object) -> list[dict[str, object]]:
    result = decisions(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["decisions"]


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    path = tmp_path / "audit.jsonl"
    with AuditTrail(path) as audit:
        cache = SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), similarity_threshold=0.7, observers=[audit])
        cache.get_or_compute("How do I pay my bill?", lambda: "By card.")
        cache.get("How do I pay my bill?")
        cache.get("How can I pay my bill?")
        cache.get("Where is the moon?", namespace="sky")
    return path


def test_what_was_asked_is_shown_with_what_was_served_and_why(trail):
    result = decisions(trail, "CAN I PAY")
    lines = [line.split() for line in result.stdout.splitlines()]

    assert lines[0][2:] == ["default", "semantic"]
    assert lines[1][:7] == ["asked", "How", "can", "I", "pay", "my", "bill?"]
    assert lines[2][:7] == ["served", "How", "do", "I", "pay", "my", "bill?"]
    assert lines[3] == ["because", "similarity", "at", "least", "0.7"]
    assert lines[4] == ["1", "of", "1", "decisions"]


def test_a_call_is_told_once_and_in_the_order_of_time(trail):
    assert [each["outcome"] for each in found(trail)] == ["miss", "exact", "semantic", "miss"]


@pytest.mark.parametrize(
    ("arguments", "outcomes"),
    [
        (["moon"], ["miss"]),
        (["--namespace", "sky"], ["miss"]),
        (["--outcome", "exact", "--outcome", "semantic"], ["exact", "semantic"]),
        (["--limit", "1"], ["miss"]),
        (["--since", "1h"], ["miss", "exact", "semantic", "miss"]),
        (["--since", "2999-01-01"], []),
        (["nowhere"], []),
    ],
)
def test_decisions_are_chosen(trail, arguments, outcomes):
    assert [each["outcome"] for each in found(trail, *arguments)] == outcomes


def test_a_key_finds_the_questions_that_its_entry_answered(trail):
    key = str(found(trail, "can I pay")[0]["entry"])

    assert [each["outcome"] for each in found(trail, key[:8])] == ["miss", "exact", "semantic"]


def test_what_a_full_trail_became_is_read_before_it(trail):
    lines = trail.read_text("utf-8").splitlines(keepends=True)
    for name, text in (("audit.jsonl.2", lines[:1]), ("audit.jsonl.1", lines[1:3]), ("audit.jsonl", lines[3:])):
        (trail.parent / name).write_text("".join(text), "utf-8")

    assert [each["outcome"] for each in found(trail)] == ["miss", "exact", "semantic", "miss"]


def test_lines_that_are_none_are_counted(trail):
    with trail.open("a", encoding="utf-8") as file:
        file.write('{"outcome": "miss", "time": 1e300}\n[]\n{"time": 1, "outcome": 5}\n{"torn')

    assert "4 of 4 decisions; 4 lines cannot be read" in decisions(trail).stdout


def test_what_the_trail_left_out_is_said_and_controls_are_shown_as_codes(tmp_path):
    path = tmp_path / "audit.jsonl"
    rows = [
        {"time": time.time(), "outcome": "semantic", "layer": "semantic", "entry": "ab" * 16, "key": "cd" * 16},
        {"time": time.time(), "outcome": "miss", "key": "ef" * 16, "query": "one\x1b[31m\ntwo"},
    ]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    shown = decisions(path).stdout

    assert shown.count("(not in the trail)") == 3
    assert "one\\x1b[31m two" in shown


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["TRAIL", "--outcome", "mis"], 2, "one of exact"),
        (["TRAIL", "--since", "soon"], 2, "a span as in"),
        (["none.jsonl"], 2, "none.jsonl"),
        (["OTHER"], 5, "holds no decision"),
    ],
)
def test_wrong_usage_is_said(trail, arguments, code, said):
    (other := trail.parent / "other.txt").write_text("a text\n")
    places = {"TRAIL": str(trail), "OTHER": str(other)}
    result = decisions(*(places.get(argument, argument) for argument in arguments))

    assert (result.exit_code, said in " ".join(result.output.split()), "Traceback" in result.output) == (
        code,
        True,
        False,
    )


def test_a_trail_that_becomes_older_files_while_it_is_read_is_told_once_and_whole(trail, monkeypatch):
    lines = trail.read_text().splitlines(keepends=True)
    written = RotatingFile(trail, 1, 8)
    trail.write_text("")
    for line in lines:
        written.write(line.encode())
    before = found(trail)

    def renamed(path: Path) -> Iterator[Path]:
        written.write(lines[-1].encode())
        return older_files(path)

    monkeypatch.setattr("mneme.tools.backwards.older_files", renamed)

    assert found(trail) == before
    assert [each["outcome"] for each in before] == ["miss", "exact", "semantic", "miss"]
