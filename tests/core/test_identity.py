"""What tells two functions apart, and two objects."""

from __future__ import annotations

import functools
import os
import subprocess
import sys

import pytest
from pydantic import BaseModel, PrivateAttr, SecretStr

from mneme.identity import calls_numbered, captured_by, function_form, is_function, is_secret, sealed, state_of


def value_of(where, value):
    return function_form(value, value_of, where) if is_function(value) else repr(value)


def form(function):
    return function_form(function, value_of, "it")


def made(captured):
    def inner(text):
        return captured + text

    return inner


def with_default(default, *, named=None):
    def inner(text, more=default, *, other=named):
        return text

    return inner


class Holder:
    __slots__ = ("__hidden", "shown")

    def __init__(self, shown):
        self.shown, self.__hidden = shown, "h"

    def __repr__(self):
        return f"Holder({self.shown})"

    def method(self):
        return self.shown


TWO = [lambda text: "a", lambda text: "b"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (made("a"), made("b")),
        (made(made("a")), made(made("b"))),
        (with_default("a"), with_default("b")),
        (with_default("a", named=1), with_default("a", named=2)),
        (functools.partial(made, "a"), functools.partial(made, "b")),
        (functools.partial(made, captured="a"), functools.partial(made, captured="b")),
        (Holder("a").method, Holder("b").method),
        (TWO[0], TWO[1]),
        (len, print),
        ("a".join, "b".join),
        ("a".join, "a".strip),
        (functools.lru_cache(made("a")), functools.lru_cache(made("b"))),
        (lambda: {"x"}, lambda: {"y"}),
        (lambda: 1, lambda: 1.0),
    ],
)
def test_functions_that_do_something_else_have_other_forms(one, other):
    assert form(one) != form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [(made("a"), made("a")), (functools.partial(made, "a"), functools.partial(made, "a")), (len, len)],
)
def test_functions_that_do_the_same_have_one_form(one, other):
    assert form(one) == form(other)


def test_a_function_that_calls_itself_has_a_form():
    def outer():
        def again(number):
            return again(number - 1) if number else "done"

        return again

    assert (form(outer()), captured_by(outer())) == (form(outer()), {})


def test_functions_that_call_each_other_have_a_form():
    def outer(word):
        def one(number):
            return other(number) if number else word

        def other(number):
            return one(number - 1)

        return one

    assert (form(outer("a")) == form(outer("a")), form(outer("a")) == form(outer("b"))) == (True, False)


def test_what_is_assigned_later_is_not_captured_yet():
    def inner():
        return later

    before = captured_by(inner)
    later = 1

    assert (before, captured_by(inner)) == ({}, {"later": 1})


def test_a_form_is_the_same_in_every_process():
    code = """
from mneme.identity import function_form
def ask(word): return word in {"a", "b", "c"}
print(function_form(ask, lambda where, value: repr(value), "it"))
"""
    forms = [
        subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True)
        for seed in ("1", "2")
    ]

    assert (forms[0].returncode, forms[0].stdout) == (0, forms[1].stdout)


class Model(BaseModel, extra="allow"):
    field: int = 1
    _private: int = PrivateAttr(default=2)


def test_the_state_of_an_object_is_all_that_it_holds():
    assert state_of(Holder("a")) == {"shown": "a", "_Holder__hidden": "h"}
    assert state_of(Model(more=3)) == {"field": 1, "_private": 2, "more": 3}
    assert state_of(object()) == {}


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("api_key", "k", True),
        ("answer_key", "k", True),
        ("X-Api-Key", "k", True),
        ("Authorization", "k", True),
        ("anything", SecretStr("k"), True),
        ("key", 5, False),
        ("max_tokens", "5", False),
        ("keyboard", "k", False),
    ],
)
def test_a_secret_is_known_by_its_type_or_name(name, value, secret):
    assert is_secret(name, value) is secret


def test_a_sealed_secret_tells_two_apart_and_shows_neither():
    forms = [sealed("one"), sealed(SecretStr("one")), sealed(b"one"), sealed("two")]

    assert (forms[0] == forms[1], len({repr(each) for each in forms}), "one" in repr(forms)) == (True, 3, False)


def test_tool_calls_are_numbered_by_their_order_whatever_their_ids():
    def turns(first, second):
        call = [{"type": "tool_use", "id": first, "name": "f"}, {"type": "text", "id": "kept", "text": "t"}]
        return [*call, {"tool_use_id": first, "n": 1}, {"tool_call_id": second}, {"call_id": first}]

    numbered = [calls_numbered(turns(*ids), {}, ("tool_use",)) for ids in (("a", "b"), ("x", "y"), ("a", "a"))]

    assert numbered[0] == numbered[1] == turns("call 0", "call 1")
    assert numbered[2] == turns("call 0", "call 0")
