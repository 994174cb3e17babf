"""What `python -m build` makes is whole, and holds nothing else."""

import email
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import mneme

from .conftest import ROOT

PACKAGES = {"mneme": "mneme_core", "mneme_langchain": "integrations", "mneme_llama_index": "integrations"}
PACKAGES["mneme_decorator"] = "integrations"


def tracked(directory):
    """The files of a directory that belong to the project."""
    paths = (path for path in Path(ROOT, directory).rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in paths if "__pycache__" not in path.parts}


def test_the_wheel_holds_every_file_of_its_packages_and_no_other(wheel):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {path.split("/", 1)[1] for name, root in PACKAGES.items() for path in tracked(f"{root}/{name}")}
    assert names == expected
    assert {"mneme/py.typed", "mneme/embedders/data/vocab.txt", "mneme/engine/guard/data/words.txt"} <= names


def test_the_wheel_says_what_it_is(wheel):
    project = tomllib.loads(Path(ROOT, "pyproject.toml").read_text())["project"]
    archive = zipfile.ZipFile(wheel)
    (path,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
    told = email.message_from_bytes(archive.read(path))
    assert (told["Name"], told["Version"]) == ("mneme-middleware", mneme.__version__)
    assert told["Requires-Python"] == ">=3.11"
    assert set(told.get_all("Provides-Extra")) == set(project["optional-dependencies"])
    assert told["Description-Content-Type"] == "text/markdown"
    names = archive.namelist()
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("licenses/NOTICE") for name in names)
    (points,) = [name for name in names if name.endswith("/entry_points.txt")]
    assert b"mneme = mneme.cli:main" in archive.read(points)


def test_the_source_archive_holds_what_the_tests_need(source):
    with tarfile.open(source) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"pyproject.toml", "Makefile", "README.md", "CHANGELOG.md", "LICENSE", "NOTICE", "mkdocs.yml"} <= names
    assert tracked("tests") | tracked("docs") | tracked("examples") <= names
    assert not [name for name in names if name.endswith((".db", ".pyc", ".whl"))]


def test_the_index_would_take_both(archives):
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, archives.iterdir())]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_changelog_has_an_entry_of_this_version():
    assert f"\n## {mneme.__version__} - " in Path(ROOT, "CHANGELOG.md").read_text()
