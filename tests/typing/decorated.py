"""Read by type checkers only: a cached function keeps the signature of the function."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import assert_type

from mneme import AsyncSemanticCache, Explanation, Hit, SemanticCache
from mneme_decorator import CachedCoroutine, CachedFunction, cached


def over_both_colours(cache: SemanticCache, async_cache: AsyncSemanticCache) -> None:
    @cached(cache)
    async def ask(prompt: str, *, model: str = "m") -> int:
        return len(prompt)

    @cached(async_cache, query="prompt", ttl=60, namespace=lambda arguments: str(arguments["tenant"]))
    def say(prompt: str, tenant: str) -> str:
        return prompt + tenant

    @cached(cache)
    async def stream(prompt: str, *, model: str = "m") -> AsyncIterator[int]:
        yield 1

    @cached(cache)
    def words(prompt: str) -> Iterator[str]:
        yield prompt

    class Assistant:
        @cached(cache)
        async def ask(self, prompt: str) -> bytes:
            return prompt.encode()

        @cached(cache)
        def say(self, prompt: str) -> str:
            return prompt

    async def use() -> None:
        assert_type(await ask("a", model="n"), int)
        assert_type(await ask.options(refresh=True)("a"), int)
        assert_type(await ask.lookup("a", model="n"), Hit | None)
        assert_type(await ask.invalidate("a"), bool)
        assert_type(await ask.explain("a", model="n"), Explanation)
        assert_type(say.report_wrong("a", "t"), int)
        assert_type(ask.cache_key("a"), str)
        assert_type(say("a", tenant="t"), str)
        assert_type(say.lookup("a", "t"), Hit | None)
        assert_type(await Assistant().ask("a"), bytes)
        assert_type(await Assistant().ask.options(bypass=True)(prompt="a"), bytes)
        assert_type(Assistant().say("a"), str)
        async for number in stream("a", model="n"):
            assert_type(number, int)
        assert_type(list(words("a")), list[str])
        assert_type(await stream.lookup("a"), Hit | None)
        await ask("a", ttl=3)  # type: ignore[call-arg]  # a call takes the function's own arguments alone
        await ask(1)  # type: ignore[arg-type]  # and of its own types
        Assistant().say()  # type: ignore[call-arg]  # self is bound, prompt is not


async def as_arguments(ask: CachedCoroutine[[str], int], say: CachedFunction[[str], str]) -> None:
    takes: tuple[Callable[[str], Awaitable[int]], Callable[[str], str]] = (ask, say)
    assert_type((await takes[0]("a"), takes[1]("a")), tuple[int, str])
