"""What ties a model to a cache, and what is known about the call being made."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from llama_index.core.llms import LLM
from llama_index.core.prompts import BasePromptTemplate, PromptType

from mneme import AsyncSemanticCache, Hit, SemanticCache
from mneme_llama_index._request import Context, Events, Mode, Request, with_similar_turns

_log = logging.getLogger("mneme.llama_index")

# Types of templates that answer from what was retrieved; one's own are "custom". A summary is of one piece of the text.
_ANSWERING = (PromptType.QUESTION_ANSWER, PromptType.CUSTOM)

# The model whose own method is running, and which of its methods that calls: all part of the same answer.
_answering: ContextVar[tuple[LLM, list[str]] | None] = ContextVar("mneme_llama_index_answering", default=None)


@dataclass(frozen=True, slots=True)
class Prediction:
    """An answer that is being made from a template."""

    question: str = ""
    """The template's `query_str`: what alone may be worded differently."""
    context: str = ""
    """The template's `context_str`, where an answer may be one to the question rather than to that text alone."""
    requests: list[Request] = field(default_factory=list)
    """The requests made so far, and those whose answers were served for them."""


_predicting: ContextVar[Prediction | None] = ContextVar("mneme_llama_index_predicting", default=None)


@dataclass(frozen=True, slots=True)
class Link:
    """Where and how a model's answers are kept. Copies of a model share it."""

    cache: SemanticCache
    async_cache: AsyncSemanticCache
    namespace: str
    vary: Mapping[str, Any] | None
    ttl: float | None
    mode: Mode
    max_question_chars: int
    context: Context = "exact"
    events: Events = "model"
    warned: set[str] = field(default_factory=set)

    def __deepcopy__(self, memo: object) -> Link:
        return self

    def place(self, request: Request) -> dict[str, Any]:
        """Return the arguments that say where the answer of `request` is kept."""
        return {"query": request.query, "namespace": self.namespace, "vary": request.vary}

    def here(self, request: Request) -> Request:
        """Return `request` as it is compared here and now; remember it where a template made it."""
        prediction = _predicting.get()
        if prediction is not None:
            made = self.mode != "exact" and asked_within(request, prediction, self.context)
            request = made or Request(request.query, request.vary, "exact")
        if len(request.query) > self.max_question_chars or "exact" in (self.mode, request.mode):
            # To the letter: in documents and code, case and white space carry meaning.
            request = Request(request.query, {**request.vary, "verbatim": request.query}, "exact")
        elif self.context == "similar" and "around" not in request.vary and "turns" in request.vary:
            request = with_similar_turns(request)
        if prediction is not None:
            prediction.requests.append(request)
        return request

    def served(self, request: Request, hit: Hit) -> None:
        """Remember whose answer was served for a request that a template made."""
        prediction = _predicting.get()
        if prediction is not None and hit.query != request.query:
            prediction.requests.append(Request(hit.query, request.vary, request.mode))

    def warn(self, what: str, error: Exception) -> None:
        """Log that the cache was left out, once for each reason; no prompt is told."""
        warn_once(self.warned, what, error)


def warn_once(warned: set[str], what: str, error: Exception) -> None:
    """Log what went wrong unless it is in `warned`, where it is noted."""
    said = f"{what}: {type(error).__name__}: {error}"
    if said not in warned and len(warned) < 100:
        warned.add(said)
        _log.warning("%s", said)


def is_answering(llm: LLM, method: str) -> bool:
    """Whether a method of `llm` itself is what calls `method` now; it is remembered then that it did."""
    now = _answering.get()
    if now is None or now[0] is not llm:
        return False
    now[1].append(method)
    return True


@contextmanager
def answering(llm: LLM, via: list[str]) -> Iterator[None]:
    """Hold while a method of `llm` makes an answer; `via` gets its other methods that are called meanwhile."""
    token = _answering.set((llm, via))
    try:
        yield
    finally:
        _answering.reset(token)


@contextmanager
def predicting(
    prompt: BasePromptTemplate | None = None, variables: Mapping[str, Any] | None = None
) -> Iterator[list[Request]]:
    """Hold while an answer is made from a template; gives the requests made meanwhile.

    variables: what the template is filled with, besides what it was given ahead.
    """
    known = {} if prompt is None else {**prompt.kwargs, **(variables or {})}
    texts = {name: value for name, value in known.items() if isinstance(value, str)}
    answers = prompt is not None and prompt.metadata.get("prompt_type") in _ANSWERING
    prediction = Prediction(texts.get("query_str", ""), texts.get("context_str", "") if answers else "")
    token = _predicting.set(prediction)
    try:
        yield prediction.requests
    finally:
        _predicting.reset(token)


def asked_within(request: Request, prediction: Prediction, context: Context) -> Request | None:
    """Return the request for the question in a filled template: all around it must be equal, or all but the context.

    None where the question does not stand there just once.
    """
    text, question = request.query, prediction.question
    if context == "ignore" and prediction.context:
        text = text.replace(prediction.context, "(context)", 1)
    is_users = request.mode == "semantic" or request.vary.get("call") in ("complete", "stream_complete")
    if not (is_users and question.strip() and text.count(question) == 1):
        return None
    before, _, after = text.partition(question)
    return Request(question, {**request.vary, "around": [before, after]}, "semantic")
