"""`mneme calibrate`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mneme import SemanticCache
from mneme.cli.app import app
from mneme.testing import WordEmbedder

ROWS = [
    {"a": "how do I pay", "b": "how can I pay", "same": True},
    {"a": "where is the shop", "b": "where is your shop", "same": True},
    {"a": "one two three four", "b": "four three six zero", "same": False},
    {"a": "how do I pay", "b": "where is the shop", "same": False},
]
LOG = [
    "how do I pay my bill",
    "where is the very big shop",
    "how can I pay my bill",
    "How do I  pay my bill",
    "where is your very big shop",
    "where is the station",
]


def is_same(a: str, b: str) -> bool | None:
    return None if "your" in b else "station" not in b


@pytest.fixture
def calibrate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    words = ("--embedder", "mneme.testing:WordEmbedder", "--policy", "threshold")
    return lambda *arguments, **how: CliRunner().invoke(app, ["calibrate", *map(str, arguments), *words], **how)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)), "utf-8")
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.txt"
    path.write_text("\n".join(LOG), "utf-8")
    return path


def test_pairs_make_a_policy_that_a_cache_loads(calibrate, pairs, tmp_path):
    result = calibrate("--pairs", pairs, "--json")
    found = json.loads(result.stdout)

    assert (found["pairs"], found["precision"]["value"], found["hit_rate"]["value"]) == (4, 1.0, 1.0)
    assert (tmp_path / "calibration.png").read_bytes().startswith(b"\x89PNG")
    with SemanticCache.open("memory:", embedder=WordEmbedder(), policy="policy.json") as cache:
        assert cache.similarity_threshold == found["limit"]
        cache.put("how do I pay", "by card")
        assert cache.get("how can I pay") is not None
        assert cache.get("where is the shop") is None


def test_people_read_the_intervals(calibrate, pairs):
    result = calibrate("--pairs", pairs, "--no-plot")

    assert result.exit_code == 0, result.output
    assert all(
        word in result.stdout for word in ("4 labelled pairs", "precision  100.0% [", "hit rate", "not chosen on")
    )


def test_a_log_is_labelled_by_a_function(calibrate, log, tmp_path):
    result = calibrate("--log", log, "--judge", f"{__name__}:is_same", "--json", "--no-plot")
    found = json.loads(result.stdout)

    assert result.exit_code == 0, result.output
    assert found["log"]["requests"] == 6
    assert found["log"]["repeats"] == 1
    labelled = [json.loads(line) for line in (tmp_path / "log.txt.pairs.jsonl").read_text().splitlines()]
    assert {(row["b"], row["same"]) for row in labelled} == {
        ("how can I pay my bill", True),
        ("where is the station", False),
    }


def test_a_log_is_labelled_by_a_person_and_goes_on_where_they_stopped(calibrate, log, tmp_path):
    first = calibrate("--log", log, "--no-plot", input="y\nq\n")
    file = tmp_path / "log.txt.pairs.jsonl"
    assert first.exit_code == 4  # one pair alone has no limit
    assert len(file.read_text().splitlines()) == 1

    second = calibrate("--log", log, "--no-plot", input="n\ny\n")
    assert second.exit_code == 0, second.output
    assert [json.loads(line)["same"] for line in file.read_text().splitlines()] == [True, False, True]
    assert "of the log's 6 requests 1 repeat" in second.stdout


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["how do I pay", "where is it", "who are you"], ["of its 3 different queries none lies near", "--pairs"]),
        (["how do I pay", "How do I  pay"], ["asks one question alone, 2 times", "different questions"]),
    ],
)
def test_a_log_without_neighbours_is_told_what_to_do(calibrate, pairs, tmp_path, lines, said):
    (tmp_path / "log.txt").write_text("\n".join(lines), "utf-8")
    alone = calibrate("--log", "log.txt", "--no-plot")
    beside = calibrate("--log", "log.txt", "--pairs", pairs, "--no-plot")

    assert (alone.exit_code, [each in alone.stderr for each in said]) == (5, [True, True]), alone.stderr
    assert (beside.exit_code, said[0] in beside.stderr) == (0, True), beside.output
    assert f"of the log's {len(lines)} requests" in beside.stdout


def test_skipping_all_that_is_asked_is_told_what_to_do(calibrate, log):
    result = calibrate("--log", log, "--no-plot", input="s\ns\ns\n")

    assert (result.exit_code, "of 3 pairs of" in result.stderr, "Run it again" in result.stderr) == (5, True, True)


def test_a_function_that_is_none_is_named(calibrate, log):
    result = calibrate("--log", log, "--judge", f"{__name__}:LOG")

    assert (result.exit_code, "does not name a function" in result.output) == (5, True)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "--log"),
        (["--pairs", "PAIRS", "--min-precision", "2"], 2, "min-precision"),
        (["--pairs", "PAIRS", "--out", "none/policy.json"], 2, "No such file"),
        (["--pairs", "none.jsonl"], 2, "none.jsonl"),
        (["--pairs", "EMPTY"], 4, "0 of 0 pairs"),
    ],
)
def test_wrong_usage_is_said(calibrate, pairs, tmp_path, arguments, code, said):
    (tmp_path / "empty.jsonl").write_text("")
    places = {"PAIRS": str(pairs), "EMPTY": "empty.jsonl"}
    result = calibrate(*(places.get(argument, argument) for argument in arguments))

    assert result.exit_code == code, result.output
    assert said in result.output
    assert "Traceback" not in result.output


def test_a_judge_that_fails_is_one_sentence_and_loses_nothing(calibrate, log, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "def same(a, b):\n    if 'station' in b: raise OSError('no network')\n    return True\n", "utf-8"
    )
    monkeypatch.syspath_prepend("")  # so that what the command adds is undone
    result = calibrate("--log", log, "--judge", "mine:same")

    assert result.exit_code == 1
    assert "the judge failed" in result.output
    assert "no network" in result.output
    assert "Traceback" not in result.output
    assert (tmp_path / "log.txt.pairs.jsonl").exists()


@pytest.mark.parametrize(("asked", "code"), [([], 0), (["--plot", "own.png"], 1)])
def test_without_matplotlib_a_picture_is_missing_only_where_it_was_asked_for(
    calibrate, pairs, monkeypatch, tmp_path, asked, code
):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = calibrate("--pairs", pairs, *asked)

    assert (result.exit_code, "matplotlib" in result.output) == (code, True)
    assert (tmp_path / "policy.json").exists()


def test_too_few_pairs_are_said_to_be_too_few_and_what_is_replaced(calibrate, pairs, tmp_path):
    (tmp_path / "policy.json").write_text("before")
    done = calibrate("--pairs", pairs, "--no-plot")

    assert done.exit_code == 0, done.output
    assert "Too few pairs to be sure: 2 are served, and the precision may still be 22%" in done.stderr
    assert "policy.json was there before and was replaced" in done.stderr


def test_what_a_stricter_limit_costs_is_said_with_the_pairs_to_blame(calibrate, pairs):
    words = "b c d e f g h i j k l m n o p q r s"
    rows = [
        {"a": "pay it now", "b": "now pay it", "same": True},
        {"a": words, "b": f"not {words}", "same": False},
        *({"a": f"{one} early {words}", "b": f"{one} late {words}", "same": True} for one in "xyz"),
    ]
    pairs.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    done = calibrate("--pairs", pairs, "--no-plot", "--min-precision", 1)
    found = json.loads(calibrate("--pairs", pairs, "--no-plot", "--min-precision", 1, "--json").stdout)

    assert "the default limit, 0.85  precision  80.0%" in done.stdout
    assert "default limit 100.0% of what is the same would be served, with this one 25.0%" in done.stderr
    assert "1 pairs that must not share an answer look as sure as right ones" in done.stderr
    assert f"  {words}  |  not {words}" in done.stderr
    assert [pair["a"] for pair in found["as_it_is"]["wrong"]] == [words]


def test_nothing_is_said_of_the_default_where_it_is_no_better(calibrate, pairs):
    done = calibrate("--pairs", pairs, "--no-plot")

    assert "With the default limit" not in done.stderr
    assert "look as sure" not in done.stderr


def test_of_two_labels_for_a_pair_the_last_counts(calibrate, pairs):
    mended = [{"a": ROWS[0]["b"], "b": ROWS[0]["a"], "same": False}, ROWS[0]]
    pairs.write_text("\n".join(map(json.dumps, [*ROWS, *mended])), "utf-8")
    found = json.loads(calibrate("--pairs", pairs, "--no-plot", "--json").stdout)

    assert (found["pairs"], found["precision"]["value"], found["hit_rate"]["value"]) == (4, 1.0, 1.0)
