"""Caches, models that count how often they are asked, and an endpoint that speaks OpenAI's format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    CompletionResponse,
    CompletionResponseGen,
    LLMMetadata,
    ToolCallBlock,
)
from llama_index.core.llms import CustomLLM, MockLLM
from llama_index.core.llms.callbacks import llm_completion_callback
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.llms.openai import OpenAI
from pydantic import PrivateAttr

from mneme import MemoryStore, SemanticCache
from mneme.testing import WordEmbedder


class CountingLLM(CustomLLM):
    """Numbers its answers. A copy shares the count."""

    model: str = "counting"
    temperature: float = 0.0
    api_key: str = "secret"
    timeout: float = 1.0
    _asked: list[str] = PrivateAttr(default_factory=list)
    _answer: dict[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name=self.model, is_chat_model=True)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        self._asked.append(prompt)
        return CompletionResponse(**{"text": f"answer {len(self._asked)}", **self._answer})

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        self._asked.append(prompt)
        yield CompletionResponse(text="ans", delta="ans")
        yield CompletionResponse(text="answer", delta="wer")


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder()


@pytest.fixture
def cache(embedder: WordEmbedder) -> Iterator[SemanticCache]:
    with SemanticCache(store=MemoryStore(), embedder=embedder) as opened:
        yield opened


@pytest.fixture
def counting() -> Callable[..., CountingLLM]:
    return CountingLLM


class ToolCallingLLM(MockFunctionCallingLLM):
    """Calls the tool it is offered, then says what came back."""

    model: str = "calling"
    _asked: list[list[ChatMessage]] = PrivateAttr(default_factory=list)

    def _get_response_generator(self) -> Any:
        def answer(messages: Sequence[ChatMessage], **kwargs: Any) -> ChatMessage:
            self._asked.append(list(messages))
            tools = kwargs.get("tools") or []
            if messages[-1].role == "tool" or not tools:
                return ChatMessage(role="assistant", content=f"It is so: {messages[-1].content}")
            call = ToolCallBlock(
                tool_call_id=f"call_{len(self._asked)}", tool_name=tools[0].metadata.name, tool_kwargs={"city": "Paris"}
            )
            return ChatMessage(role="assistant", blocks=[call])

        return answer


@pytest.fixture
def calling() -> Callable[..., ToolCallingLLM]:
    return ToolCallingLLM


@pytest.fixture
def endpoint(endpoint: Any) -> Any:
    """The endpoint of all tests; it says what was asked, and calls the first tool where it has no result yet."""

    def answer(asked: dict[str, Any], _: int) -> dict[str, Any]:
        last = asked["messages"][-1]
        if "response_format" in asked:
            return {"content": '{"name": "Jane"}'}
        if asked.get("tools") and last["role"] != "tool":
            function = {"name": asked["tools"][0]["function"]["name"], "arguments": '{"city": "Paris"}'}
            return {"content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": function}]}
        return {"content": f"You said: {last['content']}"}

    endpoint.answer = answer
    return endpoint


@pytest.fixture
def openai(endpoint: Any) -> OpenAI:
    url = f"http://127.0.0.1:{endpoint.server_address[1]}/v1"
    return OpenAI(model="gpt-4o-mini", api_base=url, api_key="k", max_retries=0)


@pytest.fixture(params=["mock", "calling", "openai"])
def any_llm(request: pytest.FixtureRequest) -> Any:
    """One model of each kind: completing, tool calling, and a real client."""
    makers: dict[str, Callable[[], Any]] = {"mock": lambda: MockLLM(is_chat_model=True), "calling": ToolCallingLLM}
    return makers[request.param]() if request.param in makers else request.getfixturevalue("openai")
