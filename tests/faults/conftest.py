"""Processes to kill, and what must be true of their file afterwards."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

# `make test-faults` sets it; each of six works is killed so many times.
ROUNDS = int(os.environ.get("MNEME_FAULT_ROUNDS", "3"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "round_" in metafunc.fixturenames:
        metafunc.parametrize("round_", range(ROUNDS))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.db"


@pytest.fixture
def killed(path: Path) -> Callable[..., list[list[str]]]:
    """Start a work of victim.py, kill it after so many lines and a moment more, return all lines it said."""

    def killed(work: str, lines: int, chance: random.Random, moment: float = 0.02) -> list[list[str]]:
        program = Path(__file__).with_name("victim.py")
        process = subprocess.Popen(
            [sys.executable, str(program), work, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        time.sleep(chance.random() * moment)
        process.kill()
        # Not `communicate`, which leaves out what the buffered reader has read ahead.
        with process:
            rest = process.stdout.read()
        assert process.returncode == -9, "it must die at its work"
        return [line.decode().split() for line in (*said, *rest.splitlines())]

    return killed


@pytest.fixture
def integrity(path: Path) -> Callable[[], str]:
    """What SQLite's check says of the file, which must be closed."""

    def integrity() -> str:
        with closing(sqlite3.connect(path)) as db:
            return str(db.execute("PRAGMA integrity_check").fetchone()[0])

    return integrity
