"""LangChain's own tests of a chat model end the same with the cache and without."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

SUITE = Path(__file__).with_name("standard_suite.py")
ROOT = Path(__file__).parents[2]


@cache
def outcomes(way: str) -> dict[str, str]:
    """Return the outcome of each test of the suite, run twice in one process: the second time over a warm cache."""
    command = [sys.executable, "-m", "pytest", str(SUITE), str(SUITE), "--keep-duplicates", "-q", "-rA"]
    run = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-p", "no:socket"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "CACHED": way},
        check=False,
        timeout=120,
    )
    found = re.findall(r"^(PASSED|FAILED|ERROR|XFAIL|SKIPPED) (\S+::\S+)", run.stdout, re.MULTILINE)
    return {name: outcome for outcome, name in found}


@pytest.mark.parametrize("way", ["BaseCache", "cached_model"])
def test_the_suite_ends_as_without_the_cache(way: str) -> None:
    plain = outcomes("no cache")

    assert outcomes(way) == plain
    assert list(plain.values()).count("PASSED") > 20
