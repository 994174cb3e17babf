"""What callers of a cached function see."""

from __future__ import annotations

import asyncio
import copy
import functools
import inspect
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from mneme import AsyncSemanticCache, InvalidArgumentError, SemanticCache
from mneme.testing import FakeClock
from mneme_decorator import CacheInfo, cached


@pytest.fixture(params=["sync cache", "async cache"])
def either(request: pytest.FixtureRequest, cache: SemanticCache, async_cache: AsyncSemanticCache) -> Any:
    return cache if request.param == "sync cache" else async_cache


def numbered(cache: Any, **options: Any) -> tuple[Callable[..., Any], list[str]]:
    """Return a cached coroutine function that numbers its answers, and the list of what it was asked."""
    asked: list[str] = []

    @cached(cache, **options)
    async def ask(prompt: str, *, model: str = "m") -> str:
        asked.append(prompt)
        return f"answer {len(asked)}"

    return ask, asked


async def test_a_coroutine_function_is_cached_over_either_colour(either: Any) -> None:
    ask, _ = numbered(either)
    answers = [await ask("how are you today"), await ask("how are you today"), await ask("today, how are you")]

    assert answers == ["answer 1", "answer 1", "answer 1"]


async def test_a_function_is_cached_over_either_colour(cache: SemanticCache) -> None:
    asked: list[str] = []
    for each in (cache, cache.as_async()):

        @cached(each)
        def ask(prompt: str) -> str:
            asked.append(prompt)
            return f"answer {len(asked)}"

        answers = [ask("how are you today"), ask(prompt="today, how are you")]

    assert (answers, len(asked)) == (["answer 1", "answer 1"], 1)


async def test_mode_exact_compares_to_the_letter(cache: SemanticCache) -> None:
    ask, asked = numbered(cache, mode="exact")
    for prompt in ("how are you today", "today how are you", "How are you today", "how are  you today"):
        await ask(prompt)
        await ask(prompt)

    assert asked == ["how are you today", "today how are you", "How are you today", "how are  you today"]


async def test_case_and_white_space_do_not_count_otherwise(cache: SemanticCache) -> None:
    ask, asked = numbered(cache)
    for prompt in ("how are you today", "How are  you TODAY"):
        await ask(prompt)

    assert (len(asked), ask.cache_info().hits_exact) == (1, 1)


async def test_positional_named_and_default_arguments_are_one_call(cache: SemanticCache) -> None:
    ask, asked = numbered(cache)
    await ask("a")
    await ask(prompt="a")
    await ask("a", model="m")

    assert asked == ["a"]


async def test_a_ttl_ends_an_answer(cache: SemanticCache, clock: FakeClock) -> None:
    ask, _ = numbered(cache, ttl=60)
    first = await ask("a")
    clock.advance(60)

    assert [first, await ask("a")] == ["answer 1", "answer 2"]


async def test_options_change_one_call(cache: SemanticCache, clock: FakeClock) -> None:
    ask, _ = numbered(cache)
    answers = [
        await ask("a"),
        await ask.options(bypass=True)("a"),
        await ask("a"),
        await ask.options(refresh=True)("a"),
        await ask("a"),
        await ask.options(read_only=True)("b"),
        await ask("b"),
        await ask.options(namespace="other")("b"),
        await ask.options(ttl=1).options(refresh=True)("c"),
    ]
    clock.advance(2)
    answers.append(await ask("c"))

    assert [each.removeprefix("answer ") for each in answers] == ["1", "2", "1", "3", "3", "4", "5", "6", "7", "8"]


async def test_an_override_around_a_call_holds(cache: SemanticCache) -> None:
    ask, asked = numbered(cache)
    await ask("a")
    with cache.override(bypass=True):
        await ask("a")

    assert len(asked) == 2


async def test_a_scope_separates_tenants(cache: SemanticCache) -> None:
    ask, _ = numbered(cache)
    answers = []
    for tenant in ("one", "two", "one"):
        with cache.scope(namespace=tenant):
            answers.append(await ask("how are you today"))

    assert answers == ["answer 1", "answer 2", "answer 1"]


