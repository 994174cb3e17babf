"""What is refused when a function is decorated."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from openai import AsyncOpenAI

from mneme import InvalidArgumentError, SemanticCache
from mneme_decorator import cached


async def two_texts(one: str, two: str) -> str:
    return one


async def no_text(number: int) -> str:
    return ""


async def with_client(client: AsyncOpenAI, prompt: str) -> str:
    return ""


async def with_function(prompt: str, then: Callable[[], None]) -> str:
    return ""


async def without_annotation(prompt):  # type: ignore[no-untyped-def]  # that is the case
    return prompt


async def of_unknown_class(prompt: str) -> Unknown:  # type: ignore[name-defined]  # noqa: F821  # that is the case
    return prompt


async def stream(prompt: str):  # type: ignore[no-untyped-def]  # that is the case
    yield prompt


def sync_stream(prompt: str) -> Iterator:  # type: ignore[type-arg]  # that is the case
    yield prompt


async def returns_stream(prompt: str) -> AsyncIterator[str]:
    return stream(prompt)


async def fine(prompt: str, model: str = "m") -> str:
    return prompt


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (two_texts, {}, "query="),
        (no_text, {}, "query="),
        (with_client, {}, r"'client'.*ignore=\('client',\)"),
        (with_function, {}, r"'then'.*ignore=\('then',\)"),
        (without_annotation, {}, "codec="),
        (of_unknown_class, {}, "codec="),
        (stream, {}, "what it yields"),
        (sync_stream, {}, "what it yields"),
        (returns_stream, {}, "yield its chunks"),
        (functools.partial(fine, model="n"), {}, "def"),
        (len, {}, "def"),
        (classmethod(fine), {}, "below @classmethod"),
        (fine, {"query": "promt"}, "'promt'"),
        (fine, {"ignore": ("modell",)}, "'modell'"),
        (fine, {"vary": ("modell",)}, "'modell'"),
    ],
)
def test_a_function_that_leaves_something_open_is_a_type_error(
    cache: SemanticCache, function: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        cached(cache, **options)(function)


def test_an_argument_that_may_be_left_out_is_no_error(cache: SemanticCache) -> None:
    @cached(cache)
    def ask(prompt: str, client: AsyncOpenAI | None = None, other: AsyncOpenAI = ...) -> str:  # type: ignore[assignment]
        return prompt

    assert ask("a") == "a"


@pytest.mark.parametrize("options", [{"ttl": 0}, {"ttl": -1}, {"ttl": "1"}, {"ttl": float("nan")}, {"mode": "fuzzy"}])
def test_an_option_that_cannot_be_is_an_error(cache: SemanticCache, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        cached(cache, **options)


def test_a_codec_makes_up_for_an_annotation(cache: SemanticCache) -> None:
    class Upper:
        def encode(self, value: Any) -> str:
            return str(value).upper()

        def decode(self, text: str) -> Any:
            return text

    @cached(cache, codec=Upper())
    def ask(prompt):  # type: ignore[no-untyped-def]  # that is the case
        return prompt

    assert [ask("a"), ask("a")] == ["a", "A"]


async def test_messages_come_before_a_prompt(cache: SemanticCache) -> None:
    @cached(cache)
    async def ask(prompt: str, messages: list[dict[str, str]]) -> str:
        return "answer"

    hit = None
    await ask("p", [{"role": "user", "content": "hello there"}])
    hit = await ask.lookup("p", [{"role": "user", "content": "there, hello"}])

    assert (hit and hit.layer, await ask.lookup("q", [{"role": "user", "content": "hello there"}])) == (
        "semantic",
        None,
    )


def test_a_decorator_without_its_cache_is_refused_when_decorating() -> None:
    def complete(prompt: str) -> str:
        return prompt

    with pytest.raises(TypeError, match=r"@cached\(cache\)"):
        cached(complete)  # type: ignore[arg-type]
