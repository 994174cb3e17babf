"""Every public name stands on a page of the reference."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

import mneme
import mneme.embedders
import mneme.observe
import mneme.plugins

PAGES = Path(__file__).parents[2] / "docs" / "reference"
TARGETS = {
    name for page in PAGES.glob("*.md") for name in re.findall(r"^::: (\S+)", page.read_text("utf-8"), re.MULTILINE)
}
PUBLIC = [name for name in mneme.__all__ if not name.startswith("__")]


HOMES = {name: home for home, names in mneme._HOMES.items() for name in names}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_on_a_page(name: str) -> None:
    home = getattr(getattr(mneme, name), "__module__", "")
    places = {f"{module}.{name}" for module in (home, HOMES[name])} | {home, HOMES[name]}

    assert TARGETS & places, f"{name}, of {home}"


PACKAGES = (mneme.embedders, mneme.observe, mneme.plugins)


@pytest.mark.parametrize(
    ("module", "name"),
    [(module.__name__, name) for module in PACKAGES for name in module.__all__],
)
def test_a_public_name_of_a_package_is_on_a_page(module: str, name: str) -> None:
    home = getattr(getattr(import_module(module), name), "__module__", "")

    assert TARGETS & {module, home, f"{home}.{name}", f"{module}.{name}"}


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_what_a_page_names_is_there(target: str) -> None:
    module, _, name = target.rpartition(".")
    try:
        import_module(target)
    except ImportError:
        assert hasattr(import_module(module), name)
