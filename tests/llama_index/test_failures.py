"""A cache never makes the model's call fail, and tells nothing it should not."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ImageBlock
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.core.types import BaseOutputParser

from mneme import MemoryStore, MnemeError, SemanticCache
from mneme.testing import FailingEmbedder, WordEmbedder
from mneme_llama_index import cached_llm
from mneme_llama_index._codecs import ResponseCodec
from mneme_llama_index._model_key import model_key

MESSAGES = [ChatMessage(role="user", content="How are you?")]


def test_an_embedder_that_fails_leaves_the_exact_layer(counting: Any) -> None:
    with SemanticCache(store=MemoryStore(), embedder=FailingEmbedder()) as cache:
        llm = cached_llm(counting(), cache)
        answers = [llm.chat(MESSAGES).message.content for _ in range(2)]

    assert answers == ["answer 1", "answer 1"]


async def test_a_closed_cache_is_left_out(
    cache: SemanticCache, counting: Any, caplog: pytest.LogCaptureFixture
) -> None:
    llm = cached_llm(counting(), cache)
    cache.close()
    answers = [llm.chat(MESSAGES), await llm.achat(MESSAGES)]

    assert [answer.message.content for answer in answers] == ["answer 1", "answer 2"]
    assert "mneme.llama_index" in {record.name for record in caplog.records}


def test_an_error_of_the_model_is_raised_and_not_kept(cache: SemanticCache, counting: Any) -> None:
    llm = cached_llm(counting(), cache)
    llm._answer["text"] = object()
    with pytest.raises(ValueError, match="CompletionResponse"):
        llm.chat(MESSAGES)
    del llm._answer["text"]

    assert llm.chat(MESSAGES).message.content == "answer 2"


async def test_arguments_without_a_key_leave_the_cache_out(
    cache: SemanticCache, counting: Any, caplog: pytest.LogCaptureFixture
) -> None:
    llm = cached_llm(counting(), cache)
    answers = [llm.chat(MESSAGES, trace=object()), await llm.achat(MESSAGES, trace=object())]

    assert [answer.message.content for answer in answers] == ["answer 1", "answer 2"]
    assert (len(caplog.records), "How are you" in caplog.text) == (1, False)


def test_a_file_that_is_gone_leaves_the_cache_out(cache: SemanticCache, counting: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    message = ChatMessage(blocks=[ImageBlock(path=path)])
    path.unlink()

    assert cached_llm(counting(), cache).chat([message]).message.content == "answer 1"


def test_an_answer_that_cannot_be_read_is_a_miss(
    cache: SemanticCache, counting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Any, text: str) -> Any:
        raise ValueError("stored by another version")

    llm = cached_llm(counting(), cache)
    llm.chat(MESSAGES)
    with monkeypatch.context() as patch:
        patch.setattr(ResponseCodec, "decode", fail)
        llm.chat(MESSAGES)

    assert [llm.chat(MESSAGES).message.content for _ in range(2)] == ["answer 3", "answer 3"]


def weather(city: str) -> str:
    """Say how the weather is."""
    return city


TOOL = FunctionTool.from_defaults(fn=weather)


async def test_a_tool_call_is_returned_when_the_store_fails(
    cache: SemanticCache, calling: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(self: Any, *args: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(MemoryStore, "write", refuse)
    llm = cached_llm(calling(), cache)
    answers = [llm.chat_with_tools([TOOL], "the weather"), await llm.achat_with_tools([TOOL], "the forecast")]

    assert [answer.message.blocks[0].block_type for answer in answers] == ["tool_call", "tool_call"]
    assert "could not be stored" in caplog.text


async def test_errors_of_the_model_that_are_mnemes_own_are_not_tried_again(
    cache: SemanticCache, calling: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = calling()

    def fail(messages: Any, **kwargs: Any) -> Any:
        plain._asked.append(messages)
        raise MnemeError("of an inner cache")

    monkeypatch.setattr(type(plain), "_get_response_generator", lambda self: fail)
    llm = cached_llm(plain, cache)
    with pytest.raises(MnemeError):
        llm.chat(MESSAGES)
    with pytest.raises(MnemeError):
        await llm.achat(MESSAGES)

    assert len(plain._asked) == 2


def test_a_model_whose_functions_have_no_form_is_asked_without_the_cache(
    cache: SemanticCache, counting: Any, caplog: pytest.LogCaptureFixture
) -> None:
    style = object()
    llm = cached_llm(counting(messages_to_prompt=lambda messages: f"{style} {messages}"), cache)
    answers = [llm.chat(MESSAGES).message.content for _ in range(2)]

    assert (answers, len(caplog.records), "messages_to_prompt" in caplog.text) == (["answer 1", "answer 2"], 1, True)


class Refusing(BaseOutputParser):
    """Takes every answer for a wrong one."""

    def parse(self, output: str) -> Any:
        raise ValueError("no JSON")


async def test_a_prediction_that_does_not_parse_is_an_error_over_a_closed_cache_too(
    cache: SemanticCache, counting: Any
) -> None:
    llm = cached_llm(counting(), cache)
    llm.output_parser = Refusing()
    cache.close()
    for predict in (llm.predict, llm.apredict):
        with pytest.raises(ValueError, match="no JSON"):
            await predict(PromptTemplate("Who?"))  # type: ignore[misc]  # of the second alone


def test_no_secret_reaches_the_file_or_the_key(tmp_path: Path, openai: Any) -> None:
    path, llm = (
        tmp_path / "c.db",
        openai.model_copy(update={"api_key": "sk-secret", "default_headers": {"X": "sk-secret"}}),
    )
    with SemanticCache(path, WordEmbedder()) as cache:
        cached_llm(llm, cache).chat(MESSAGES)
    with sqlite3.connect(path) as connection:
        dumped = "\n".join(connection.iterdump())
    connection.close()

    assert ("sk-secret" in dumped, "How are you?" in dumped, "sk-secret" in repr(model_key(llm, type(llm)))) == (
        False,
        True,
        False,
    )
