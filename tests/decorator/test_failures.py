"""A cache never makes the user's call fail."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from mneme import MemoryStore, MnemeError, SemanticCache
from mneme.testing import FailingEmbedder
from mneme_decorator import cached


def test_arguments_without_a_key_leave_the_cache_out_of_functions(cache: SemanticCache) -> None:
    @cached(cache)
    def ask(prompt: str, *, client: Any) -> str:
        return prompt

    assert (ask("a", client=object()), ask.cache_info().uncached) == ("a", 1)


async def test_arguments_without_a_key_leave_the_cache_out(
    cache: SemanticCache, caplog: pytest.LogCaptureFixture
) -> None:
    @cached(cache)
    async def ask(prompt: str, *, client: Any) -> str:
        return prompt

    with caplog.at_level(logging.WARNING, "mneme.decorator"):
        answers = [await ask("a", client=object()) for _ in range(2)]

    assert (answers, len(caplog.records), "'client'" in caplog.text, "ignore=" in caplog.text) == (
        ["a", "a"],
        1,
        True,
        True,
    )


async def test_the_same_arguments_are_a_type_error_when_asked_for_a_key(cache: SemanticCache) -> None:
    @cached(cache)
    async def ask(prompt: str, *, client: Any) -> str:
        return prompt

    with pytest.raises(TypeError, match="'client'"):
        ask.cache_key("a", client=object())


@pytest.mark.parametrize(
    "options",
    [
        {"query": lambda a: a["missing"]},
        {"query": lambda a: 7},
        {"vary": lambda a: a["missing"]},
        {"namespace": lambda a: a["missing"]},
        {"namespace": lambda a: None},
        {"cache_if": lambda a: a["missing"]},
    ],
)
async def test_a_failing_function_of_the_user_leaves_the_cache_out(
    cache: SemanticCache, caplog: pytest.LogCaptureFixture, options: dict[str, Any]
) -> None:
    @cached(cache, **options)
    async def ask(prompt: str) -> str:
        return prompt

    answer = await ask("a")

    assert (answer, cache.stats().entries, len(caplog.records)) == ("a", 0, 1)


async def test_wrong_arguments_are_the_functions_own_error(cache: SemanticCache) -> None:
    @cached(cache)
    async def ask(prompt: str) -> str:
        return prompt

    with pytest.raises(TypeError, match="unexpected keyword argument 'extra'"):
        await ask("a", extra=1)  # type: ignore[call-arg]  # that is the case


class BrokenCodec:
    def encode(self, value: Any) -> str:
        return str(value)

    def decode(self, text: str) -> Any:
        raise ValueError("broken")


async def test_an_answer_that_cannot_be_decoded_is_a_miss(cache: SemanticCache) -> None:
    @cached(cache, codec=BrokenCodec())
    async def ask(prompt: str) -> str:
        return prompt

    assert [await ask("a"), await ask("a")] == ["a", "a"]


async def test_an_answer_that_cannot_be_encoded_is_returned(
    cache: SemanticCache, caplog: pytest.LogCaptureFixture
) -> None:
    @cached(cache)
    async def ask(prompt: str) -> dict[str, Any]:
        return {"a": object()}

    answer = await ask("a")

    assert (list(answer), cache.stats().entries, "cannot be kept" in caplog.text) == (["a"], 0, True)


def test_a_closed_cache_is_left_out(cache: SemanticCache, caplog: pytest.LogCaptureFixture) -> None:
    @cached(cache)
    def ask(prompt: str) -> str:
        return prompt

    cache.close()

    assert (ask("a"), ask.cache_info().uncached, "closed" in caplog.text) == ("a", 1, True)


async def test_a_closed_cache_is_left_out_of_coroutines(cache: SemanticCache) -> None:
    @cached(cache)
    async def ask(prompt: str) -> str:
        return prompt

    cache.close()

    assert (await ask("a"), await ask.options(refresh=True)("a")) == ("a", "a")


async def test_an_embedder_that_fails_leaves_the_exact_layer() -> None:
    with SemanticCache(store=MemoryStore(), embedder=FailingEmbedder()) as cache:

        @cached(cache)
        async def ask(prompt: str) -> str:
            return prompt

        answers = [await ask("a"), await ask("a")]

        assert (answers, ask.cache_info().hits_exact) == (["a", "a"], 1)


async def test_a_question_too_long_for_the_cache_is_answered(cache: SemanticCache) -> None:
    @cached(cache)
    async def ask(prompt: str) -> int:
        return len(prompt)

    assert await ask("a" * 100_000) == 100_000


async def test_an_error_of_the_function_that_is_mnemes_own_is_not_tried_again(cache: SemanticCache) -> None:
    calls: list[str] = []

    @cached(cache)
    async def ask(prompt: str) -> str:
        calls.append(prompt)
        raise MnemeError("of an inner cache")

    @cached(cache)
    def say(prompt: str) -> str:
        calls.append(prompt)
        raise MnemeError("of an inner cache")

    with pytest.raises(MnemeError):
        await ask("a")
    with pytest.raises(MnemeError):
        say("b")

    assert calls == ["a", "b"]


async def test_a_tool_call_is_returned_when_the_store_fails(
    cache: SemanticCache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    called: dict[str, Any] = {"choices": [{"finish_reason": "tool_calls", "message": {"tool_calls": [{"id": "1"}]}}]}

    @cached(cache)
    async def ask(prompt: str) -> dict[str, Any]:
        return called

    @cached(cache)
    def say(prompt: str) -> dict[str, Any]:
        return called

    def refuse(self: Any, *args: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(MemoryStore, "write", refuse)

    assert (await ask("a"), say("a"), cache.stats().entries) == (called, called, 0)
    assert "could not be stored" in caplog.text


class Handle:
    """Cannot be copied."""

    def __deepcopy__(self, memo: object) -> Handle:
        raise TypeError("one of a kind")


async def test_an_answer_that_cannot_be_copied_is_shared(cache: SemanticCache) -> None:
    class Nothing:
        def encode(self, value: Any) -> None:
            return None

        def decode(self, text: str) -> Any:
            raise NotImplementedError

    @cached(cache, codec=Nothing())
    async def ask(prompt: str) -> Handle:
        await asyncio.sleep(0)
        return Handle()

    one, other = await asyncio.gather(ask("a"), ask("a"))

    assert (one is other, ask.cache_info().shared) == (True, 1)
