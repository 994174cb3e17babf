"""Names on their way out work, warn where they are used, and do not stay longer than was said."""

import ast
import warnings
from pathlib import Path

import pytest

import mneme
from mneme._deprecation import deprecated, renamed_arguments

from .conftest import ROOT

EXPIRY = {"deprecated", "renamed_arguments"}


@deprecated(since="0.1", gone_in="0.9", instead="call new()")
def old(value):
    """Return it."""
    return value


@renamed_arguments(since="0.1", gone_in="0.9", limit="max_entries")
def opened(*, max_entries=None):
    return max_entries


def test_a_deprecated_function_works_and_warns_at_the_line_that_calls_it():
    with pytest.warns(
        DeprecationWarning, match=r"old\(\) is deprecated since 0.1 .* gone in 0.9; call new\(\)"
    ) as told:
        assert old(3) == 3
    assert told[0].filename == __file__
    assert old.__doc__ == "Return it."


async def test_a_deprecated_coroutine_function_warns_when_it_is_called():
    @deprecated(since="0.1", gone_in="0.9", instead="call new()")
    async def aold():
        return 3

    with pytest.warns(DeprecationWarning, match="aold"):
        coroutine = aold()
    assert await coroutine == 3


def test_a_renamed_argument_goes_by_both_names_but_not_at_once():
    with pytest.warns(DeprecationWarning, match="the argument limit of opened.* write max_entries="):
        assert opened(limit=3) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert opened(max_entries=4) == 4
    with pytest.raises(TypeError, match="got max_entries and limit"):
        opened(limit=3, max_entries=4)


def test_nothing_stays_longer_than_was_said():
    now = tuple(map(int, mneme.__version__.split(".")[:2]))
    overdue = [
        f"{path}:{call.lineno}"
        for directory in ("mneme_core", "integrations")
        for path in Path(ROOT, directory).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in EXPIRY
        for word in call.keywords
        if word.arg == "gone_in" and tuple(map(int, ast.literal_eval(word.value).split("."))) <= now
    ]
    assert overdue == []
