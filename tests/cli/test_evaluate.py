"""`mneme evaluate`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mneme.cli.app import app

WORDS = ("--embedder", "mneme.testing:WordEmbedder")


@pytest.fixture
def evaluate():
    return lambda *arguments: CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    rows = [
        {"a": "how do I pay", "b": "How do I  pay", "same": True, "kind": "space"},
        {"a": "how do I pay today", "b": "today how do I pay", "same": 1, "kind": "order"},
        {"a": "to Rome from Paris", "b": "from Rome to Paris", "same": False, "kind": "order"},
    ]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return path


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    path = tmp_path / "stream.jsonl"
    rows = [{"prompt": "how do I pay", "truth": "pay"}, {"prompt": "pay how do I", "truth": "pay"}]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return path


def test_policies_and_sets_are_compared(evaluate, pairs, stream):
    result = evaluate(
        "--pairs", pairs, "--stream", stream, "--policy", "threshold:0.9", "--policy", "guarded", *WORDS, "--json"
    )
    rows = {(row["set"], row["contender"]): row for row in json.loads(result.stdout)}

    assert set(rows) == {
        (name, who) for name in (pairs.name, stream.name) for who in ("exact", "threshold:0.9", "guarded")
    }
    careless, careful = rows[pairs.name, "threshold:0.9"], rows[pairs.name, "guarded"]
    assert (careless["trapped"]["part"], careless["recall"]["part"]) == (1, 2)
    assert careful["trapped"]["part"] == 0
    assert rows[pairs.name, "exact"]["recall"]["part"] == 1
    assert careless["kinds"]["order"]["trapped"] | {"low": 0, "high": 0} == {
        "part": 1, "whole": 1, "value": 1.0, "low": 0, "high": 0,
    }  # fmt: skip
    assert rows[stream.name, "threshold:0.9"]["hits"]["part"] == 1


def test_people_get_a_table(evaluate, pairs):
    result = evaluate("--pairs", pairs, *WORDS, "--by-kind")

    assert result.exit_code == 0, result.output
    assert all(word in result.stdout for word in ("pairs.jsonl", "guarded", "exact", "3 asked", "order"))


def test_a_peer_runs_beside(evaluate, pairs):
    result = evaluate("--pairs", pairs, "--peer", f"mneme-cache={sys.executable}", *WORDS, "--json")

    assert [row["contender"] for row in json.loads(result.stdout)] == ["exact", "guarded", "mneme-cache (no version)"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"a": "x", "b": "y"}', "same"),
        ('{"a": "x", "same": true}', "texts"),
        ("{", "not JSON"),
        ('{"a": "x", "b": "y", "same": 2}', "same"),
        ('{"a": "x", "b": "y", "same": true, "turns_a": "z"}', "turns_a"),
        ("", "holds no pairs"),
    ],
)
def test_a_bad_line_is_named_and_ends_with_5(evaluate, tmp_path, content, said):
    path = tmp_path / "bad.jsonl"
    path.write_text(content, "utf-8")
    result = evaluate("--pairs", path, *WORDS)

    assert result.exit_code == 5
    assert said in result.output
    assert "bad.jsonl" in result.output


def test_a_stream_without_truths_is_refused(evaluate, tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"prompt": "x"}', "utf-8")

    result = evaluate("--stream", path, *WORDS)
    assert (result.exit_code, "1 of 1 requests" in result.output) == (5, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 2),
        (["--policy", "nonsense"], 5),
        (["--peer", "nonsense"], 5),
        (["--embedder", "nonsense"], 5),
        (["--embedder", "no.such:module"], 1),
    ],
)
def test_wrong_usage_is_said(evaluate, pairs, arguments, code):
    result = evaluate(*(["--pairs", pairs] if arguments else []), *WORDS, *arguments)

    assert result.exit_code == code
    assert "Traceback" not in result.output
    assert result.output


def test_an_embedder_that_fails_is_one_sentence(evaluate, pairs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    (tmp_path / "broken.py").write_text(
        "class E:\n    dim = 4\n    fingerprint = 'e'\n    def embed(self, text): raise OSError('no network')\n",
        "utf-8",
    )
    result = evaluate("--pairs", pairs, "--embedder", "broken:E")

    assert (result.exit_code, "the embedder failed: OSError: no network" in result.output) == (1, True)


@pytest.mark.parametrize(("context", "served"), [("exact", 0), ("similar", 1)])
def test_reworded_turns_may_be_served(evaluate, tmp_path, context, served):
    path = tmp_path / "turns.jsonl"
    turns = {"turns_a": ["How do I reset my router?"], "turns_b": ["How can I reset my router?"]}
    path.write_text(json.dumps({"a": "How long does it take?", "b": "How long does it take?", "same": True, **turns}))
    result = evaluate("--pairs", path, "--context", context, *WORDS, "--json")

    assert [row["recall"]["part"] for row in json.loads(result.stdout)] == [0, served]
