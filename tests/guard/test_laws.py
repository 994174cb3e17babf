"""What holds for every pair of texts."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mneme.engine.guard
from mneme.engine.guard import differences
from mneme.engine.guard.reader import MAX_WORDS, read

WORDS = """how do i to what is the of and or not can't should from by was painted sign up who he her 5 5kg $3 1st 2-4
non one turn off on fix it won't use seller buyer red cats more than at least Rome US it's 漢字 سلام 😊 {} () -- .NET
C++ f(x) e.g. , . : ? ! ' " """
SENTENCES = st.lists(st.sampled_from(sorted(set(WORDS.split()))), max_size=14).map(" ".join)
TEXTS = st.one_of(SENTENCES, st.text(alphabet=st.characters(), max_size=60))


@given(TEXTS, TEXTS)
def test_the_verdict_is_the_same_in_both_directions(a: str, b: str) -> None:
    there = [(found.kind, found.a, found.b) for found in differences(a, b)]
    back = [(found.kind, found.b, found.a) for found in differences(b, a)]

    assert there == back


@given(TEXTS)
def test_a_text_does_not_differ_from_itself(text: str) -> None:
    assert differences(text, text) == ()


@given(SENTENCES)
def test_a_text_without_code_or_colon_does_not_differ_by_white_space(text: str) -> None:
    text = re.sub(r"[^\w' .?!-]", "", text)
    assert differences(text, f"  {text.replace(' ', chr(10))} ") == ()


@given(SENTENCES, st.sampled_from(["zebra", "73", "not", "Quito", "X-17"]))
def test_one_more_word_of_content_is_a_difference(text: str, word: str) -> None:
    assert differences(text, f"{text} {word}") != ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\x00",
        "\ud800",
        "😊" * 50,
        "a" * 100_000,
        "' " * 50_000,
        "x=1;" * 25_000,
        "שלום עולם",
        "aGVsbG8=" * 40,
        "how do i " * 80,
        '{"a": [1, 2]}',
        "<p>hi</p>",
        "((((",
        "- - -",
        "of of of",
        "by by",
    ],
)
def test_any_text_is_compared(text: str) -> None:
    assert differences(text, text + " zebra") != ()


@pytest.mark.parametrize(
    "sentence", ["how do I paint the old house of my friend and his dog ", "was it seen by or of a "]
)
def test_the_work_grows_with_the_length_and_no_faster(sentence: str) -> None:
    short = _steps(sentence * 4, sentence * 4 + "zebra")
    long = _steps(sentence * 16, sentence * 16 + "zebra")

    assert long <= 5 * short


def _steps(a: str, b: str) -> int:
    """Return how many lines of the guard run for a pair, both texts new to it."""
    assert len(b.split()) < MAX_WORDS
    read.cache_clear()
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += event == "line" and "guard" in frame.f_code.co_filename
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        differences(a, b)
    finally:
        sys.settrace(before)
    return count


def test_the_guard_imports_the_standard_library_itself_and_what_keys_count_alone() -> None:
    package = Path(mneme.engine.guard.__file__).parent
    imported = {
        module
        for path in package.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for module in _modules(node)
    }

    assert {name for name in imported if name.split(".")[0] not in sys.stdlib_module_names} == {
        "mneme.engine.canonical",
        *(name for name in imported if name.startswith("mneme.engine.guard")),
    }


def _modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []
