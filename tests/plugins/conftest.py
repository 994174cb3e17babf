"""Distributions that are installed for the length of a test."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Installer = Callable[..., None]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory on the module path, with no plugins chosen by the environment."""
    directory = tmp_path / "site"
    directory.mkdir()
    monkeypatch.syspath_prepend(directory)
    monkeypatch.delenv("MNEME_PLUGINS", raising=False)
    monkeypatch.delenv("MNEME_DISABLED_PLUGINS", raising=False)
    return directory


@pytest.fixture
def install_module(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installer]:
    """Install a distribution of one module, as an installer leaves it: the module and its metadata."""
    import sys

    modules: list[str] = []

    def install(distribution: str, module: str, source: str, *, version: str = "1.0", name: str | None = None) -> None:
        (site / f"{module}.py").write_text(source)
        write_metadata(site, distribution, version, {name or distribution: module})
        modules.append(module)

    yield install
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def install_project(site: Path) -> Callable[[Path], Path]:
    """Install a project's packages from its pyproject.toml, and return where."""

    def install(project: Path) -> Path:
        about = tomllib.loads((project / "pyproject.toml").read_text())["project"]
        for module in project.glob("*/*.py"):
            (site / module.parent.name).mkdir(exist_ok=True)
            (site / module.parent.name / module.name).write_text(module.read_text())
        write_metadata(site, about["name"], about["version"], about["entry-points"]["mneme"])
        return site

    return install


def write_metadata(site: Path, distribution: str, version: str, entry_points: dict[str, str]) -> None:
    info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    lines = [f"{name} = {value}\n" for name, value in entry_points.items()]
    (info / "entry_points.txt").write_text("[mneme]\n" + "".join(lines))
