"""What the pages tell a reader to type exists: commands and options of `mneme`, targets of make, modules of Python."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer.main

from mneme.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = typer.main.get_command(app)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))


def typed(text: str) -> Iterator[str]:
    """Yield what a reader types: the lines of shell blocks without prompts and outputs, and of `mneme ...` in prose."""
    for language, block in re.findall(r"^```(sh|console)[^\n]*\n(.*?)^```", text, re.M | re.S):
        lines = block.replace("\\\n", " ").splitlines()
        yield from [line.removeprefix("$ ") for line in lines if language == "sh" or line.startswith("$ ")]
    yield from re.findall(r"`((?:mneme|make) [a-z][^`]*)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def calls(line: str) -> Iterator[list[str]]:
    """Yield the words of each command of a line, without what is set for it alone."""
    words: list[str] = []
    for word in [*shlex.split(line, comments=True), "&&"]:
        if word in {"&&", "|", ";"}:
            yield words
            words = []
        elif words or not re.fullmatch(r"\w+=.*", word):
            words.append(word)


CASES = [
    pytest.param(words, id=f"{page.stem}: {' '.join(words)}")
    for page in PAGES
    for line in typed(page.read_text("utf-8"))
    for words in calls(line)
    if words
]


def is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its package
        return False


def wrong(words: list[str]) -> list[str]:
    """Return what is not there."""
    match words:
        case ["mneme", *rest]:
            command = COMMANDS
            while rest and rest[0] in getattr(command, "commands", {}):
                command = command.commands[rest.pop(0)]  # type: ignore[attr-defined]
            known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
            options = [word.partition("=")[0] for word in rest if word.startswith("-")]
            unknown = rest[:1] if getattr(command, "commands", {}) and rest and not rest[0].startswith("-") else []
            return unknown + [option for option in options if option not in known | {"--help"}]
        case ["make", *rest]:
            return [word for word in rest if "=" not in word and word not in TARGETS]
        case ["python", "-m", module, *_]:
            return [] if is_there(module) else [module]
    return []


@pytest.mark.parametrize("words", CASES)
def test_what_a_page_says_to_type_exists(words: list[str]) -> None:
    assert wrong(words) == []


@pytest.mark.parametrize(
    "line",
    ["mneme nothing", "mneme doctor x.db --nothing", "make nothing", "python -m nothing.at_all", "mneme --nothing"],
)
def test_what_does_not_exist_is_noticed(line: str) -> None:
    assert [wrong(words) for words in calls(line)] != [[]]
