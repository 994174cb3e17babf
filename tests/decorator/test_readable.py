"""What is stored for the clients of OpenAI and Anthropic reads as their answers."""

from __future__ import annotations

from typing import Any

import anthropic
import openai
import pytest

from mneme import SemanticCache
from mneme_decorator import wrap_anthropic, wrap_openai

QUESTION = "how is the weather in Bern"
MESSAGES: Any = [{"role": "user", "content": QUESTION}]
CALLS = {"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Bern"}'}}


@pytest.mark.parametrize("stream", [False, True])
def test_openais_completions(filed: SemanticCache, read: Any, endpoint: Any, stream: bool) -> None:
    endpoint.message = {"content": "Look:", "tool_calls": [CALLS]}
    with openai.OpenAI(base_url=endpoint.url, api_key="k", max_retries=0) as opened:
        answer = wrap_openai(opened, filed).chat.completions.create(model="m", messages=MESSAGES, stream=stream)
        list(answer)

    assert read() == ["Look:\ncalls tool get_weather(city=Bern)"]


def test_openais_responses(filed: SemanticCache, read: Any, endpoint: Any) -> None:
    with openai.OpenAI(base_url=endpoint.url, api_key="k", max_retries=0) as opened:
        wrap_openai(opened, filed).responses.create(model="m", input=QUESTION)

    assert read() == ["answer 1"]


@pytest.mark.parametrize(("stream", "text"), [(False, "answer 1"), (True, "answer1")])
def test_anthropics_messages(filed: SemanticCache, read: Any, endpoint: Any, stream: bool, text: str) -> None:
    url = endpoint.url.removesuffix("/v1")
    with anthropic.Anthropic(base_url=url, api_key="k", max_retries=0) as opened:
        client = wrap_anthropic(opened, filed)
        list(client.messages.create(model="m", max_tokens=9, messages=MESSAGES, stream=stream))

    assert read() == [text]  # the endpoint drops what is between the words of a stream
