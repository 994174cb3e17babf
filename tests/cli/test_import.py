"""`mneme import`."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mneme import SemanticCache
from mneme.cli.app import app
from mneme.testing import WordEmbedder

WORDS = ("--embedder", "mneme.testing:WordEmbedder")


@pytest.fixture
def run(tmp_path: Path):
    into = ("--into", tmp_path / "cache.db")
    return lambda *arguments: CliRunner().invoke(app, ["import", *map(str, (*arguments, *into, *WORDS))])


@pytest.fixture
def source(foreign, tmp_path: Path) -> Path:
    return foreign.gptcache(
        tmp_path / "source.db", {"question": "How do I pay?"}, {"question": "two", "deleted": -1}, {"question": "three"}
    )


def test_the_report_is_all_that_stdout_holds_as_json(run, source, tmp_path):
    result = run(source, "--json")

    assert (result.exit_code, json.loads(result.stdout)) == (
        0,
        {
            "into": str(tmp_path / "cache.db"),
            "format": "gptcache",
            "normalize": True,
            "read": 3,
            "imported": 2,
            "replaced": 0,
            "present": 0,
            "vectors_reused": 0,
            "vectors_made": 2,
            "exact_only": 0,
            "skipped": {"deleted": {"count": 1, "example": "gptcache_question, row 2"}},
        },
    )


def test_people_get_sentences(run, source):
    result = run(source)

    assert result.exit_code == 0, result.output
    assert "2 of 3 imported, 0 already there, 1 skipped" in result.stdout
    assert "skipped  1  deleted  (first: gptcache_question, row 2)" in result.stdout


def test_what_is_imported_is_served(run, source, tmp_path):
    run(source, "--namespace", "acme", "--format", "gptcache")

    with SemanticCache(tmp_path / "cache.db", WordEmbedder()) as cache:
        assert cache.get("how do I pay?", namespace="acme").response == "By card."


def test_replaced_answers_and_how_to_open_the_cache_are_told(run, foreign, tmp_path):
    rows = [
        {"query": "us", "query_hash": foreign.hashed("us")},
        {"query": "US", "query_hash": foreign.hashed("US"), "created_at": 5},
        {"query": "US", "query_hash": "of another wording", "created_at": 6},
    ]
    result = run(foreign.mneme_cache(tmp_path / "source.db", *rows))

    assert "1 took the place of an older answer" in result.stdout
    assert "normalize=False" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["no-such-file.db"], 2),
        ([], 2),
        (["SOURCE", "--format", "redis"], 2),
        (["SOURCE", "--format", "langchain"], 5),
    ],
)
def test_wrong_usage_is_said(run, source, arguments, code):
    result = run(*(source if each == "SOURCE" else each for each in arguments))

    assert (result.exit_code, "Traceback" in result.output) == (code, False)


@pytest.mark.parametrize("target", ["nonsense", ".odd:module", "os:system", "no.such:module"])
def test_an_embedder_that_is_none_is_said(source, tmp_path, target):
    arguments = ["import", str(source), "--into", str(tmp_path / "cache.db"), "--embedder", target]
    result = CliRunner().invoke(app, arguments)

    assert (result.exit_code, (tmp_path / "cache.db").exists()) == (1 if target == "no.such:module" else 5, False)


def test_another_program_s_file_ends_with_5(run, tmp_path):
    with closing(sqlite3.connect(tmp_path / "other.db")) as db:
        db.execute("CREATE TABLE songs (title TEXT)")
    result = run(tmp_path / "other.db")

    assert (result.exit_code, "songs" in result.stderr, (tmp_path / "cache.db").exists()) == (5, True, False)


def test_a_cache_of_another_embedder_ends_with_1(run, source, tmp_path):
    SemanticCache(tmp_path / "cache.db", WordEmbedder(fingerprint="test:other")).close()
    result = run(source)

    assert (result.exit_code, "test:other" in result.stderr) == (1, True)


def test_a_directory_that_is_missing_ends_with_2(source, tmp_path):
    arguments = ["import", str(source), "--into", str(tmp_path / "no" / "cache.db"), *WORDS]

    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_the_exit_codes_are_documented():
    assert "Exit codes" in CliRunner().invoke(app, ["import", "--help"]).stdout


def test_entries_without_a_vector_are_counted(run, foreign, tmp_path):
    long = foreign.chat(("Human", "long " * 200))
    result = run(foreign.langchain(tmp_path / "source.db", (long, "llm", 0, foreign.chat_answer("short"))))

    assert "1 have no vector and serve the same request alone" in result.stdout
