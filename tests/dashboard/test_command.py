"""`mneme dashboard` as a program."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, build_opener, urlopen

import pytest
from typer.testing import CliRunner

from mneme.cli import dashboard as command
from mneme.cli.app import app

from .running import running


def test_the_address_that_is_printed_opens_the_page(path: Path):
    with running(path) as url:
        page = build_opener(HTTPCookieProcessor()).open(url, timeout=30).read().decode()
        with pytest.raises(HTTPError) as refused:
            urlopen(url.partition("?")[0], timeout=30)

    assert "<h1>Overview</h1>" in page
    assert refused.value.code == 403


def test_each_run_has_another_token(path: Path):
    with running(path) as first, running(path) as second:
        assert first.partition("token=")[2] != second.partition("token=")[2]


def test_it_tells_people_where_it_is_and_ends_with_an_interrupt(path: Path):
    command = [sys.executable, "-m", "mneme", "dashboard", str(path), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        url = said.split()[-1]
        build_opener(HTTPCookieProcessor()).open(url, timeout=30).read()
        process.send_signal(2)
        _, error = process.communicate(timeout=30)

    assert said.startswith("The dashboard is at http://127.0.0.1:")
    assert (process.returncode, error) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["none.db"], 2, "no cache at"),
        (["CACHE", "--quota", "acme"], 5, "acme=500"),
        (["CACHE", "--quota", f"acme={'9' * 5_000}"], 5, "acme=500"),
        (["CACHE", "--interval", "inf"], 2, "86400"),
        (["CACHE", "--host", "no.such.host.invalid"], 5, "cannot be listened on"),
        (["CACHE", "--port", "TAKEN"], 5, "Choose another with --port"),
        (["CACHE", "--pairs", "none.jsonl"], 2, "none.jsonl"),
        (["CACHE", "--pairs", "CACHE"], 5, "is not UTF-8"),
        (["CACHE", "--trail", "none.jsonl"], 2, "none.jsonl"),
        (["CACHE", "--trail", "CACHE"], 5, "holds no decision"),
    ],
)
def test_what_cannot_be_is_said_at_the_start(path: Path, monkeypatch, arguments, code, said):
    monkeypatch.chdir(path.parent)
    monkeypatch.setenv("COLUMNS", "200")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        places = {"CACHE": str(path), "TAKEN": str(taken.getsockname()[1])}
        result = CliRunner().invoke(app, ["dashboard", *(places.get(each, each) for each in arguments)])

    assert (result.exit_code, said in result.output) == (code, True), result.output


@pytest.mark.parametrize(
    ("host", "name", "is_told"),
    [
        *(("localhost", "localhost", False), ("127.0.0.2", "127.0.0.2", False)),
        *(("0.0.0.0", "127.0.0.1", True), ("", "127.0.0.1", True)),
    ],
)
def test_who_can_reach_it_is_said(path: Path, monkeypatch, host, name, is_told):
    served = []
    monkeypatch.setattr(command, "_serve", lambda app, listening: served.append(listening.close()))
    result = CliRunner().invoke(app, ["dashboard", str(path), "--host", host, "--port", "0"])

    assert result.stdout.startswith(f"The dashboard is at http://{name}:")
    assert ("Other machines can reach port" in result.stderr, len(served)) == (is_told, 1)


def test_a_browser_is_opened_without_the_token_in_a_command_line(path: Path, monkeypatch):
    opened: list[tuple[str, str, int]] = []

    def note(url: str) -> None:
        page = Path(url.removeprefix("file://"))
        opened.append((url, page.read_text(), page.parent.stat().st_mode & 0o777))

    monkeypatch.setattr(command.webbrowser, "open", note)
    monkeypatch.setattr(command, "_serve", lambda app, listening: listening.close())
    result = CliRunner().invoke(app, ["dashboard", str(path), "--open", "--port", "0", "--json"])
    ((url, page, mode),) = opened
    address = json.loads(result.stdout)["url"]

    assert (address.partition("token=")[2] in url, f"0;url={address}" in page, mode) == (False, True, 0o700)
    assert not Path(url.removeprefix("file://")).exists()


def test_without_its_extra_it_says_what_to_install(path: Path):
    hidden = "import sys; sys.modules['starlette'] = None; from mneme.cli import main; main()"
    run = subprocess.run(
        [sys.executable, "-c", hidden, "dashboard", str(path)], capture_output=True, text=True, timeout=60
    )

    assert (run.returncode, 'pip install "mneme-middleware[dashboard]"' in run.stderr) == (1, True), run.stderr


def test_the_exit_codes_are_documented():
    assert "Exit codes" in CliRunner().invoke(app, ["dashboard", "--help"]).stdout
