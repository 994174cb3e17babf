"""What a hit costs through a framework, beside the framework's own cheapest way, in one process.

    python -m benchmarks.frameworks

LangChain: `ainvoke` over its InMemoryCache, over MnemeCache and on a cached_model; `alookup` as Mneme answers it and as
BaseCache does by default, in an executor. LlamaIndex: `achat` of a mock model and of the same model, cached.
Medians of rounds in turn; every answer is checked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

from langchain_core.caches import BaseCache, InMemoryCache
from langchain_core.language_models import FakeListChatModel
from langchain_core.outputs import Generation
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.llms import MockLLM

from mneme import MemoryStore, SemanticCache
from mneme.testing import WordEmbedder
from mneme_langchain import MnemeCache, cached_model
from mneme_llama_index import cached_llm

ROUNDS, CALLS = 7, 200
QUESTION = "What is the capital of France?"


async def main() -> None:
    """Measure and print."""
    cache = SemanticCache(store=MemoryStore(), embedder=WordEmbedder())
    mneme, memory = MnemeCache(cache), InMemoryCache()
    prompt = "a plain prompt"
    mneme.update(prompt, "llm", [Generation(text="answer")])
    models = {
        "LangChain ainvoke, its InMemoryCache": FakeListChatModel(responses=["answer", "wrong"], cache=memory),
        "LangChain ainvoke, MnemeCache": FakeListChatModel(responses=["answer", "wrong"], cache=mneme),
        "LangChain ainvoke, cached_model": cached_model(FakeListChatModel(responses=["answer", "wrong"]), cache),
    }
    mock, message = MockLLM(is_chat_model=True), [ChatMessage(QUESTION)]
    wrapped = cached_llm(mock, cache)
    expected = (await mock.achat(message)).message

    def invoking(model: Any) -> Callable[[], Awaitable[bool]]:
        async def ask() -> bool:
            return bool((await model.ainvoke(QUESTION)).content == "answer")

        return ask

    def chatting(llm: Any) -> Callable[[], Awaitable[bool]]:
        async def ask() -> bool:
            return bool((await llm.achat(message)).message == expected)

        return ask

    async def native() -> bool:
        return (await mneme.alookup(prompt, "llm")) == [Generation(text="answer")]

    async def default() -> bool:
        return (await BaseCache.alookup(mneme, prompt, "llm")) == [Generation(text="answer")]

    asks = {name: invoking(model) for name, model in models.items()}
    asks |= {"LangChain alookup, in an executor": default, "LangChain alookup, native": native}
    asks |= {"LlamaIndex achat, mock model": chatting(mock), "LlamaIndex achat, cached": chatting(wrapped)}
    times = await measure(asks)
    for name, seconds in times.items():
        beside = next(other for other in times if other.split(",")[0] == name.split(",")[0])
        print(f"{name:40} {seconds * 1e6:8.1f} µs   {seconds / times[beside]:5.2f} x of: {beside}")


async def measure(asks: dict[str, Callable[[], Awaitable[bool]]]) -> dict[str, float]:
    """Return the median seconds of one call, by name; raises AssertionError for a wrong answer."""
    rounds: dict[str, list[float]] = {name: [] for name in asks}
    for _ in range(ROUNDS):
        for name, ask in asks.items():
            if not await ask():
                raise AssertionError(f"{name}: a wrong answer")
            start = time.perf_counter()
            answers = [await ask() for _ in range(CALLS)]
            rounds[name].append((time.perf_counter() - start) / CALLS)
            if not all(answers):
                raise AssertionError(f"{name}: a wrong answer")
    return {name: median(seconds) for name, seconds in rounds.items()}


if __name__ == "__main__":
    asyncio.run(main())
