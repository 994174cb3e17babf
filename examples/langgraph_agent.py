"""A LangGraph agent whose model calls are cached: what it decides and which tools it calls is replayed."""

from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolCall, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool

from mneme import SemanticCache
from mneme_langchain import MnemeCacheMiddleware

asked = looked_up = 0


class Model(BaseChatModel):
    """A stand-in that calls a tool, then answers. In its place: ChatOpenAI(...)."""

    @property
    def _llm_type(self) -> str:
        return "stand-in"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.bind(tools=[each.name for each in tools])

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        global asked
        asked += 1
        last = messages[-1]
        if isinstance(last, ToolMessage):
            message = AIMessage(f"There are {last.text} tents.")
        else:
            message = AIMessage("", tool_calls=[ToolCall(name="stock", args={"item": "tent"}, id="1")])
        return ChatResult(generations=[ChatGeneration(message=message)])


@tool
def stock(item: str) -> int:
    """How many of an item are in stock."""
    global looked_up
    looked_up += 1
    return 7


def main() -> None:
    with SemanticCache.open("memory:") as cache:
        agent = create_agent(Model(), [stock], middleware=[MnemeCacheMiddleware(cache)])

        def ask(question: str) -> str:
            return agent.invoke({"messages": [("user", question)]})["messages"][-1].text

        assert ask("How many tents are there?") == "There are 7 tents."
        assert ask("How many tents are there?") == "There are 7 tents."
        # The model was not asked again. The tool was: its answer is of today, and part of what the model is asked.
        assert (asked, looked_up) == (2, 2)
        print(f"2 questions to an agent, {asked} calls to the model, {looked_up} to the tool")


main()
