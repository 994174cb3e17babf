"""The commands that open a cache: stats, top, inspect, explain, reembed, dump, load, vacuum."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from mneme import SemanticCache, Similar, TokenUsage
from mneme.cli.app import app
from mneme.cli.counting import patient
from mneme.cli.explain import differing
from mneme.cli.frame import bars, binned, frame
from mneme.testing import FakeClock, WordEmbedder
from mneme.tools import looking
from mneme.tools.wording import ago, duration, money

EMBEDDER = WordEmbedder()
WORDS = ("--embedder", "mneme.testing:WordEmbedder")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments, **options: CliRunner().invoke(app, list(map(str, arguments)), **options)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "cache.db"
    with SemanticCache(file, EMBEDDER, clock=FakeClock(1_000.0)) as cache:
        cache.put("what was once", "long ago", ttl=5)
    with SemanticCache(file, EMBEDDER) as cache:
        cache.put("how do I pay", "By card.", tags=["doc:1"], usage=TokenUsage("gpt-4o-mini", 1_000_000, 100_000))
        cache.put("where are you", "In [bold]Paris[/bold]", namespace="acme", metadata={"page": 3})
        for query in ("how do I pay", "how do I pay", "pay how do I", "something else"):
            cache.get(query)
    return file


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    file = tmp_path / "prices.json"
    file.write_text('{"currency": "EUR", "date": "2026-02-01", "models": {"gpt-4o-mini": {"input": 1, "output": 10}}}')
    return file


def key_of(path: Path, query: str) -> str:
    return next(each.key for each in looking.entries(path)[0] if each.query == query)


def test_stats_are_tables_for_people(run, path, prices):
    result = run("stats", path, "--prices", prices)

    assert result.exit_code == 0, result.output
    assert re.search(r"default +│ +2 │ +2 │ +1 │ +1 │ +75.0%", result.stdout)
    assert re.search(r"gpt-4o-mini │ +3,000,000 │ +300,000 │ +6.00 EUR", result.stdout)
    assert "as of 2026-02-01" in result.stdout


def test_without_prices_money_is_left_out_and_how_to_get_it_is_said(run, path):
    result = run("stats", path)

    assert ("EUR" in result.stdout, "--prices FILE" in result.stdout) == (False, True)


def test_a_model_that_has_no_price_is_named(run, path, tmp_path):
    (tmp_path / "other.json").write_text('{"models": {"other": {"input": 1, "output": 1}}}')
    result = run("stats", path, "--prices", tmp_path / "other.json")

    assert "not in the money: gpt-4o-mini" in result.stdout


def test_the_shipped_prices_are_used_when_asked_for_and_dated(run, path):
    result = run("stats", path, "--prices", "shipped", "--json")
    view = json.loads(result.stdout)

    assert view["prices_date"]
    assert view["total"]["saved_cost"] == pytest.approx(3 * 0.15 + 0.3 * 0.6)


STATS_SHAPE = {
    "url": str,
    "store": str,
    "taken_at": float,
    "fingerprint": str,
    "dim": int,
    "encrypted": bool,
    "total": dict,
    "namespaces": list,
    "currency": None,
    "prices_date": None,
}
COUNTED_SHAPE = (
    "namespace entries hits_exact hits_semantic misses evictions expirations hit_ratio saved_seconds "
    "saved_input_tokens saved_output_tokens saved_cost savings latency similarity"
)


@pytest.mark.parametrize("command", [["stats"], ["top", "--once"]])
def test_the_json_has_the_documented_shape(run, path, command):
    view = json.loads(run(*command, path, "--json").stdout)

    assert {name: type(value) if value is not None else None for name, value in view.items()} == STATS_SHAPE
    for counted in (view["total"], *view["namespaces"]):
        assert list(counted) == COUNTED_SHAPE.split()
        assert set(counted["latency"]) == {"exact", "semantic", "miss"}
        assert set(counted["similarity"]) == {"accepted", "refused"}


def test_one_frame_of_top_shows_what_is_to_be_watched(run, path, prices):
    result = run("top", path, "--once", "--prices", prices)

    assert result.exit_code == 0, result.output
    for text in ("hit ratio  75.0%", "6.00 EUR at prices of 2026-02-01", "p99", "accepted", "slowest namespaces"):
        assert text in result.stdout


def test_a_later_frame_shows_what_happens_now(path):
    before, _ = looking.look(path)
    with SemanticCache(path, EMBEDDER) as cache:
        for _ in range(3):
            cache.get("how do I pay")
        cache.get("nothing of the kind")
    now, _ = looking.look(path)
    console = Console(width=150, file=io.StringIO(), record=True)
    console.print(frame(now, before))

    assert "75.0%, now 75.0%" in console.export_text()


def test_bars_and_bins_leave_nothing_out():
    buckets = [0] * 101
    buckets[50], buckets[99], buckets[100], buckets[10] = 1, 2, 100, 7

    assert (sum(binned(buckets)), binned(buckets)[0], binned(buckets)[-1], len(binned(buckets))) == (103, 1, 102, 25)
    assert bars([0, 1, 100]) == " ▁█"
    assert bars([]) == ""


def test_entries_are_listed(run, path):
    result = run("inspect", "list", path, "--namespace", "acme")

    assert "In [bold]Paris[/bold]" in result.stdout
    assert "1 of 1 entry" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "queries"),
    [
        (["list"], ["how do I pay", "what was once", "where are you"]),
        (["list", "--tag", "doc:1"], ["how do I pay"]),
        (["list", "--contains", "PARIS"], ["where are you"]),
        (["list", "--expired"], ["what was once"]),
        (["list", "--fresh", "--sort", "hits", "--limit", "1"], ["how do I pay"]),
    ],
)
def test_entries_are_filtered(run, path, arguments, queries):
    found = json.loads(run("inspect", arguments[0], path, *arguments[1:], "--json").stdout)

    assert sorted(each["query"] for each in found["entries"]) == queries
    assert found["found"] >= len(queries)


def test_entries_are_searched(run, path):
    found = json.loads(run("inspect", "search", path, "by CARD", "--json").stdout)

    assert [each["query"] for each in found["entries"]] == ["how do I pay"]


def test_an_entry_is_shown(run, path):
    key = key_of(path, "where are you")
    shown = run("inspect", "show", path, key[:8]).stdout
    values = json.loads(run("inspect", "show", path, key, "--json").stdout)

    assert (values["key"], values["metadata"], values["namespace"]) == (key, {"page": 3}, "acme")
    assert key in shown
    assert "metadata   page: 3" in shown
    assert "  In [bold]Paris[/bold]" in shown


ENVELOPE = '{"v": 2, "via": [], "answer": {"text": "In Z\\u00fcrich.", "raw": null}}'


def test_an_integrations_answer_is_shown_as_it_reads(run, tmp_path):
    with SemanticCache(tmp_path / "c.db", EMBEDDER) as cache:
        cache.put("where are you", ENVELOPE)
        key = cache.key("where are you")
    shown, raw = (run("inspect", "show", tmp_path / "c.db", key, *how).stdout for how in ((), ("--raw",)))
    listed = json.loads(run("inspect", "search", tmp_path / "c.db", "zürich", "--json").stdout)["entries"]
    why = ("explain", tmp_path / "c.db", "you are where", *WORDS)
    near = json.loads(run(*why, "--json").stdout)["candidates"][0]["neighbour"]

    assert (shown.splitlines()[-1], raw.splitlines()[-1]) == ("  In Zürich.", f"  {ENVELOPE}")
    assert [(each["answer"], each["response"]) for each in [*listed, near]] == [("In Zürich.", ENVELOPE)] * 2
    assert "→ In Zürich." in run(*why).stdout
    assert "│ In Zürich." in run("inspect", "list", tmp_path / "c.db").stdout


def test_deleting_asks_first(run, path):
    key = key_of(path, "how do I pay")
    refused = run("inspect", "delete", path, key, input="n\n")
    assert (refused.exit_code, looking.entry(path, key) is None) == (1, False)
    agreed = run("inspect", "delete", path, key, input="y\n")

    assert (agreed.exit_code, looking.entry(path, key)) == (0, None)


def test_yes_asks_nothing_and_an_entry_that_is_gone_ends_with_3(run, path):
    key = key_of(path, "how do I pay")
    first = run("inspect", "delete", path, key, "--yes", "--json")
    second = run("inspect", "delete", path, key, "--yes")

    assert (json.loads(first.stdout), second.exit_code, "inspect list" in second.stderr) == ({"deleted": key}, 3, True)
    assert run("inspect", "show", path, key).exit_code == 3


def test_a_question_is_explained_with_its_differences(run, path):
    result = run("explain", path, "how do you pay", *WORDS)

    assert result.exit_code == 0, result.output
    assert "[-you-] {+I+}" in result.stdout
    assert re.search("refuse|accept", result.stdout)


def test_neighbours_of_long_questions_fit_a_narrow_terminal(run, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    asked = "how do I pay the electricity bill by credit card when I am abroad for a long time"
    with SemanticCache(tmp_path / "c.db", EMBEDDER) as cache:
        cache.put(asked + " in summer", "You can pay it in the portal. " * 20)
        cache.put("is there a fee for a residence permit in winter", "There is. " * 20)
    result = run("explain", tmp_path / "c.db", asked, *WORDS)
    _, near, far = result.stdout.split("\n\n")

    assert max(map(len, f"{near}\n{far}".splitlines())) <= 80
    assert (near.count("\n") < 8, far.count("\n") < 6) == (True, True)
    assert ("P(same answer)" in near, "confidence" in near, "…" in near) == (True, False, True)
    assert ("similarity below" in far, "P(same answer)" in far) == (True, False)


def test_savings_of_models_fit_a_narrow_terminal(run, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with SemanticCache(tmp_path / "c.db", EMBEDDER) as cache:
        for namespace in ("default", "another-long-tenant-name"):
            usage = TokenUsage("claude-3-5-sonnet-20241022", 12_345_678, 3_456_789)
            cache.put("how do I pay", "r", usage=usage, namespace=namespace)
            cache.get("how do I pay", namespace=namespace)
    result = run("stats", tmp_path / "c.db", "--prices", "shipped")

    assert max(map(len, result.stdout.splitlines())) <= 80
    assert re.search(r"│ claude-3-5-sonnet-20241022 │ +24,691,356 │ +6,913,578 │ no price │", result.stdout)
    assert re.search(r"default +│ +1 │ +1 │ +0 │ +0 │ +100.0% │", result.stdout)


def test_an_empty_namespace_names_those_that_are_not(run, tmp_path):
    with SemanticCache(tmp_path / "c.db", EMBEDDER) as cache:
        for question, namespace in (("a", "acme"), ("b", "acme"), ("c", "globex")):
            cache.put(question, "r", namespace=namespace)
    asked = ("explain", tmp_path / "c.db", "a", *WORDS)

    assert "this namespace is empty; others are not: acme (2), globex (1)" in run(*asked).stdout
    assert "is empty" not in run(*asked, "--namespace", "globex").stdout


def test_the_turns_before_an_entry_are_shown(run, tmp_path):
    with SemanticCache(tmp_path / "c.db", EMBEDDER) as cache:
        cache.put("how long is it", "A year.", vary={"turns": Similar(["What does the annual plan cost?"])})
    (found,) = json.loads(run("inspect", "list", tmp_path / "c.db", "--json").stdout)["entries"]

    assert found["turns"] == [["user", "What does the annual plan cost?"]]
    shown = run("inspect", "show", tmp_path / "c.db", found["key"]).stdout
    assert "said before, user\n  What does the annual plan cost?\nquestion\n  how long is it" in shown


def test_an_explanation_can_be_json(run, path):
    result = run("explain", path, "pay how do I", "--json", "--policy", "threshold:0.85", "-k", "2", *WORDS)
    found = json.loads(result.stdout)

    assert (found["outcome"], found["candidates"][0]["verdict"]["accepted"]) == ("semantic", True)


def test_what_must_be_equal_is_given_as_json(run, tmp_path):
    with SemanticCache(tmp_path / "c.db", EMBEDDER) as cache:
        cache.put("q", "r", vary={"model": "m"})
    asked = ("explain", tmp_path / "c.db", "q", *WORDS, "--json")

    assert json.loads(run(*asked).stdout)["elsewhere"] == 1
    assert json.loads(run(*asked, "--vary", '{"model": "m"}').stdout)["outcome"] == "exact"
    assert [run(*asked, "--vary", bad).exit_code for bad in ("[1]", "{")] == [5, 5]


def test_which_part_of_what_must_be_equal_differs_is_told(run, tmp_path):
    with SemanticCache(tmp_path / "c.db", EMBEDDER) as cache:
        cache.put("q", "r", vary={"model": "large"}, usage=TokenUsage("large", 1, 1))
    asked = ("explain", tmp_path / "c.db", "q", *WORDS, "--vary", '{"model": "small"}')
    (other,) = json.loads(run(*asked, "--json").stdout)["other_vary"]

    assert other == {
        "key": key_of(tmp_path / "c.db", "q"),
        "model": "large",
        "differs": ['model: "large" there, "small" here'],
    }
    assert f'is entry {other["key"][:8]}: model: "large" there, "small" here' in run(*asked).stdout


def test_the_wrong_embedder_is_told_which_is_right(run, path, monkeypatch):
    monkeypatch.setattr("mneme.testing.mine", WordEmbedder(fingerprint="mine"), raising=False)
    result = run("explain", path, "q", "--embedder", "mneme.testing:mine")

    assert (result.exit_code, "test:words:v1" in result.stderr, "--embedder MODULE:ATTRIBUTE" in result.stderr) == (
        1,
        True,
        True,
    )


def test_words_that_differ_are_marked():
    assert differing("how do I pay it", "How can I pay").plain == "How [-do-] {+can+} I pay [-it-]"


def test_an_archive_is_dumped_and_loaded(run, path, tmp_path):
    dumped = json.loads(run("dump", path, tmp_path / "a.zip", "--json").stdout)
    loaded = json.loads(run("load", tmp_path / "a.zip", tmp_path / "new.db", "--json").stdout)

    assert (dumped["entries"], loaded["entries"], loaded["embedder"]) == (3, 3, EMBEDDER.fingerprint)
    with SemanticCache(tmp_path / "new.db", EMBEDDER) as cache:
        assert cache.get("how do I pay").response == "By card."


def test_what_is_there_is_replaced_only_after_a_yes(run, path, tmp_path):
    run("dump", path, tmp_path / "a.zip")
    before = path.read_bytes(), (tmp_path / "a.zip").read_bytes()
    asked = run("load", tmp_path / "a.zip", path, input="n\n"), run("dump", path, tmp_path / "a.zip", input="n\n")

    assert [result.exit_code for result in asked] == [1, 1]
    assert (path.read_bytes(), (tmp_path / "a.zip").read_bytes()) == before
    assert run("load", tmp_path / "a.zip", path, "--yes").exit_code == 0


def test_vacuum_removes_what_ran_out(run, path):
    result = run("vacuum", path, "--json")

    assert (json.loads(result.stdout), looking.look(path)[0].total.expirations) == ({"removed": 1, "entries": 2}, 1)


def test_reembed_makes_a_file_of_another_embedder(run, path, tmp_path):
    result = run(
        "reembed",
        path,
        tmp_path / "new.db",
        "--embedder",
        "mneme.testing:WordEmbedder",
        "--namespace",
        "acme",
        "--json",
    )

    assert json.loads(result.stdout)["entries"] == 1
    assert looking.look(tmp_path / "new.db")[0].total.entries == 1


READING = [
    ["stats", "CACHE"],
    ["top", "CACHE", "--once"],
    ["inspect", "list", "CACHE"],
    ["inspect", "search", "CACHE", "pay"],
    ["explain", "CACHE", "how do I pay", *WORDS],
    ["dump", "CACHE", "OUT"],
]


@pytest.mark.parametrize("command", READING, ids=lambda command: " ".join(command[:2]))
def test_a_command_that_reads_leaves_the_file_as_it_is(run, path, tmp_path, command):
    before = path.read_bytes(), path.stat().st_mtime_ns
    places = {"CACHE": path, "OUT": tmp_path / "out.zip"}
    result = run(*(places.get(part, part) for part in command))

    assert result.exit_code == 0, result.output
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert not list(tmp_path.glob("cache.db-*"))


@pytest.mark.parametrize("command", [command for command in READING if command[0] != "dump"], ids=lambda c: c[0])
def test_no_file_ends_with_2(run, tmp_path, command):
    result = run(*(tmp_path / "none.db" if part == "CACHE" else part for part in command))

    assert (result.exit_code, "no cache at" in result.stderr, list(tmp_path.iterdir())) == (2, True, [])


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["stats"], 2),
        (["inspect", "list", "CACHE", "--sort", "prettiest"], 2),
        (["inspect", "show", "CACHE", "12"], 5),
        (["stats", "CACHE", "--prices", "none.json"], 5),
        (["load", "none.zip", "new.db"], 2),
        (["load", "CACHE", "new.db"], 1),
        (["load", "CACHE", "postgresql://host/db"], 5),
        (["stats", "odd://host"], 1),
        (["explain", "CACHE", "hi", "--embedder", "os:system"], 5),
    ],
)
def test_wrong_usage_is_said_in_a_sentence(run, path, command, code, monkeypatch):
    monkeypatch.chdir(path.parent)
    result = run(*(path if part == "CACHE" else part for part in command))

    assert (result.exit_code, "Traceback" in result.output) == (code, False), result.output
    assert isinstance(result.exception, SystemExit)


STEERING = "[red]a[/red] [/b] \x1b[31mb\x1b]0;title\x07 \x9b2J \u202ec \x7f"


@pytest.fixture
def steering(tmp_path: Path) -> Path:
    """Return a cache whose texts would steer a terminal, or are markup."""
    file = tmp_path / "steering.db"
    with SemanticCache(file, EMBEDDER) as cache:
        usage = TokenUsage("[/m]", 1, 1)
        cache.put(STEERING, STEERING, namespace=STEERING, metadata={STEERING: STEERING}, tags=[STEERING], usage=usage)
        cache.get(STEERING, namespace=STEERING)
    (tmp_path / "prices.json").write_text(json.dumps({"models": MARKUP_PRICE, "currency": "[/x]", "date": "[/y]"}))
    return file


MARKUP_PRICE = {"[/m]": {"input": 1, "output": 1}}


@pytest.mark.parametrize(
    "command",
    [
        ["stats", "CACHE", "--prices", "prices.json"],
        ["top", "CACHE", "--once", "--prices", "prices.json"],
        ["inspect", "list", "CACHE"],
        ["inspect", "show", "CACHE", "KEY"],
        ["inspect", "delete", "CACHE", "KEY"],
        ["explain", "CACHE", STEERING, "--namespace", STEERING, *WORDS],
        ["doctor", "CACHE"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_stored_steers_no_terminal(run, steering, command, as_json, monkeypatch):
    monkeypatch.chdir(steering.parent)
    filled = {"CACHE": steering, "KEY": key_of(steering, STEERING)}
    result = run(*(filled.get(part, part) for part in command), *(["--json"] if as_json else []), color=True)

    assert isinstance(result.exception, SystemExit | None)
    assert re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", result.output) == []
    assert re.search(r"31m|Delete|\[/y\]|\[/x\]", result.output)


def test_json_is_ascii_whatever_a_file_is_called(run, path):
    odd = path.with_name("\udcff ü.db")
    path.rename(odd)
    result = run("stats", odd, "--json")

    assert (result.stdout.isascii(), json.loads(result.stdout)["url"]) == (True, str(odd))


@pytest.mark.parametrize("command", ["stats", "top", "explain", "reembed", "dump", "load", "vacuum", "inspect"])
def test_the_exit_codes_are_documented(run, command):
    assert "Exit codes" in run(command, "--help").stdout


def test_another_cache_s_file_is_sent_to_import(run, foreign, tmp_path):
    file = foreign.gptcache(tmp_path / "other.db", {"question": "How do I pay?"})
    result = run("doctor", file)

    assert (result.exit_code, "mneme import" in result.stdout, "--salvage" in result.stdout) == (5, True, False)
    assert json.loads(run("doctor", file, "--json").stdout)["importable"] == "gptcache"


def test_shell_completion_is_offered():
    assert "--install-completion" in CliRunner().invoke(app, ["--help"]).stdout


def test_a_bar_is_drawn_for_long_work_at_a_terminal_alone(monkeypatch, capsys):
    monkeypatch.setattr("mneme.cli.counting.PATIENCE_SECONDS", 0.0)
    for is_terminal in (False, True):
        monkeypatch.setattr("sys.stderr.isatty", lambda is_terminal=is_terminal: is_terminal)
        with patient("Working") as report:
            report(1, 2)
        assert ("Working" in capsys.readouterr().err) is is_terminal


def test_top_watches_a_live_file_from_another_process(path):
    """The first line comes before, the second after the program's own lookups."""
    with SemanticCache(path, EMBEDDER) as cache:
        cache.get("how do I pay")
        with subprocess.Popen(
            [sys.executable, "-m", "mneme", "top", str(path), "--json", "--interval", "0.2"],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            first = json.loads(process.stdout.readline())["total"]["hits_exact"]
            for _ in range(5):
                cache.get("how do I pay")
            cache._core.journal.flush()
            deadline, seen = time.monotonic() + 30, 0
            while seen < 8 and time.monotonic() < deadline:
                seen = json.loads(process.stdout.readline())["total"]["hits_exact"]
            process.terminate()

    assert (first in (2, 3), seen) == (True, 8)


def test_numbers_are_for_people():
    assert [ago(each) for each in (3, 180, 7_200, 200_000, -1)] == ["3 s", "3 min", "2 h", "2 d", "0 s"]
    assert [duration(each) for each in (None, 4e-6, 2.5e-3, 1.5)] == ["–", "4 µs", "2.5 ms", "1.5 s"]
    assert [money(each, "EUR") for each in (None, 0.1234567, 12_345.678)] == ["", "0.1235 EUR", "12,345.68 EUR"]


@pytest.mark.parametrize(
    "command",
    [["vacuum", "FILE"], ["reembed", "FILE", "new.db", *WORDS], ["inspect", "delete", "FILE", "abcd", "--yes"]],
)
def test_an_empty_file_stays_empty(run, tmp_path, command):
    file = tmp_path / "empty.db"
    file.touch()
    result = run(*(file if part == "FILE" else part for part in command))

    assert (result.exit_code, file.stat().st_size) == (5, 0)


def test_the_counts_fit_a_terminal_of_80_columns(run, path, prices, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    shown = run("stats", path, "--prices", prices).stdout

    assert "…" not in shown
    for word in ("default", "namespace", "entries", "semantic", "misses", "tokens", "EUR"):
        assert word in shown
    assert "evicted" not in shown


def test_a_question_is_asked_as_that_of_an_entry_was(run, tmp_path):
    with SemanticCache(tmp_path / "c.db", EMBEDDER) as cache:
        cache.put("how do I pay", "By card.", namespace="acme", vary={"model": "m"})
        key = cache.key("how do I pay", namespace="acme", vary={"model": "m"})
    asked = ("explain", tmp_path / "c.db", "pay how do I", *WORDS, "--json", "--policy", "threshold:0.85")
    plain, like = json.loads(run(*asked).stdout), json.loads(run(*asked, "--like", key[:6]).stdout)

    assert (plain["outcome"], like["outcome"], like["namespace"]) == ("no_match", "semantic", "acme")
    assert [run(*asked, *bad).exit_code for bad in (("--like", "ffffff"), ("--like", key, "--vary", "{}"))] == [5, 5]


def test_entries_that_serve_their_own_question_alone_are_told(run, tmp_path):
    with SemanticCache(tmp_path / "c.db", EMBEDDER, policy="threshold:0.6") as cache:
        cache.put("how do I pay", "By card.")
        hit = cache.get("how do I pay abroad")
        assert hit is not None
        cache.report_wrong(hit)

    result = run("explain", tmp_path / "c.db", "how do I pay abroad", *WORDS)
    assert re.search(r"exact only 1 entry", result.stdout)


def test_an_archive_there_stays_where_a_new_one_cannot_be_made(run, path, tmp_path, monkeypatch):
    archive = tmp_path / "a.zip"
    archive.write_bytes(b"good")
    real = SemanticCache.dumps

    def written_meanwhile(cache, dest, **options):
        real(cache, dest, **options)
        with SemanticCache(path, EMBEDDER) as other:
            other.put("new", "r")

    monkeypatch.setattr(SemanticCache, "dumps", written_meanwhile)
    result = run("dump", path, archive, "--yes")

    assert (result.exit_code, archive.read_bytes()) == (1, b"good")
    assert "Try again" in result.output
    assert [each.name for each in tmp_path.glob(".a.zip*")] == []
