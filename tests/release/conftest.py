"""One wheel and one source archive, built once from this directory."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def archives(tmp_path_factory):
    """The directory of the wheel and the source archive; the wheel is built from the archive."""
    directory = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(directory), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stdout + built.stderr
    return directory


@pytest.fixture(scope="session")
def wheel(archives):
    (path,) = archives.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def source(archives):
    (path,) = archives.glob("*.tar.gz")
    return path
