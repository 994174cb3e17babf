"""LangChain's own tests of a chat model, over a fake; `CACHED` in the environment says how it is cached."""

from __future__ import annotations

import os
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_tests.integration_tests import ChatModelIntegrationTests

from mneme import MemoryStore, SemanticCache
from mneme.testing import WordEmbedder
from mneme_langchain import MnemeCache, cached_model

USAGE = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
CACHE = SemanticCache(store=MemoryStore(), embedder=WordEmbedder())


class Fake(BaseChatModel):
    """Answers in text, or with a call of the first tool it is offered and has no result of."""

    model: str = "fake-1"

    @property
    def _llm_type(self) -> str:
        return "fake"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        return {"ls_provider": "fake", "ls_model_name": self.model, "ls_model_type": "chat", "ls_stop": stop}

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.bind(tools=[convert_to_openai_tool(each) for each in tools], **kwargs)

    def _answer(self, messages: list[BaseMessage], kwargs: dict[str, Any]) -> AIMessage:
        metadata = {"model_name": self.model}
        tools = kwargs.get("tools")
        if tools and messages[-1].type != "tool":
            properties = tools[0]["function"]["parameters"].get("properties", {})
            arguments = {name: 3 if schema.get("type") == "integer" else "3" for name, schema in properties.items()}
            call = {"name": tools[0]["function"]["name"], "args": arguments, "id": "call_1"}
            return AIMessage("", tool_calls=[call], usage_metadata=USAGE, response_metadata=metadata)
        return AIMessage("hello there", usage_metadata=USAGE, response_metadata=metadata)

    def _generate(self, messages: list[BaseMessage], *_: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._answer(messages, kwargs))])

    def _stream(self, messages: list[BaseMessage], *_: Any, **kwargs: Any) -> Any:
        whole = self._answer(messages, kwargs)
        if whole.tool_calls:
            fields = whole.model_dump(exclude={"type"})
            yield ChatGenerationChunk(message=AIMessageChunk(**fields))
            return
        for word in ("hello", " there"):
            yield ChatGenerationChunk(message=AIMessageChunk(word))
        yield ChatGenerationChunk(
            message=AIMessageChunk("", usage_metadata=whole.usage_metadata, response_metadata=whole.response_metadata)
        )


class TestStandard(ChatModelIntegrationTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return Fake

    @pytest.fixture
    def model(self, request: Any) -> Any:
        way, fields = os.environ["CACHED"], getattr(request, "param", None) or {}
        if way == "cached_model":
            return cached_model(Fake(**fields), CACHE)
        return Fake(cache=MnemeCache(CACHE) if way == "BaseCache" else False, **fields)