async def test_a_namespace_may_come_from_the_arguments(cache: SemanticCache) -> None:
    @cached(cache, namespace=lambda arguments: arguments["user"], ignore=("user",))
    async def ask(prompt: str, user: str) -> str:
        return f"for {user}"

    answers = [await ask("hello", user) for user in ("ann", "bob", "ann")]

    assert (answers, cache.list_namespaces()) == (["for ann", "for bob", "for ann"], ["ann", "bob"])


async def test_the_calls_are_counted(cache: SemanticCache) -> None:
    ask, _ = numbered(cache)
    for prompt in ("how are you today", "how are you today", "today, how are you"):
        await ask(prompt)
    await ask("a", model=object())

    assert ask.cache_info() == CacheInfo(hits_exact=1, hits_semantic=1, misses=1, shared=0, uncached=1)


async def test_a_call_can_be_looked_up_and_invalidated(cache: SemanticCache) -> None:
    ask, _ = numbered(cache)
    before = await ask.lookup("a")
    await ask("a")
    hit = await ask.lookup("a")
    removed = [await ask.invalidate("a"), await ask.invalidate("a")]

    assert (before, hit.response, hit.key == ask.cache_key("a"), removed) == (None, "answer 1", True, [True, False])


def test_a_functions_call_can_be_looked_up_and_invalidated(cache: SemanticCache) -> None:
    @cached(cache)
    def ask(prompt: str) -> str:
        return "answer"

    ask("a")
    hit = ask.lookup("a")

    assert (hit and hit.response, ask.invalidate("a"), ask.lookup("a")) == ("answer", True, None)


async def test_cache_clear_empties_the_functions_own_namespace(cache: SemanticCache) -> None:
    ask, asked = numbered(cache, namespace="mine")
    cache.put("a", "another's")
    await ask("a")
    ask.cache_clear()
    await ask("a")

    assert (asked, cache.list_namespaces(), ask.cache_info().misses) == (["a", "a"], ["default", "mine"], 1)


async def test_cache_clear_leaves_a_shared_namespace_alone(cache: SemanticCache) -> None:
    ask, _ = numbered(cache)

    with pytest.raises(InvalidArgumentError, match="no namespace of its own"):
        ask.cache_clear()


def assistant_class(cache: Any) -> Any:
    class Assistant:
        def __init__(self, tone: str = "kind") -> None:
            self.tone = tone
            self.asked: list[str] = []

        @cached(cache)
        async def ask(self, prompt: str) -> str:
            self.asked.append(prompt)
            return f"answer {len(self.asked)}"

        @cached(cache, vary=lambda arguments: {"tone": arguments["self"].tone})
        def say(self, prompt: str) -> str:
            return f"{self.tone} {prompt}"

        @classmethod
        @cached(cache)
        def name(cls, prompt: str) -> str:
            return f"{cls.__name__} {prompt}"

        @staticmethod
        @cached(cache)
        def twice(prompt: str) -> str:
            return prompt * 2

    return Assistant


async def test_a_method_is_cached_and_equal_objects_share_answers(cache: SemanticCache) -> None:
    kind = assistant_class(cache)
    one, two = kind(), kind()
    answers = [await one.ask("a"), await two.ask("a"), await kind.ask(two, "a")]

    assert (answers, one.ask.cache_info().hits_exact, await two.ask.options(bypass=True)("a")) == (
        ["answer 1", "answer 1", "answer 1"],
        2,
        "answer 1",
    )


async def test_what_counts_of_self_can_be_told(cache: SemanticCache) -> None:
    kind = assistant_class(cache)

    assert [kind("kind").say("hello"), kind("rude").say("hello")] == ["kind hello", "rude hello"]


async def test_class_and_static_methods_are_cached(cache: SemanticCache) -> None:
    kind = assistant_class(cache)

    assert [kind.name("a"), kind().name("a"), kind.twice("b"), kind().twice("b")] == [
        "Assistant a",
        "Assistant a",
        "bb",
        "bb",
    ]


