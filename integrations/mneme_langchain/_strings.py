"""A request as LangChain makes it, where one has the messages and the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models._utils import _normalize_messages
from langchain_core.load import dumps
from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableBinding, RunnableSequence

Prompt: TypeAlias = str | Sequence[BaseMessage]
Model: TypeAlias = str | Runnable[LanguageModelInput, Any]

# What LangChain takes out of a call's options before the model sees them.
_TRACED = ("ls_structured_output_format", "structured_output_format")


class Call(NamedTuple):
    """The arguments of one call of a model."""

    messages: list[BaseMessage]
    stop: list[str] | None
    options: dict[str, Any]


def unbound(llm: Any) -> tuple[BaseChatModel, dict[str, Any]]:
    """Return the chat model beneath what was bound to it, and what that is; raises TypeError for what is none.

    Of a chain it is the first link, as in `model.with_structured_output(...)`.
    """
    options: dict[str, Any] = {}
    while isinstance(llm, RunnableBinding | RunnableSequence):
        if isinstance(llm, RunnableSequence):
            llm = llm.first
        else:
            options = {**llm.kwargs, **options}
            llm = llm.bound
    if not isinstance(llm, BaseChatModel):
        raise TypeError(f"llm is of type {type(llm).__name__}; give a chat model, or LangChain's own llm_string.")
    return llm, options


def call_of(prompt: Prompt, llm: Any) -> tuple[BaseChatModel, Call]:
    """Return the model and its call when `llm`, bound or not, is asked `prompt`. Raises TypeError as `unbound` does."""
    model, options = unbound(llm)
    options = {name: value for name, value in options.items() if name not in _TRACED}
    messages = _normalize_messages(model._convert_input(prompt).to_messages())
    return model, Call(messages, options.pop("stop", None), options)


def strings_of(prompt: Prompt, llm: Model) -> tuple[str, str]:
    """Return what LangChain gives a cache for a prompt and a model; strings are returned as they are.

    Raises TypeError for what is no chat model.
    """
    if isinstance(llm, str):
        return (prompt if isinstance(prompt, str) else dumped(prompt)), llm
    model, call = call_of(prompt, llm)
    return dumped(call.messages), model._get_llm_string(stop=call.stop, **call.options)


def dumped(messages: Sequence[BaseMessage]) -> str:
    """Return messages as LangChain shows them to a cache: without ids, which differ between equal requests."""
    return dumps([each.model_copy(update={"id": None}) for each in messages])
