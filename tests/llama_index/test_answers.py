"""How answers are kept, and which."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CitationBlock,
    CompletionResponse,
    ImageBlock,
    LogProb,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.prompts import PromptTemplate
from llama_index.core.types import BaseOutputParser
from openai.types.chat import ChatCompletion, ChatCompletionMessageFunctionToolCall
from pydantic import BaseModel

from mneme import SemanticCache
from mneme_llama_index import cached_llm
from mneme_llama_index._admission import admits_stream, calls_tools, is_complete
from mneme_llama_index._codecs import ResponseCodec

CHAT: ResponseCodec[ChatResponse] = ResponseCodec(ChatResponse)
COMPLETION: ResponseCodec[CompletionResponse] = ResponseCodec(CompletionResponse)


def said(*blocks: Any, **more: Any) -> ChatResponse:
    return ChatResponse(message=ChatMessage(role="assistant", blocks=list(blocks)), **more)


@pytest.mark.parametrize(
    "answer",
    [
        said(TextBlock(text="a")),
        said(TextBlock(text="a"), TextBlock(text="b"), delta="b", additional_kwargs={"prompt_tokens": 5}),
        said(ThinkingBlock(content="hm", additional_information={"signature": "s"}), TextBlock(text="a")),
        said(ToolCallBlock(tool_call_id="1", tool_name="f", tool_kwargs={"a": [1, None]})),
        said(ToolCallBlock(tool_call_id="1", tool_name="f", tool_kwargs='{"a"')),
        said(ImageBlock(image=b"\x89PNG\r\n\x1a\n" + b"\0" * 16)),
        said(CitationBlock(cited_content=TextBlock(text="a"), source="s", title="t", additional_location_info={})),
        said(TextBlock(text="a"), logprobs=[[LogProb(token="a", logprob=-0.5, bytes=[97])]]),
        said(TextBlock(text="a"), raw={"usage": {"total_tokens": 7}}),
        said(TextBlock(text="\ud800\0")),
    ],
)
def test_a_chat_answer_comes_back_as_it_was(answer: ChatResponse) -> None:
    kept = CHAT.encode(answer)

    assert kept is not None
    assert CHAT.decode(kept) == answer


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_every_text_of_a_completion_comes_back(text: str) -> None:
    answer = CompletionResponse(text=text, additional_kwargs={"total_tokens": 7})
    kept = COMPLETION.encode(answer)

    assert kept is not None
    assert COMPLETION.decode(kept) == answer


def test_the_clients_objects_come_back_as_mappings() -> None:
    call = ChatCompletionMessageFunctionToolCall.model_validate(
        {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    )
    completion = ChatCompletion.model_construct(id="x", usage={"total_tokens": 7})
    message = ChatMessage(role="assistant", content="a", additional_kwargs={"tool_calls": [call]})
    kept = CHAT.encode(ChatResponse(message=message, raw=completion))

    assert kept is not None
    assert (CHAT.decode(kept).raw, CHAT.decode(kept).message.additional_kwargs) == (
        {"id": "x", "usage": {"total_tokens": 7}},
        {"tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
    )


@pytest.mark.parametrize("raw", [object(), {"a": object()}, {"a": float("nan")}, {"a": b"\xff"}])
def test_what_json_cannot_say_in_the_clients_object_is_left_out(raw: Any) -> None:
    kept = CHAT.encode(said(TextBlock(text="a"), raw=raw))

    assert kept is not None
    assert CHAT.decode(kept).raw in (None, {"a": None})


def test_an_answer_that_json_cannot_say_is_not_kept() -> None:
    assert CHAT.encode(said(TextBlock(text="a"), additional_kwargs={"a": object()})) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"v": 1, "answer": {}}',
        '{"v": 2, "via": ["to_dict"], "answer": {"text": "a"}}',
        '{"v": 2, "via": [], "answer": {"message": 7}}',
    ],
)
def test_a_damaged_answer_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        CHAT.decode(text)


def ended(reason: str | None, *, at: str = "choices") -> dict[str, Any]:
    return {"choices": [{"finish_reason": reason}]} if at == "choices" else {at: reason}


TEXT = TextBlock(text="a")
CALL = ToolCallBlock(tool_name="f")


@pytest.mark.parametrize(
    ("answer", "complete"),
    [
        (said(TEXT), True),
        (said(), False),
        (said(TextBlock(text=" ")), False),
        (said(ThinkingBlock(content="hm")), False),
        (said(CALL), True),
        (said(TEXT, raw=ended("stop")), True),
        (said(TEXT, raw=ended("length")), False),
        (said(TEXT, raw=ended("content_filter")), False),
        (said(CALL, raw=ended("tool_calls")), True),
        (said(TEXT, raw=ended("end_turn", at="stop_reason")), True),
        (said(TEXT, raw=ended("max_tokens", at="stop_reason")), False),
        (said(TEXT, raw=SimpleNamespace(stop_reason="refusal")), False),
        (said(TEXT, raw=ended("length", at="done_reason")), False),
        (said(TEXT, raw={"candidates": [{"finish_reason": "FinishReason.SAFETY"}]}), False),
        (said(TEXT, raw={"choices": [{"finish_reason": "stop", "message": {"refusal": "no"}}]}), False),
        (said(TEXT, additional_kwargs={"finish_reason": "length"}), False),
        (CompletionResponse(text="a"), True),
        (CompletionResponse(text=" "), False),
        (CompletionResponse(text="a", raw=ended("length")), False),
    ],
)
def test_only_whole_answers_are_complete(answer: Any, complete: bool) -> None:
    assert is_complete(answer) is complete


@pytest.mark.parametrize(
    ("chunks", "admitted"),
    [
        ([], False),
        ([said(TextBlock(text=""), delta="")], False),
        ([said(TEXT, delta="a")], True),
        ([said(TEXT, raw=ended(None)), said(TEXT, raw=ended("stop")), said(TEXT, raw={"choices": []})], True),
        ([said(TEXT, raw=ended(None)), said(TEXT, raw=ended("length")), said(TEXT, raw={"choices": []})], False),
        ([said(TEXT, raw=ended(None)), said(TEXT, raw={"choices": []})], False),
        ([said(CALL)], "exact"),
    ],
)
def test_only_streams_that_ended_whole_are_admitted(chunks: Any, admitted: Any) -> None:
    assert admits_stream(chunks) == admitted


def test_calls_of_tools_are_seen() -> None:
    in_kwargs = ChatResponse(message=ChatMessage(role="assistant", additional_kwargs={"tool_calls": [{"id": "1"}]}))

    assert [calls_tools(answer) for answer in (said(CALL), in_kwargs, said(TEXT), CompletionResponse(text="a"))] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(("content", "reason"), [("cut sh", "length"), ("...", "content_filter"), (" ", "stop")])
def test_what_is_cut_short_is_asked_again(
    cache: SemanticCache, openai: Any, endpoint: Any, content: str, reason: str
) -> None:
    endpoint.message, endpoint.reason = {"content": content}, reason
    llm = cached_llm(openai, cache)
    answers = [llm.complete("a question").text for _ in range(2)]

    assert (answers, len(endpoint.asked)) == ([content, content], 2)


class Choosy(BaseOutputParser):
    """Takes answers until it is told not to."""

    refuses = False

    def parse(self, output: str) -> Any:
        if self.refuses:
            raise ValueError("not so")
        return output


async def test_an_answer_to_other_words_that_does_not_parse_is_forgotten(
    cache: SemanticCache, openai: Any, endpoint: Any
) -> None:
    llm, template = cached_llm(openai, cache), PromptTemplate("Answer: {query_str}")
    llm.output_parser = parser = Choosy()
    llm.predict(template, query_str="when does it open")
    for predict in (llm.predict, llm.apredict):
        parser.refuses = True
        with pytest.raises(ValueError, match="not so"):
            await predict(template, query_str="does it open when")  # type: ignore[misc]  # of the second alone
        parser.refuses = False
        await llm.apredict(template, query_str="when does it open")

    assert len(endpoint.asked) == 3


class Person(BaseModel):
    name: str


async def test_an_answer_that_does_not_parse_is_forgotten(cache: SemanticCache, openai: Any, endpoint: Any) -> None:
    llm, template = cached_llm(openai, cache), PromptTemplate("Who is {name}?")
    endpoint.message = {"content": "no JSON"}
    for predict in (llm.structured_predict, llm.astructured_predict):
        with pytest.raises(ValueError, match="JSON"):
            made = predict(Person, template, name="Jane")
            await made  # type: ignore[misc]  # of the second alone
    endpoint.message = {"content": json.dumps({"name": "Jane"})}
    people = [llm.structured_predict(Person, template, name="Jane") for _ in range(2)]

    assert (people, len(endpoint.asked)) == ([Person(name="Jane")] * 2, 3)
