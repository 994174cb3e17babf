"""The Python of every page runs as a reader would type it; a new page needs no line here.

A page that needs a server or something a reader has already is run by the test named beside it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = {path.relative_to(ROOT).as_posix(): path for path in (*ROOT.glob("*.md"), *sorted(DOCS.rglob("*.md")))}
ELSEWHERE = {
    "docs/how-to/decorator.md": "decorator/test_how_to.py",
    "docs/how-to/embedders.md": "embedders/test_how_to.py",
    "docs/how-to/langchain.md": "langchain/test_how_to.py",
    "docs/how-to/llama-index.md": "llama_index/test_how_to.py",
    "docs/how-to/openai-and-anthropic.md": "decorator/test_how_to.py",
    "docs/how-to/postgres.md": "stores/test_postgres.py",
    "docs/how-to/redis.md": "stores/test_redis.py",
}
# `python` runs; `py` belongs to a package that is not installed here, and must at least be Python.
LANGUAGES = {"", "python", "py", "sh", "console", "text", "json", "toml", "mermaid"}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}(?: [^\n]*)?\n(.*?)^```$", PAGES[page].read_text("utf-8"), re.M | re.S)


def on_their_own(page: str) -> bool:
    """Whether each block of the page begins anew; else they are one program, in order."""
    return page == "README.md" or page.startswith("docs/explanation/")


def cases(language: str) -> list[object]:
    found = [(page, number, block) for page in PAGES for number, block in enumerate(blocks(page, language), 1)]
    return [pytest.param(block, id=f"{page}-{number}") for page, number, block in found]


PROGRAMS = [
    pytest.param(program, id=f"{page}-{number}")
    for page in PAGES
    if page not in ELSEWHERE and (found := blocks(page, "python"))
    for number, program in enumerate(found if on_their_own(page) else ["\n".join(found)], 1)
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_python_of_a_page_runs(program: str, tmp_path: Path) -> None:
    script = tmp_path / "page.py"
    script.write_text(program, "utf-8")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

    run = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        timeout=120,
        env={**os.environ, "PATH": path},
    )

    assert (run.returncode, "Warning" in run.stderr) == (0, False), run.stderr


@pytest.mark.parametrize(("page", "test"), ELSEWHERE.items())
def test_a_page_with_a_test_of_its_own_is_named_there(page: str, test: str) -> None:
    assert (bool(blocks(page, "python")), Path(page).name in (ROOT / "tests" / test).read_text("utf-8")) == (True, True)


def test_every_page_is_in_the_navigation() -> None:
    navigation = re.findall(r"([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.M)

    assert sorted(navigation) == sorted(page.removeprefix("docs/") for page in PAGES if page.startswith("docs/"))


@pytest.mark.parametrize("page", PAGES)
def test_a_block_says_its_language(page: str) -> None:
    lines = PAGES[page].read_text("utf-8").splitlines()
    fences = [line.strip() for line in lines if re.match(r"\s*(```|~~~)", line)]

    assert {fence.removeprefix("```").partition(" ")[0] for fence in fences[::2]} <= LANGUAGES
    assert set(fences[1::2]) <= {"```"}
    # What is indented under a list or a note would be missed.
    assert not [line for line in lines if re.match(r"\s+(```|~~~)", line)]


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_points_to_exists(page: str) -> None:
    text = PAGES[page].read_text("utf-8")
    targets = [target for target in re.findall(r"\]\(([^)#\s]+)", text) if not target.startswith(("http", "mailto:"))]

    assert [target for target in targets if not (PAGES[page].parent / target).exists()] == []


@pytest.mark.parametrize("block", cases("py"))
def test_another_packages_python_is_python(block: str) -> None:
    compile(block, "page", "exec")


@pytest.mark.parametrize("block", cases("json"))
def test_json_is_json(block: str) -> None:
    values = [json.loads(line) for line in block.splitlines()] if block.startswith("{") else [json.loads(block)]

    assert values


@pytest.mark.parametrize("block", cases("toml"))
def test_toml_is_toml(block: str) -> None:
    assert tomllib.loads(block)
