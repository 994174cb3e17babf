"""Files, directories and file systems that may only be read: an error that says so, nothing changed."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mneme import SemanticCache, StoreBackendError
from mneme.testing import WordEmbedder
from mneme.tools.examining import examine
from mneme.tools.salvage import salvage

pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")


@pytest.fixture
def path() -> Iterator[Path]:
    """A cache in a directory that other users may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        path = Path(directory, "cache.db")
        with SemanticCache(path, WordEmbedder()) as cache:
            cache.put("before", "answer")
        yield path
        Path(directory).chmod(0o755)


def _open(path: Path) -> str:
    if os.geteuid() == 0:  # root may write everything
        os.setgroups([])
        os.setgid(65_534)
        os.setuid(65_534)
    try:
        with SemanticCache(path, WordEmbedder()) as cache:
            cache.put("during", "answer")
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


@pytest.mark.parametrize(("file", "directory"), [(0o444, 0o755), (0o666, 0o555), (0o444, 0o555), (0o000, 0o755)])
def test_what_may_not_be_written_is_an_error_and_stays_as_it_is(path: Path, file: int, directory: int) -> None:
    before = path.read_bytes()
    path.chmod(file)
    path.parent.chmod(directory)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        failure = pool.apply(_open, (path,))

    assert failure.startswith(f"StoreBackendError: opening {path} failed")
    assert {found.name: found.read_bytes() for found in path.parent.iterdir()} == {"cache.db": before}


def test_a_read_only_file_system_serves_the_doctor_and_no_cache(path: Path, tmp_path: Path) -> None:
    frozen = path.parent / "frozen"
    frozen.mkdir()
    try:
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "tmpfs", str(frozen)], capture_output=True, text=True, check=False
        )
    except OSError as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.strip()}")
    try:
        copy = frozen / "cache.db"
        copy.write_bytes(path.read_bytes())
        subprocess.run(["mount", "-o", "remount,ro", str(frozen)], check=True)
        with pytest.raises(StoreBackendError, match="opening"):
            SemanticCache(copy, WordEmbedder())
        assert (examine(copy).entries, examine(copy).is_sound) == (1, True)
        assert salvage(copy, tmp_path / "new.db").entries == 1
    finally:
        subprocess.run(["umount", "-l", str(frozen)], check=True)
