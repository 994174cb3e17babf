"""The methods of a cached model: they ask the cache first."""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
)
from llama_index.core.llms import LLM
from llama_index.core.prompts import BasePromptTemplate, PromptTemplate
from llama_index.core.types import TokenAsyncGen, TokenGen
from pydantic import BaseModel

from mneme_llama_index._codecs import ResponseCodec, StreamCodec
from mneme_llama_index._link import Link, is_answering, predicting
from mneme_llama_index._model_key import model_key
from mneme_llama_index._request import Request, chat_request, completion_request
from mneme_llama_index._serve import aforgetting, aserve, forgetting, serve
from mneme_llama_index._streams import aheld, aserve_stream, held, serve_stream

M = TypeVar("M", bound=BaseModel)

LINK = "_mneme_link"
_CHAT = ResponseCodec(ChatResponse)
_COMPLETION = ResponseCodec(CompletionResponse)
_CHAT_STREAM = StreamCodec(ChatResponse)
_COMPLETION_STREAM = StreamCodec(CompletionResponse)
_log = logging.getLogger("mneme.llama_index")

if TYPE_CHECKING:
    _Base = LLM
else:
    _Base = object  # no model itself: pydantic would take its names for fields


# The model's class comes after this one, so what mypy takes for abstract is its method: hence safe-super.
class Caching(_Base):
    """Comes before the model's own class in the order of methods, and calls it on a miss."""

    __slots__ = ()

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Return a cached answer, or the model's."""
        call = functools.partial(super().chat, messages, **kwargs)  # type: ignore[safe-super]
        if (link := _link_of(self)) is None:
            return call()
        return serve(link, self, _CHAT, lambda: _chat(self, messages, kwargs), call)

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Return a cached answer, or the model's."""
        call = functools.partial(super().achat, messages, **kwargs)  # type: ignore[safe-super]
        if (link := _link_of(self)) is None:
            return await call()
        return await aserve(link, self, _CHAT, lambda: _chat(self, messages, kwargs), call)

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Return a cached answer, or the model's."""
        kwargs |= {"formatted": True} if formatted else {}
        call = functools.partial(super().complete, prompt, **kwargs)  # type: ignore[safe-super]
        if (link := _link_of(self)) is None:
            return call()
        return serve(link, self, _COMPLETION, lambda: _completion(self, prompt, kwargs), call)

    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Return a cached answer, or the model's."""
        kwargs |= {"formatted": True} if formatted else {}
        call = functools.partial(super().acomplete, prompt, **kwargs)  # type: ignore[safe-super]
        if (link := _link_of(self)) is None:
            return await call()
        return await aserve(link, self, _COMPLETION, lambda: _completion(self, prompt, kwargs), call)

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Return a cached stream, or the model's."""
        call = functools.partial(super().stream_chat, messages, **kwargs)  # type: ignore[safe-super]
        if (link := _link_of(self)) is None:
            return call()
        return serve_stream(link, self, _CHAT_STREAM, lambda: _chat(self, messages, kwargs, "stream_chat"), call)

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """Return a cached stream, or the model's."""
        call = functools.partial(super().astream_chat, messages, **kwargs)  # type: ignore[safe-super]
        if (link := _link_of(self)) is None:
            return await call()
        ask = functools.partial(_chat, self, messages, kwargs, "stream_chat")
        return await aserve_stream(link, self, _CHAT_STREAM, ask, call)

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """Return a cached stream, or the model's."""
        kwargs |= {"formatted": True} if formatted else {}
        call = functools.partial(super().stream_complete, prompt, **kwargs)  # type: ignore[safe-super]
        if (link := _link_of(self)) is None:
            return call()
        ask = functools.partial(_completion, self, prompt, kwargs, "stream_complete")
        return serve_stream(link, self, _COMPLETION_STREAM, ask, call)

    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseAsyncGen:
        """Return a cached stream, or the model's."""
        kwargs |= {"formatted": True} if formatted else {}
        call = functools.partial(super().astream_complete, prompt, **kwargs)  # type: ignore[safe-super]
        if (link := _link_of(self)) is None:
            return await call()
        ask = functools.partial(_completion, self, prompt, kwargs, "stream_complete")
        return await aserve_stream(link, self, _COMPLETION_STREAM, ask, call)

    # Of a prompt made from a template only `query_str` may be worded differently. What does not parse is not kept.

    def predict(self, prompt: BasePromptTemplate, **prompt_args: Any) -> str:
        """Predict as the model does."""
        with predicting(prompt, prompt_args) as requests, forgetting(_link_of(self), requests):
            return super().predict(prompt, **prompt_args)

    async def apredict(self, prompt: BasePromptTemplate, **prompt_args: Any) -> str:
        """Predict as the model does."""
        with predicting(prompt, prompt_args) as requests:
            async with aforgetting(_link_of(self), requests):
                return await super().apredict(prompt, **prompt_args)

    def stream(self, prompt: BasePromptTemplate, **prompt_args: Any) -> TokenGen:
        """Predict as the model does, in a stream."""
        hold = functools.partial(predicting, prompt, prompt_args)
        with hold():
            return held(super().stream(prompt, **prompt_args), hold)

    async def astream(self, prompt: BasePromptTemplate, **prompt_args: Any) -> TokenAsyncGen:
        """Predict as the model does, in a stream."""
        hold = functools.partial(predicting, prompt, prompt_args)
        with hold():
            return aheld(await super().astream(prompt, **prompt_args), hold)

    def stream_structured_predict(self, *arguments: Any, **prompt_args: Any) -> Any:
        """Predict as the model does, in a stream."""
        with predicting():
            return held(super().stream_structured_predict(*arguments, **prompt_args), predicting)

    async def astream_structured_predict(self, *arguments: Any, **prompt_args: Any) -> Any:
        """Predict as the model does, in a stream."""
        with predicting():
            return aheld(await super().astream_structured_predict(*arguments, **prompt_args), predicting)

    def structured_predict(
        self,
        output_cls: type[M],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> M:
        """Predict as the model does."""
        with predicting(prompt, prompt_args) as requests, forgetting(_link_of(self), requests):
            made: M = super().structured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return made

    async def astructured_predict(
        self,
        output_cls: type[M],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> M:
        """Predict as the model does."""
        with predicting(prompt, prompt_args) as requests:
            async with aforgetting(_link_of(self), requests):
                made: M = await super().astructured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
                return made

    def __reduce__(self) -> Any:
        """Pickle as the model alone: a cache is open in one process."""
        _log.info("a cached %s is pickled without its cache", type(self).__name__)
        plain = self.model_copy()
        object.__setattr__(plain, "__class__", plain_class(type(self)))
        vars(plain).pop(LINK, None)
        return object.__new__, (type(plain),), plain.__getstate__()


def plain_class(kind: type[LLM]) -> type[LLM]:
    """Return the model's own class, for the one made of it."""
    return kind.__bases__[1] if issubclass(kind, Caching) else kind


def _link_of(llm: LLM) -> Link | None:
    """Return the link to ask, or None where the call is part of an answer that is being made."""
    link = getattr(llm, LINK, None)
    return None if link is None or is_answering(llm) else link


def _chat(llm: LLM, messages: Sequence[ChatMessage], arguments: dict[str, Any], call: str = "chat") -> Request:
    return chat_request(messages, arguments, _common(llm), call)


def _completion(llm: LLM, prompt: str, arguments: dict[str, Any], call: str = "complete") -> Request:
    return completion_request(prompt, arguments, _common(llm), call)


def _common(llm: LLM) -> dict[str, Any]:
    link: Link = getattr(llm, LINK)
    return {
        "client": "llama_index",
        "llm": model_key(llm, plain_class(type(llm))),
        "vary": dict(link.vary or {}),
    }
