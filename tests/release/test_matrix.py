"""The definition of continuous integration runs what the project says it supports."""

import re
import tomllib
from pathlib import Path

import yaml

from .conftest import ROOT


def jobs():
    return yaml.safe_load(Path(ROOT, ".github/workflows/ci.yml").read_text())["jobs"]


def test_every_python_that_is_named_is_tested():
    named = tomllib.loads(Path(ROOT, "pyproject.toml").read_text())["project"]["classifiers"]
    versions = re.findall(r"Python :: (3\.\d+)", "\n".join(named))
    assert jobs()["test"]["strategy"]["matrix"]["python"] == versions == ["3.11", "3.12", "3.13", "3.14"]


def test_every_target_that_is_run_exists():
    targets = set(re.findall(r"^([a-z-]+):", Path(ROOT, "Makefile").read_text(), re.MULTILINE))
    steps = [step.get("run", "") for job in jobs().values() for step in job["steps"]]
    run = {word for step in steps for word in re.findall(r"make ([a-z-]+)", step)}
    assert run == {"test", "test-oldest", "check", "test-release", "demo"}
    assert run <= targets
