"""Every example runs as it stands and finds what it asserts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mneme.testing import servers

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
ALL = sorted(EXAMPLES.rglob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_an_example_runs(script: Path, tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path, timeout=120)

    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("kind", ["postgres", "redis"])
def test_the_shared_cache_runs_over_a_server(kind: str, tmp_path: Path) -> None:
    with servers.postgres() if kind == "postgres" else servers.valkey() as server:
        url = server.get_uri() if kind == "postgres" else server.url
        command = [sys.executable, EXAMPLES / "shared_cache.py", url]
        run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)

    assert run.returncode == 0, run.stderr
    assert run.stdout == "two caches, one set of answers\n"


@pytest.mark.parametrize("script", ALL, ids=lambda path: path.stem)
def test_an_example_fits_a_screen_or_two(script: Path) -> None:
    assert len(script.read_text().splitlines()) <= 80
