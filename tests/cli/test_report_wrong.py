"""`mneme report-wrong` does what a program's `report_wrong` does."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copy2
from typing import Any

import pytest
from typer.testing import CliRunner

from mneme import SemanticCache
from mneme.cli.app import app
from mneme.testing import WordEmbedder
from mneme.tools import looking

OWN, NEAR = "how do I pay", "how do I pay today"
OPTIONS: dict[str, Any] = {"embedder": WordEmbedder(), "policy": "threshold:0.7"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with SemanticCache.open(tmp_path / "cache.db", **OPTIONS) as cache:
        cache.put(OWN, "card", vary={"model": "m"}, metadata={"by": "us"})
        cache.put("how do I pay it", "card", vary={"model": "m"})
        cache.put("how do I pay now", "cheque", vary={"model": "m"})
    return tmp_path / "cache.db"


def key_of(path: Path, query: str = OWN) -> str:
    return next(each.key for each in looking.entries(path)[0] if each.query == query)


def run(*arguments: Any, **options: Any) -> Any:
    return CliRunner().invoke(app, ["report-wrong", *map(str, arguments)], **options)


def state(path: Path) -> list[tuple[Any, ...]]:
    found = looking.entries(path)[0]
    return sorted((each.query, each.response, each.searchable, str(each.metadata), each.created_at) for each in found)


@pytest.mark.parametrize("asked", [NEAR, OWN, "How do I  PAY"])
def test_the_file_is_as_after_the_program_s_own_report(path: Path, tmp_path: Path, asked: str) -> None:
    other = Path(copy2(path, tmp_path / "other.db"))
    with SemanticCache.open(other, feedback=tmp_path / "wrong.jsonl", **OPTIONS) as cache:
        hit = cache.get(asked, vary={"model": "m"})
        assert hit is not None
        changed = cache.report_wrong(hit)
    result = run(path, hit.key[:8], "--question", asked, "--feedback", tmp_path / "mine.jsonl", "--json", "--yes")
    said = json.loads(result.stdout)

    assert state(path) == state(other)
    assert (said["key"], said["question"], said["changed"]) == (hit.key, asked, changed)
    assert (said["removed"], said["feedback"]) == (asked != NEAR, str(tmp_path / "mine.jsonl"))
    noted, mine = (
        [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        for file in (tmp_path / "wrong.jsonl", tmp_path / "mine.jsonl")
    )
    assert mine == [{name: value for name, value in row.items() if name != "similarity"} for row in noted]


def test_a_program_at_work_no_longer_serves_it(path: Path) -> None:
    with SemanticCache.open(path, **OPTIONS) as cache:
        hit = cache.get(NEAR, vary={"model": "m"})
        assert hit is not None
        result = run(path, hit.key, "--question", NEAR)
        after, own = cache.get(NEAR, vary={"model": "m"}), cache.get(OWN, vary={"model": "m"})

    assert (result.exit_code, hit.response) == (0, "card"), result.output
    assert (after and after.response, own and own.response) == (None, "card")
    assert "serves its own question alone from now on, and so does each of 1 more" in result.stdout
    assert "--feedback FILE" in result.stdout


def test_the_pair_is_kept_apart_from_the_next_opening_on(path: Path, tmp_path: Path) -> None:
    result = run(path, key_of(path), "-q", NEAR, "--feedback", tmp_path / "wrong.jsonl")
    with SemanticCache.open(path, feedback=tmp_path / "wrong.jsonl", **OPTIONS) as cache:
        cache.put(OWN, "card")

        assert (cache.get(NEAR), cache.explain(NEAR).outcome) == (None, "reported_wrong")
    assert "keeps the two questions apart" in result.stdout


def test_an_answer_wrong_for_its_own_question_goes_after_a_yes(path: Path) -> None:
    key = key_of(path)
    refused = run(path, key, input="n\n")
    assert (refused.exit_code, looking.entry(path, key) is None) == (1, False)
    agreed = run(path, key, input="y\n")

    assert (agreed.exit_code, looking.entry(path, key)) == (0, None)
    assert "wrong for its own question" in agreed.stdout


def test_naming_the_entry_s_own_question_asks_too(path: Path) -> None:
    refused = run(path, key_of(path), "--question", "How do I  PAY", input="n\n")

    assert (refused.exit_code, key_of(path) in {each.key for each in looking.entries(path)[0]}) == (1, True)


def test_a_second_report_changes_nothing(path: Path) -> None:
    key = key_of(path)
    run(path, key, "--question", NEAR)
    result = run(path, key, "--question", NEAR)

    assert (result.exit_code, "alone already" in result.stdout) == (0, True)


@pytest.mark.parametrize(("key", "code"), [("ffff", 3), ("12", 5)])
def test_a_key_that_names_no_entry_is_said_in_a_sentence(path: Path, key: str, code: int) -> None:
    before = state(path)
    result = run(path, key, "--question", NEAR)

    assert (result.exit_code, result.stderr.startswith("Error: "), state(path)) == (code, True, before)


def test_what_a_report_cannot_be_written_to_is_said_before_anything_changes(path: Path, tmp_path: Path) -> None:
    before = state(path)
    (tmp_path / "notes.txt").write_text("my notes\n")
    result = run(path, key_of(path), "--question", NEAR, "--feedback", tmp_path / "notes.txt")

    assert (result.exit_code, state(path), (tmp_path / "notes.txt").read_text()) == (5, before, "my notes\n")


def test_no_file_ends_with_2_and_a_normaliser_of_the_program_s_own_with_5(tmp_path: Path) -> None:
    with SemanticCache.open(tmp_path / "own.db", normalize=str.upper, **OPTIONS) as cache:
        cache.put(OWN, "card")
    missing = run(tmp_path / "none.db", "abcd", "--yes")
    own = run(tmp_path / "own.db", key_of(tmp_path / "own.db"), "--yes")

    assert [(each.exit_code, each.stderr.count("\n")) for each in (missing, own)] == [(2, 1), (5, 1)]
    assert "call cache.report_wrong in that program" in own.stderr


def test_it_is_told_from_explain_which_entry_was_near(path: Path) -> None:
    words = ("--embedder", "mneme.testing:WordEmbedder", "--like", key_of(path))
    shown = CliRunner().invoke(app, ["explain", str(path), NEAR, *words]).stdout

    assert f"{key_of(path)[:8]} → card" in shown


def test_a_question_that_has_nothing_to_do_with_the_entry_needs_a_force(path: Path, tmp_path: Path) -> None:
    words = ("--embedder", "mneme.testing:WordEmbedder")
    before, key = state(path), key_of(path)
    refused = [run(path, key, "-q", "nobody asked it", *more) for more in ((), words)]
    far = run(path, key, "-q", "how does it rain all over the town", *words)

    assert [each.exit_code for each in (*refused, far)] == [5] * 3, far.output
    assert ("is it the right entry" in far.stderr, state(path)) == (True, before)
    assert run(path, key, "-q", "nobody asked it", "--force").exit_code == 0


def test_what_a_trail_says_was_served_needs_no_force(path: Path, tmp_path: Path) -> None:
    trail, key = tmp_path / "audit.jsonl", key_of(path)
    rows = [{"time": 1.0, "outcome": "semantic", "entry": key, "query": "nobody asked it", "key": "ab"}]
    rows += [{"time": 2.0, "outcome": "miss", "entry": key, "query": "nor this", "key": "cd"}]
    trail.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    results = [run(path, key, "-q", asked, "--trail", trail) for asked in ("nor this", "Nobody asked it")]

    assert [each.exit_code for each in results] == [5, 0], results


def test_a_report_is_taken_back(path: Path, tmp_path: Path) -> None:
    before, key, file = state(path), key_of(path), tmp_path / "wrong.jsonl"
    run(path, key, "-q", NEAR, "--feedback", file)
    shown = CliRunner().invoke(app, ["inspect", "show", str(path), key]).stdout
    done = run(path, key, "-q", NEAR, "--feedback", file, "--undo")
    again = run(path, key, "--undo", "--json")
    with SemanticCache.open(path, feedback=file, **OPTIONS) as cache:
        assert cache.get(NEAR, vary={"model": "m"}) is not None

    assert f"wrong for {NEAR!r}" in shown
    assert "may be served to other questions again, and so may 1 more" in done.stdout
    assert (json.loads(again.stdout)["changed"], state(path)) == (0, before)


def test_explain_minds_the_file_too(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "wrong.jsonl"
    file.write_text(json.dumps({"a": OWN, "b": NEAR, "same": False}) + "\n")
    words = [str(path), NEAR, "--embedder", "mneme.testing:WordEmbedder", "--policy", "threshold:0.7"]
    words += ["--like", key_of(path)]
    plain, minding = (
        CliRunner().invoke(app, ["explain", *words, *more]).stdout for more in ((), ("--feedback", str(file)))
    )

    assert ("semantic" in plain, "reported_wrong" in minding) == (True, True)
