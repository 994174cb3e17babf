"""What ties a wrapped model to a cache: requests, errors, and the four ways a model is called."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import TypeAdapter

from mneme import AsyncSemanticCache, Explanation, InvalidArgumentError, MnemeError, Outcome, SemanticCache
from mneme.runtime.served import note_served
from mneme_langchain._answers import Answers, Chunks, admits, admits_stream
from mneme_langchain._codec import Usage
from mneme_langchain._messages import NotKeyedError
from mneme_langchain._request import Request, RequestBuilder
from mneme_langchain._scope import scope_of_run
from mneme_langchain._settings import settings_digest
from mneme_langchain._strings import Call, dumped
from mneme_langchain._usage import usage_of, usage_of_stream

_log = logging.getLogger("mneme.langchain")

T = TypeVar("T")
# Whether the model itself is at work: a `_generate` that streams must not ask the cache again.
_within: ContextVar[bool] = ContextVar("mneme_langchain_within", default=False)


class Link:
    """Looks up the calls of one wrapped model. A failure of the cache is a WARNING and a call of the model."""

    def __init__(
        self,
        cache: SemanticCache | AsyncSemanticCache,
        builder: RequestBuilder,
        *,
        namespace: str,
        scope_names: Sequence[str],
        ttl: float | None,
        usage: Usage,
        kind: type[BaseChatModel],
    ) -> None:
        self._sync, self._async = cache.as_sync(), cache.as_async()
        self._builder = builder
        self._namespace = namespace
        self._scope_names = tuple(scope_names)
        self._ttl = ttl
        self._kind = kind
        self._answers, self._chunks = Answers(usage), Chunks(usage)
        self._warned: set[str] = set()

    def generate(self, model: BaseChatModel, call: Call, ask: Callable[[], ChatResult]) -> ChatResult:
        """Return a stored answer, or that of `ask`, asked once for all who wait."""
        request, ran = self._request(model, call), False

        def compute() -> ChatResult:
            nonlocal ran
            ran = True
            token = _within.set(True)
            try:
                return ask()
            finally:
                _within.reset(token)

        if request is None:
            return compute()
        try:
            outcome = self._sync.get_or_compute(
                compute=compute, codec=self._answers, cache_if=admits, usage=usage_of, **self._place(request)
            )
        except MnemeError as error:
            if ran:
                raise
            self._warn("the cache failed", error)
            return compute()
        return self._own(model, request, outcome, ran)

    async def agenerate(self, model: BaseChatModel, call: Call, ask: Callable[[], Awaitable[ChatResult]]) -> ChatResult:
        """Return what `generate` returns."""
        request, ran = self._request(model, call), False

        async def compute() -> ChatResult:
            nonlocal ran
            ran = True
            token = _within.set(True)
            try:
                return await ask()
            finally:
                _within.reset(token)

        if request is None:
            return await compute()
        try:
            outcome = await self._async.get_or_compute(
                compute=compute, codec=self._answers, cache_if=admits, usage=usage_of, **self._place(request)
            )
        except MnemeError as error:
            if ran:
                raise
            self._warn("the cache failed", error)
            return await compute()
        return self._own(model, request, outcome, ran)

    def stream(
        self, model: BaseChatModel, call: Call, ask: Callable[[], Iterator[ChatGenerationChunk]]
    ) -> Iterator[ChatGenerationChunk]:
        """Return the chunks of a stored answer, or those of `ask`, asked once for all who read them meanwhile."""
        request = self._request(model, call)
        if request is None:
            return ask()
        try:
            outcome = self._sync.get_or_stream(
                produce=ask, codec=self._chunks, cache_if=admits_stream, usage=usage_of_stream, **self._place(request)
            )
        except MnemeError as error:
            self._warn("the cache failed", error)
            return ask()
        note_served(outcome.hit)
        return outcome.value

    async def astream(
        self, model: BaseChatModel, call: Call, ask: Callable[[], AsyncIterator[ChatGenerationChunk]]
    ) -> AsyncIterator[ChatGenerationChunk]:
        """Return what `stream` returns."""
        request = self._request(model, call)
        if request is None:
            return ask()
        try:
            outcome = await self._async.get_or_stream(
                produce=ask, codec=self._chunks, cache_if=admits_stream, usage=usage_of_stream, **self._place(request)
            )
        except MnemeError as error:
            self._warn("the cache failed", error)
            return ask()
        note_served(outcome.hit)
        return outcome.value

    def explain(self, model: BaseChatModel, call: Call) -> Explanation:
        """Return why a call hits or misses; raises InvalidArgumentError for one that is not cached."""
        return self._sync.explain(**self._where(self._asked(model, call)))

    async def aexplain(self, model: BaseChatModel, call: Call) -> Explanation:
        """Return what `explain` returns."""
        return await self._async.explain(**self._where(self._asked(model, call)))

    def report_wrong(self, model: BaseChatModel, call: Call) -> int:
        """Take back the answer that a call gets from the cache; 0 where it gets none."""
        request = self._asked(model, call)
        hit = self._sync.get(**self._where(request), mode=request.mode)
        return 0 if hit is None else self._sync.report_wrong(hit)

    async def areport_wrong(self, model: BaseChatModel, call: Call) -> int:
        """Do what `report_wrong` does."""
        request = self._asked(model, call)
        hit = await self._async.get(**self._where(request), mode=request.mode)
        return 0 if hit is None else await self._async.report_wrong(hit)

    def _asked(self, model: BaseChatModel, call: Call) -> Request:
        try:
            return self._keyed(model, call)
        except NotKeyedError as reason:
            raise InvalidArgumentError(f"this request is not cached: {reason}.") from reason

    def _where(self, request: Request) -> dict[str, Any]:
        vary = {**request.vary, "client": "langchain-model/1"}
        return {"query": request.query, "namespace": self._namespace, "vary": vary}

    def _place(self, request: Request) -> dict[str, Any]:
        return {**self._where(request), "mode": request.mode, "ttl": self._ttl}

    def _request(self, model: BaseChatModel, call: Call) -> Request | None:
        """Return the request, or None where the call is to be made without the cache."""
        if _within.get():
            return None
        try:
            return self._keyed(model, call)
        except NotKeyedError as reason:
            self._warn("not cached", reason)
        except Exception as error:  # its text may quote the prompt
            self._warn("not cached", type(error).__name__)
        return None

    def _keyed(self, model: BaseChatModel, call: Call) -> Request:
        """Return the request. Raises NotKeyedError, and whatever reading a model's settings does."""
        llm_string = model._get_llm_string(stop=call.stop, **_described(call.options))
        request = self._builder.build(dumped(call.messages), llm_string, scope_of_run(self._scope_names))
        return replace(request, vary={**request.vary, "settings": settings_digest(model, self._kind)})

    def _own(self, model: BaseChatModel, request: Request, outcome: Outcome[ChatResult], ran: bool) -> ChatResult:
        """Return the caller's own answer: callers that shared one may change theirs."""
        note_served(outcome.hit)
        if not ran:
            return outcome.value if outcome.hit is not None else outcome.value.model_copy(deep=True)
        try:
            moved = request.vary["settings"] != settings_digest(model, self._kind)
        except Exception:  # the answer is there; what became of the model is its own affair
            moved = False
        if moved:
            self._warn("a field of the model changed while it answered", "answers from before are not found again")
        return outcome.value

    def _warn(self, what: str, why: object) -> None:
        if f"{what}: {why}" not in self._warned:
            self._warned.add(f"{what}: {why}")
            _log.warning("%s: %s; the model is asked", what, why)


def _described(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with classes as their JSON schemas: a class's name does not tell two schemas apart."""
    return {name: _schema(value) if isinstance(value, type) else value for name, value in options.items()}


def _schema(kind: type) -> Any:
    try:
        return TypeAdapter(kind).json_schema()
    except Exception as error:  # pydantic raises several kinds for a class it cannot describe
        raise NotKeyedError("the response schema is a class that has no JSON schema") from error
