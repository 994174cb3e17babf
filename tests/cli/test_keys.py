"""The keys of encrypted caches on the command line."""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mneme import SemanticCache
from mneme.cli.app import app
from mneme.errors import InvalidArgumentError
from mneme.testing import WordEmbedder
from mneme.tools import looking
from mneme.tools.migrate import reembed

OLD, KEY = secrets.token_bytes(32), secrets.token_bytes(32)
WORDS = ("--embedder", "mneme.testing:WordEmbedder")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache of two entries under two keys."""
    for name in ("MNEME_KEYS", "MNEME_KEYS_FILE"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "cache.db"
    for keys in ([OLD], [KEY, OLD]):
        with SemanticCache.open(file, embedder=WordEmbedder(), encryption=lambda keys=keys: keys) as cache:
            cache.put(f"how do I pay {len(keys)}", "By card.")
    (tmp_path / "keys").write_text(f"{KEY.hex()}\n{base64.b64encode(OLD).decode()}\n", "ascii")
    return file


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments, **options: CliRunner().invoke(app, list(map(str, arguments)), **options)


def test_entries_are_read_with_the_keys_of_a_file(run: Any, path: Path) -> None:
    keys = path.with_name("keys")
    listed = json.loads(run("inspect", "list", path, "--keys", keys, "--json").stdout)
    searched = json.loads(run("inspect", "search", path, "pay 2", "--keys", keys, "--json").stdout)
    key = searched["entries"][0]["key"]

    assert sorted(each["query"] for each in listed["entries"]) == ["how do I pay 1", "how do I pay 2"]
    assert json.loads(run("inspect", "show", path, key, "--keys", keys, "--json").stdout)["response"] == "By card."
    assert (
        json.loads(run("explain", path, "how do I pay 2", "--keys", keys, *WORDS, "--json").stdout)["exact"] == "fresh"
    )
    assert run("report-wrong", path, key, "-q", "how do you pay", "--keys", keys).exit_code == 0
    assert json.loads(run("inspect", "show", path, key, "--keys", keys, "--json").stdout)["wrong_for"]
    assert run("inspect", "delete", path, key, "--keys", keys, "--yes").exit_code == 0
    assert [each.query for each in looking.entries(looking.Keyed(path, lambda: [KEY, OLD]))[0]] == ["how do I pay 1"]


@pytest.mark.parametrize(
    "set_",
    [
        {"MNEME_KEYS": f"{OLD.hex()} {base64.urlsafe_b64encode(KEY).decode().rstrip('=')}"},
        {"MNEME_KEYS_FILE": "keys"},
        {"MNEME_KEYS_FILE": "keys", "MNEME_KEYS": "not looked at"},
    ],
    ids=lambda each: "+".join(each),
)
def test_the_environment_may_hold_them(run: Any, path: Path, set_: dict[str, str], monkeypatch: Any) -> None:
    monkeypatch.chdir(path.parent)

    assert json.loads(run("inspect", "list", path, "--json", env=set_).stdout)["found"] == 2


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, True), (0o604, True)])
def test_a_file_of_keys_that_others_can_read_is_warned_of(run: Any, path: Path, mode: int, warned: bool) -> None:
    path.with_name("keys").chmod(mode)
    result = run("inspect", "list", path, "--keys", path.with_name("keys"))

    assert (result.exit_code, "others can read the keys" in result.stderr) == (0, warned)


def test_a_cache_in_clear_is_read_as_it_is(run: Any, path: Path, tmp_path: Path) -> None:
    with SemanticCache(tmp_path / "clear.db", WordEmbedder()) as cache:
        cache.put("q", "r")

    assert (
        json.loads(run("inspect", "list", tmp_path / "clear.db", "--keys", path.with_name("keys"), "--json").stdout)[
            "found"
        ]
        == 1
    )


def test_what_needs_no_keys_asks_for_none(run: Any, path: Path) -> None:
    assert json.loads(run("stats", path, "--json").stdout)["total"]["entries"] == 2
    assert json.loads(run("vacuum", path, "--json").stdout) == {"removed": 0, "entries": 2}


@pytest.mark.parametrize(
    ("held", "code"),
    [(None, 5), ("", 5), ("a password", 5), (KEY.hex()[:-1], 5), ("é" * 64, 5), (KEY.hex(), 1), ("0" * 64, 1)],
    ids=["none", "empty", "password", "short", "latin", "one of two", "another"],
)
def test_what_is_no_key_is_refused_and_never_shown(
    run: Any, path: Path, tmp_path: Path, held: str | None, code: int
) -> None:
    if held is not None:
        (tmp_path / "odd").write_text(held, "utf-8")
        (tmp_path / "odd").chmod(0o600)
    result = run("inspect", "list", path, "--keys", tmp_path / "odd")

    assert (result.exit_code, len(result.stderr.splitlines()), "Traceback" in result.output) == (code, 1, False)
    assert not held or held not in result.output


@pytest.mark.parametrize("written", [KEY.hex(), base64.b64encode(KEY).decode(), base64.urlsafe_b64encode(KEY).decode()])
def test_a_key_on_the_command_line_is_refused_and_not_said_again(run: Any, path: Path, written: str) -> None:
    result = run("inspect", "list", path, "--keys", written)

    assert (result.exit_code, "names a file" in result.stderr, written in result.output) == (5, True, False)


def in_clear(directory: Path) -> list[str]:
    """Return the names of the files in which something of an entry stands."""
    words = [b"pay", b"card", WordEmbedder().embed("how do i pay 1").tobytes()]
    files = sorted(file for file in directory.rglob("*") if file.is_file())
    return [file.name for file in files if any(word in file.read_bytes() for word in words)]


def listed(run: Any, path: Path, keys: Path) -> list[str]:
    found = json.loads(run("inspect", "list", path, "--keys", keys, "--json").stdout)["entries"]
    return sorted(each["query"] for each in found)


BOTH = ["how do I pay 1", "how do I pay 2"]


def test_an_archive_is_encrypted_and_takes_no_keys(run: Any, path: Path, tmp_path: Path) -> None:
    dumped = run("dump", path, tmp_path / "a.zip", "--json")
    loaded = run("load", tmp_path / "a.zip", tmp_path / "b.db", "--json")

    assert (dumped.exit_code, json.loads(dumped.stdout)["entries"]) == (0, 2)
    assert (loaded.exit_code, json.loads(loaded.stdout)["entries"]) == (0, 2)
    assert json.loads(loaded.stdout)["embedder"] == WordEmbedder().fingerprint
    assert (in_clear(tmp_path), listed(run, tmp_path / "b.db", path.with_name("keys"))) == ([], BOTH)


def test_keys_of_another_cache_load_no_archive(run: Any, path: Path, tmp_path: Path) -> None:
    run("dump", path, tmp_path / "a.zip")
    result = run("load", tmp_path / "a.zip", tmp_path / "b.db", env={"MNEME_KEYS": secrets.token_hex(32)})

    assert (result.exit_code, "not given" in result.stderr, (tmp_path / "b.db").exists()) == (1, True, False)


def test_an_archive_in_clear_is_asked_for_and_takes_the_keys(run: Any, path: Path, tmp_path: Path) -> None:
    keys = path.with_name("keys")
    without = run("dump", path, tmp_path / "a.zip", "--in-clear")
    dumped = run("dump", path, tmp_path / "a.zip", "--in-clear", "--keys", keys)
    loaded = run("load", tmp_path / "a.zip", tmp_path / "b.db", "--keys", keys)

    assert (without.exit_code, "--keys" in without.stderr) == (1, True)
    assert (dumped.exit_code, loaded.exit_code, in_clear(tmp_path)) == (0, 0, ["a.zip"])
    assert listed(run, tmp_path / "b.db", keys) == BOTH


def test_what_another_embedder_copies_is_encrypted(run: Any, path: Path, tmp_path: Path) -> None:
    keys = path.with_name("keys")
    without = run("reembed", path, tmp_path / "b.db", *WORDS)
    result = run("reembed", path, tmp_path / "b.db", *WORDS, "--keys", keys, "--json")

    assert (without.exit_code, "--keys" in without.stderr) == (1, True)
    assert (result.exit_code, json.loads(result.stdout)["entries"], in_clear(tmp_path)) == (0, 2, [])
    assert listed(run, tmp_path / "b.db", keys) == BOTH


def test_a_copy_of_what_is_encrypted_is_never_in_clear(path: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="in clear"):
        reembed(looking.Keyed(path, lambda: [KEY, OLD]), tmp_path / "b.db", WordEmbedder())

    assert not (tmp_path / "b.db").exists()


def test_what_is_imported_with_keys_is_encrypted(run: Any, path: Path, foreign: Any, tmp_path: Path) -> None:
    keys, source = path.with_name("keys"), tmp_path / "elsewhere" / "source.db"
    source.parent.mkdir()
    foreign.gptcache(source, {"question": "how do I pay 1"}, {"question": "how do I pay 3"})
    without = run("import", source, "--into", path, *WORDS)
    one = run("import", source, "--into", path, *WORDS, "--keys", keys, "--json")
    again = run("import", source, "--into", path, *WORDS, "--keys", keys, "--json")
    new = run("import", source, "--into", tmp_path / "new.db", *WORDS, "--keys", keys, "--json")

    assert (without.exit_code, "encrypted" in without.stderr) == (1, True)
    found = [json.loads(each.stdout) for each in (one, again, new)]
    assert [(each["imported"], each["present"]) for each in found] == [(1, 1), (0, 2), (2, 0)]
    assert listed(run, path, keys) == [*BOTH, "how do I pay 3"]
    assert listed(run, tmp_path / "new.db", keys) == ["how do I pay 1", "how do I pay 3"]
    assert in_clear(tmp_path) == ["source.db"]


def test_where_keys_are_is_shown_without_them() -> None:
    place = looking.Keyed("redis://:secret@host/0", lambda: [KEY])

    assert (repr(place), str(place)) == ("Keyed(…)", "redis://:secret@host/0")
