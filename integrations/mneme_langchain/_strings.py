"""LangChain's two strings for a request, where one has the messages and the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.load import dumps
from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableBinding

Prompt: TypeAlias = str | Sequence[BaseMessage]
Model: TypeAlias = str | Runnable[LanguageModelInput, Any]


def strings_of(prompt: Prompt, llm: Model) -> tuple[str, str]:
    """Return what LangChain gives a cache for a prompt and a model; strings are returned as they are.

    Raises TypeError for what is no chat model.
    """
    if isinstance(llm, str):
        return (prompt if isinstance(prompt, str) else _dumped(prompt)), llm
    options: dict[str, Any] = {}
    model: Any = llm
    while isinstance(model, RunnableBinding):
        options = {**model.kwargs, **options}
        model = model.bound
    if not isinstance(model, BaseChatModel):
        raise TypeError(f"llm is of type {type(model).__name__}; give a chat model, or LangChain's own llm_string.")
    return _dumped(model._convert_input(prompt).to_messages()), model._get_llm_string(**options)


def _dumped(messages: Sequence[BaseMessage]) -> str:
    return dumps([each.model_copy(update={"id": None}) for each in messages])
