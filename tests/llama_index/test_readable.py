"""What is stored for LlamaIndex's calls reads as its answers."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.tools import FunctionTool

from mneme import SemanticCache
from mneme_llama_index import cached_embedding, cached_llm

QUESTION = "how is the weather in Paris"


def get_weather(city: str) -> str:
    """Say how it is there."""
    return city


@pytest.mark.parametrize("stream", [False, True])
def test_chats_and_completions(filed: SemanticCache, read: Any, openai: Any, stream: bool) -> None:
    llm = cached_llm(openai, filed)
    if stream:
        list(llm.stream_chat([ChatMessage(QUESTION)]))
        list(llm.stream_complete(QUESTION))
    else:
        llm.chat([ChatMessage(QUESTION)])
        llm.complete(QUESTION)

    assert {each.replace(" ", "") for each in read()} == {f"You said: {QUESTION}".replace(" ", "")}


@pytest.mark.parametrize("kind", ["openai", "calling"])
def test_tool_calls(filed: SemanticCache, read: Any, request: pytest.FixtureRequest, kind: str) -> None:
    made = request.getfixturevalue(kind)
    llm: Any = cached_llm(made() if kind == "calling" else made, filed)
    llm.chat_with_tools([FunctionTool.from_defaults(get_weather)], QUESTION)

    assert set(read()) == {"calls tool get_weather(city=Paris)"}


def test_a_streamed_tool_call(filed: SemanticCache, read: Any, openai: Any) -> None:
    llm = cached_llm(openai, filed)
    list(llm.stream_chat_with_tools([FunctionTool.from_defaults(get_weather)], QUESTION))

    assert read() == ["calls tool get_weather(city=Paris)"]


def test_embeddings(filed: SemanticCache, read: Any) -> None:
    cached_embedding(MockEmbedding(embed_dim=5), filed).get_text_embedding("a text")

    assert read() == ["an embedding of 5 numbers"]
