"""Reads what LangChain's own caches hold, as the entries that `MnemeCache` looks up."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Final

from langchain_core.load import loads
from langchain_core.outputs import Generation

from mneme_langchain._admission import calls_tools, is_complete
from mneme_langchain._codec import GENERATIONS, MESSAGES
from mneme_langchain._entry import Entry, entry_of
from mneme_langchain._messages import NotKeyedError
from mneme_langchain._request import MAX_QUESTION_CHARS, RequestBuilder

# All that a text read from a file may make; LangChain refuses to build anything else.
_ALLOWED: Final[list[Any]] = [*GENERATIONS.values(), *MESSAGES.values()]
# What a MnemeCache without further options uses: one with others asks under other keys.
_BUILDER: Final = RequestBuilder(None, MAX_QUESTION_CHARS)


class NotImportedError(Exception):
    """A stored call that becomes no entry: `reason` is one of a few, `detail` says more."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


def entry_of_texts(prompt: str, llm_string: str, answers: Sequence[str]) -> Entry:
    """Return the entry under which `MnemeCache(cache).lookup(prompt, llm_string)` finds `answers`.

    answers: generations as LangChain's `dumps` writes them, in order.
    Raises NotImportedError for several answers (a cache that was written to twice mixes those of two calls), for
    one that asks for tools, is not whole or cannot be read, and for a request that its strings do not identify.
    """
    if len(answers) > 1:
        raise NotImportedError("more than one answer", f"{len(answers)} answers")
    generations = [_read(answer) for answer in answers]
    if calls_tools(generations):
        raise NotImportedError("answer that calls tools")
    if not is_complete(generations):
        raise NotImportedError("answer that is empty, cut short or refused")
    try:
        entry = entry_of(generations, lambda: _BUILDER.build(prompt, llm_string, {}))
    except NotKeyedError as error:
        raise NotImportedError("request that is not identified", str(error)) from error
    if entry is None:
        raise NotImportedError("answer that would not read back as it is")
    return entry


def _read(answer: str) -> Generation:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that LangChain's function is in beta
            generation = loads(answer, allowed_objects=_ALLOWED)
    except (ValueError, TypeError, KeyError, NotImplementedError, RecursionError) as error:
        # The error's text may quote the answer.
        raise NotImportedError("answer that cannot be read", type(error).__name__) from error
    if not isinstance(generation, Generation):
        raise NotImportedError("answer that cannot be read", "it is no generation")
    return generation
