"""`mneme dashboard` as a program."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, build_opener, urlopen

import pytest
from typer.testing import CliRunner

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
        (["CACHE", "--port", "TAKEN"], 5, "Choose another with --port"),
        (["CACHE", "--pairs", "none.jsonl"], 2, "none.jsonl"),
        (["CACHE", "--pairs", "CACHE"], 5, "is not UTF-8"),
    ],
)
def test_what_cannot_be_is_said_at_the_start(path: Path, monkeypatch, arguments, code, said):
    monkeypatch.chdir(path.parent)
    monkeypatch.setenv("COLUMNS", "200")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        places = {"CACHE": str(path), "TAKEN": str(taken.getsockname()[1])}
        result = CliRunner().invoke(app, ["dashboard", *(places.get(each, each) for each in arguments)])

    assert (result.exit_code, said in result.output) == (code, True), result.output


def test_without_its_extra_it_says_what_to_install(path: Path):
    hidden = "import sys; sys.modules['starlette'] = None; from mneme.cli import main; main()"
    run = subprocess.run(
        [sys.executable, "-c", hidden, "dashboard", str(path)], capture_output=True, text=True, timeout=60
    )

    assert (run.returncode, 'pip install "mneme-middleware[dashboard]"' in run.stderr) == (1, True), run.stderr


def test_the_exit_codes_are_documented():
    assert "Exit codes" in CliRunner().invoke(app, ["dashboard", "--help"]).stdout