async def test_a_cached_function_looks_like_the_function(cache: SemanticCache) -> None:
    async def ask(prompt: str, *, model: str = "m") -> str:
        """Ask."""
        return prompt

    wrapped = cached(cache)(ask)

    assert (
        wrapped.__name__,
        wrapped.__doc__,
        inspect.signature(wrapped),
        wrapped.__wrapped__,
        inspect.iscoroutinefunction(wrapped),
        copy.deepcopy(wrapped) is wrapped,
    ) == ("ask", "Ask.", inspect.signature(ask), ask, True, True)


async def test_a_bound_methods_signature_has_no_self(cache: SemanticCache) -> None:
    method = assistant_class(cache)().ask

    assert (list(inspect.signature(method).parameters), inspect.iscoroutinefunction(method)) == (["prompt"], True)


@dataclass
class Answer:
    words: list[str] = field(default_factory=list)


async def test_callers_never_share_an_answer(cache: SemanticCache) -> None:
    entered, go_on = asyncio.Event(), asyncio.Event()

    @cached(cache, cache_if=lambda answer: answer.words != ["unkept"])
    async def ask(prompt: str) -> Answer:
        entered.set()
        await go_on.wait()
        return Answer([prompt])

    answers = []
    for prompt in ("kept", "unkept"):
        tasks = [asyncio.create_task(ask(prompt)) for _ in range(3)]
        await entered.wait()
        go_on.set()
        answers += await asyncio.gather(*tasks)
        answers[-1].words.append("changed")
    again = await ask("kept")

    assert (len({id(answer) for answer in answers}), again) == (6, Answer(["kept"]))


async def test_an_error_reaches_every_caller_and_is_not_kept(cache: SemanticCache) -> None:
    calls: list[int] = []

    @cached(cache)
    async def ask(prompt: str) -> str:
        calls.append(1)
        await asyncio.sleep(0)
        if len(calls) == 1:
            raise ConnectionError("away")
        return "back"

    failed = await asyncio.gather(ask("a"), ask("a"), return_exceptions=True)

    assert ([str(error) for error in failed], await ask("a"), len(calls)) == (["away", "away"], "back", 2)


def test_threads_share_one_call(cache: SemanticCache) -> None:
    calls: list[int] = []
    started, go_on = threading.Event(), threading.Event()

    @cached(cache)
    def ask(prompt: str) -> str:
        calls.append(1)
        started.set()
        go_on.wait()
        return "answer"

    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(ask("a"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    started.wait()
    go_on.set()
    for thread in threads:
        thread.join()

    assert (answers, len(calls)) == (["answer"] * 8, 1)


async def test_a_decorator_below_may_hide_the_coroutine(cache: SemanticCache) -> None:
    def retried(function: Any) -> Any:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return call

    @cached(cache)
    @retried
    async def ask(prompt: str) -> str:
        return prompt

    assert [await ask("a"), await ask("a")] == ["a", "a"]


async def test_a_call_can_be_explained_and_its_answer_taken_back(cache: SemanticCache) -> None:
    ask, asked = numbered(cache)
    await ask("how are you today")
    explained = await ask.explain("today, how are you")
    reported = [await ask.report_wrong("today, how are you"), await ask.report_wrong("nobody asked this")]
    answers = [await ask("today, how are you"), await ask("how are you today")]

    assert (explained.outcome, reported, answers) == ("semantic", [1, 0], ["answer 2", "answer 1"])
    assert len(asked) == 2


def test_a_functions_call_can_be_explained_and_its_answer_taken_back(cache: SemanticCache) -> None:
    @cached(cache)
    def ask(prompt: str) -> str:
        return "answer"

    before = ask.explain("a").outcome
    ask("a")

    assert (before, ask.explain("a").outcome, ask.report_wrong("a"), ask.report_wrong("a")) == (
        "no_match",
        "exact",
        1,
        0,
    )
