"""A cached model does what the uncached one does, the first time and the second, and warns of nothing else."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from llama_index.core import Document, MockEmbedding, SummaryIndex, VectorStoreIndex
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import LLM
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from mneme import SemanticCache
from mneme_llama_index import cached_llm

MESSAGES = [ChatMessage(role="system", content="Be brief."), ChatMessage(role="user", content="How are you?")]
TEMPLATE = PromptTemplate("Answer this: {question}")


class Person(BaseModel):
    """A person."""

    name: str


def weather(city: str = "Paris") -> str:
    """Say how the weather is."""
    return f"sunny in {city}"


TOOL = FunctionTool.from_defaults(fn=weather)


async def chat(llm: LLM) -> Any:
    answer = llm.chat(MESSAGES)
    return answer.message, answer.delta, answer.additional_kwargs


async def achat(llm: LLM) -> Any:
    answer = await llm.achat(MESSAGES)
    return answer.message, answer.delta, answer.additional_kwargs


async def complete(llm: LLM) -> Any:
    answer = llm.complete("How are you?")
    return answer.text, answer.delta, answer.additional_kwargs


async def acomplete(llm: LLM) -> Any:
    answer = await llm.acomplete("How are you?")
    return answer.text, answer.delta, answer.additional_kwargs


async def predict(llm: LLM) -> Any:
    return llm.predict(TEMPLATE, question="How are you?"), await llm.apredict(TEMPLATE, question="Who are you?")


async def stream_chat(llm: LLM) -> Any:
    return [(each.message, each.delta) for each in llm.stream_chat(MESSAGES)]


async def astream_chat(llm: LLM) -> Any:
    return [(each.message, each.delta) async for each in await llm.astream_chat(MESSAGES)]


async def stream_complete(llm: LLM) -> Any:
    both = [each.text for each in llm.stream_complete("How are you?")]
    return both, [each.delta async for each in await llm.astream_complete("How are you?")]


async def stream(llm: LLM) -> Any:
    return list(llm.stream(TEMPLATE, question="How are you?"))


async def chat_engine(llm: LLM) -> Any:
    engine = SimpleChatEngine.from_defaults(llm=llm)
    return [str(engine.chat("How are you?")), str(await engine.achat("And now?")), engine.chat_history]


async def query_engine(llm: LLM) -> Any:
    index = VectorStoreIndex.from_documents([Document(text="The shop opens at nine.")], embed_model=MockEmbedding(8))
    engine = index.as_query_engine(llm=llm)
    return [str(engine.query("When does it open?")), str(await engine.aquery("When does it close?"))]


async def streaming_query_engine(llm: LLM) -> Any:
    engine = SummaryIndex.from_documents([Document(text="The shop opens at nine.")]).as_query_engine(
        llm=llm, streaming=True
    )
    return "".join(engine.query("When does it open?").response_gen)


async def chat_with_tools(llm: Any) -> Any:
    answer = llm.chat_with_tools([TOOL], "How is the weather?")
    return [(call.tool_name, call.tool_kwargs) for call in llm.get_tool_calls_from_response(answer)]


async def stream_chat_with_tools(llm: Any) -> Any:
    answers = [each async for each in await llm.astream_chat_with_tools([TOOL], "How is the weather?")]
    return [(call.tool_name, call.tool_kwargs) for call in llm.get_tool_calls_from_response(answers[-1])]


async def predict_and_call(llm: Any) -> Any:
    return str(llm.predict_and_call([TOOL], "How is the weather?")), str(
        await llm.apredict_and_call([TOOL], "How is the weather?")
    )


async def asked(agent: Any) -> str:
    # In a memory of its own: the usual one has a database in a thread that outlives the event loop.
    return str(await agent.run("How is the weather?", memory=ChatMemoryBuffer.from_defaults()))


async def function_agent(llm: LLM) -> Any:
    return await asked(FunctionAgent(tools=[TOOL], llm=llm, streaming=False))


async def streaming_function_agent(llm: LLM) -> Any:
    return await asked(FunctionAgent(tools=[TOOL], llm=llm))


async def agent_workflow(llm: LLM) -> Any:
    return await asked(AgentWorkflow.from_tools_or_functions([TOOL], llm=llm))


async def structured_predict(llm: LLM) -> Any:
    return llm.structured_predict(Person, TEMPLATE, question="Who?"), await llm.astructured_predict(
        Person, TEMPLATE, question="Who is it?"
    )


async def structured_llm(llm: LLM) -> Any:
    answer = llm.as_structured_llm(Person).chat(MESSAGES)
    return answer.message, answer.raw


Flow = Callable[[Any], Awaitable[Any]]
OF_ALL: list[Flow] = [chat, achat, complete, acomplete, predict, chat_engine, query_engine]
OF_TOOLS: list[Flow] = [chat_with_tools, predict_and_call, function_agent]
OF_STRUCTURE: list[Flow] = [structured_predict, structured_llm]
STREAMS: list[Flow] = [stream_chat, astream_chat, stream_complete, stream, streaming_query_engine]
STREAMS_OF_TOOLS: list[Flow] = [stream_chat_with_tools, streaming_function_agent, agent_workflow]


async def compare(llm: Any, cache: SemanticCache, flow: Flow) -> None:
    cached = cached_llm(llm, cache)
    expected = await warned(flow, llm)
    results = [await warned(flow, cached), await warned(flow, cached)]

    assert [result for result, _ in results] == [expected[0]] * 2
    assert [made - expected[1] for _, made in results] == [set(), set()]


async def warned(flow: Flow, llm: Any) -> tuple[Any, set[tuple[type[Warning], str]]]:
    """Return what the flow gives, and the warnings it makes: LlamaIndex itself makes some."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ResourceWarning)  # of what the collector happens to find now
        result = await flow(llm)
    return result, {(each.category, str(each.message)) for each in caught}


@pytest.mark.parametrize("flow", [*OF_ALL, *STREAMS], ids=lambda flow: flow.__name__)
async def test_every_model_answers_as_it_does_uncached(any_llm: Any, cache: SemanticCache, flow: Flow) -> None:
    await compare(any_llm, cache, flow)


@pytest.mark.parametrize("flow", [*OF_TOOLS, *STREAMS_OF_TOOLS], ids=lambda flow: flow.__name__)
@pytest.mark.parametrize("any_llm", ["calling", "openai"], indirect=True)
async def test_tool_calling_models_answer_as_they_do_uncached(any_llm: Any, cache: SemanticCache, flow: Flow) -> None:
    await compare(any_llm, cache, flow)


@pytest.mark.parametrize("flow", OF_STRUCTURE, ids=lambda flow: flow.__name__)
async def test_structured_answers_are_those_of_the_uncached_model(
    openai: Any, cache: SemanticCache, flow: Flow
) -> None:
    await compare(openai, cache, flow)


EVERY = [*OF_ALL, *OF_TOOLS, *OF_STRUCTURE, *STREAMS, *STREAMS_OF_TOOLS]


@pytest.mark.parametrize("flow", EVERY, ids=lambda flow: flow.__name__)
async def test_the_second_time_nothing_is_asked(openai: Any, endpoint: Any, cache: SemanticCache, flow: Flow) -> None:
    llm = cached_llm(openai, cache)
    await flow(llm)
    first = len(endpoint.asked)
    await flow(llm)

    assert (first > 0, len(endpoint.asked) - first) == (True, 0)
