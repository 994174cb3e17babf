"""A cache without a model, a chat model that counts how often it is asked, and an endpoint that does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool

from mneme import MemoryStore, SemanticCache
from mneme.testing import WordEmbedder
from mneme_langchain import MnemeCache

Answer = Callable[[list[BaseMessage]], Any]


class CountingModel(BaseChatModel):
    """Answers with `answer(messages)`: a text, a message, or a list of them. `asked` records every call."""

    model: str = "counting-1"
    temperature: float = 0.0
    answer: Answer | None = None
    asked: list[list[BaseMessage]] = []  # noqa: RUF012  # pydantic copies it for each instance

    @property
    def _llm_type(self) -> str:
        return "counting"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model, "temperature": self.temperature}

    def _generate(self, messages: list[BaseMessage], *_: Any, **kwargs: Any) -> ChatResult:
        self.asked.append(messages)
        answer = f"{self.model} answer {len(self.asked)}" if self.answer is None else self.answer(messages)
        several = answer if isinstance(answer, list) else [answer]
        made = [each if isinstance(each, BaseMessage) else AIMessage(each) for each in several]
        return ChatResult(generations=[ChatGeneration(message=each.model_copy(deep=True)) for each in made])

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.bind(tools=[convert_to_openai_tool(each) for each in tools], **kwargs)


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder()


@pytest.fixture
def cache(embedder: WordEmbedder) -> Iterator[SemanticCache]:
    with SemanticCache(store=MemoryStore(), embedder=embedder) as opened:
        yield opened


@pytest.fixture
def llm_cache(cache: SemanticCache) -> MnemeCache:
    return MnemeCache(cache)


@pytest.fixture
def chat(llm_cache: MnemeCache) -> Callable[..., CountingModel]:
    """Make a model over the cache; keyword arguments are its fields."""

    def make(**fields: Any) -> CountingModel:
        return CountingModel(**{"cache": llm_cache, **fields})

    return make


@pytest.fixture
def endpoint(endpoint: Any) -> Any:
    """The endpoint of all tests; it answers with a structure or a tool call where the request wants one."""

    def answer(asked: dict[str, Any], number: int) -> dict[str, Any]:
        structure = json.dumps({"name": f"Jane {number}"})
        if "response_format" in asked:
            return {"content": structure}
        if "tools" in asked:
            function = {"name": "Person", "arguments": structure}
            return {"content": None, "tool_calls": [{"id": f"call_{number}", "type": "function", "function": function}]}
        return {"content": f"answer {number}"}

    endpoint.answer = answer
    return endpoint
