"""The methods of a cached model: they ask the cache first."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
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
from mneme_llama_index._serve import Asking, aforgetting, aserve, forgetting, serve
from mneme_llama_index._streams import aheld, aserve_stream, held, serve_stream
from mneme_llama_index._telling import Call, Prompt
from mneme_llama_index._twin import LINK, Twin, plain_class

M = TypeVar("M", bound=BaseModel)

if TYPE_CHECKING:

    class _Base(Twin, LLM):
        """What a cached model is."""
else:
    _Base = Twin


# The model's class comes after this one, so what mypy takes for abstract is its method: hence safe-super.
class Caching(_Base):
    """Comes before the model's own class in the order of methods, and calls it on a miss."""

    __slots__ = ()

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Return a cached answer, or the model's."""
        ask = functools.partial(super().chat, messages, **kwargs)  # type: ignore[safe-super]
        asking = _asking(self, "chat", messages, kwargs)
        return ask() if asking is None else serve(asking, ResponseCodec(ChatResponse), ask)

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Return a cached answer, or the model's."""
        ask = functools.partial(super().achat, messages, **kwargs)  # type: ignore[safe-super]
        asking = _asking(self, "achat", messages, kwargs)
        return await ask() if asking is None else await aserve(asking, ResponseCodec(ChatResponse), ask)

    def complete(self, prompt: str, *args: Any, **kwargs: Any) -> CompletionResponse:
        """Return a cached answer, or the model's."""
        ask = functools.partial(super().complete, prompt, *args, **kwargs)  # type: ignore[safe-super]
        asking = _asking(self, "complete", prompt, _named(args, kwargs))
        return ask() if asking is None else serve(asking, ResponseCodec(CompletionResponse), ask)

    async def acomplete(self, prompt: str, *args: Any, **kwargs: Any) -> CompletionResponse:
        """Return a cached answer, or the model's."""
        ask = functools.partial(super().acomplete, prompt, *args, **kwargs)  # type: ignore[safe-super]
        asking = _asking(self, "acomplete", prompt, _named(args, kwargs))
        return await ask() if asking is None else await aserve(asking, ResponseCodec(CompletionResponse), ask)

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Return a cached stream, or the model's."""
        ask = functools.partial(super().stream_chat, messages, **kwargs)  # type: ignore[safe-super]
        asking = _asking(self, "stream_chat", messages, kwargs)
        return ask() if asking is None else serve_stream(asking, StreamCodec(ChatResponse), ask)

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """Return a cached stream, or the model's."""
        ask = functools.partial(super().astream_chat, messages, **kwargs)  # type: ignore[safe-super]
        asking = _asking(self, "astream_chat", messages, kwargs)
        return await ask() if asking is None else await aserve_stream(asking, StreamCodec(ChatResponse), ask)

    def stream_complete(self, prompt: str, *args: Any, **kwargs: Any) -> CompletionResponseGen:
        """Return a cached stream, or the model's."""
        ask = functools.partial(super().stream_complete, prompt, *args, **kwargs)  # type: ignore[safe-super]
        asking = _asking(self, "stream_complete", prompt, _named(args, kwargs))
        return ask() if asking is None else serve_stream(asking, StreamCodec(CompletionResponse), ask)

    async def astream_complete(self, prompt: str, *args: Any, **kwargs: Any) -> CompletionResponseAsyncGen:
        """Return a cached stream, or the model's."""
        ask = functools.partial(super().astream_complete, prompt, *args, **kwargs)  # type: ignore[safe-super]
        asking = _asking(self, "astream_complete", prompt, _named(args, kwargs))
        return await ask() if asking is None else await aserve_stream(asking, StreamCodec(CompletionResponse), ask)

    # Of a prompt made from a template only `query_str` may be worded differently. What does not parse is not kept.

    def predict(self, prompt: BasePromptTemplate, **prompt_args: Any) -> str:
        """Predict as the model does."""
        with predicting(prompt, prompt_args) as requests, forgetting(getattr(self, LINK, None), requests):
            return super().predict(prompt, **prompt_args)

    async def apredict(self, prompt: BasePromptTemplate, **prompt_args: Any) -> str:
        """Predict as the model does."""
        with predicting(prompt, prompt_args) as requests:
            async with aforgetting(getattr(self, LINK, None), requests):
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
        with predicting(prompt, prompt_args) as requests, forgetting(getattr(self, LINK, None), requests):
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
            async with aforgetting(getattr(self, LINK, None), requests):
                made: M = await super().astructured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
                return made


def _named(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a completion besides its prompt, by name."""
    return {**kwargs, "formatted": args[0]} if args else kwargs


def keyed(llm: Any, link: Link, method: str, prompt: Prompt, arguments: dict[str, Any]) -> Request:
    """Return what the cache is asked for a call. Raises NotKeyedError, OSError, and whatever reading settings does."""
    make: Callable[..., Request] = completion_request if isinstance(prompt, str) else chat_request
    kind = model_key(llm, plain_class(type(llm)))
    common = {"client": "llama_index", "llm": kind, "vary": dict(link.vary or {})}
    return link.here(make(prompt, arguments, common, method.removeprefix("a")))


def _asking(llm: Caching, method: str, prompt: Prompt, arguments: dict[str, Any]) -> Asking | None:
    """Return what to ask the cache, or None where the call is part of another answer or has no key."""
    link: Link | None = getattr(llm, LINK, None)
    if link is None or is_answering(llm, method):
        return None
    try:
        request = keyed(llm, link, method, prompt, arguments)
    except Exception as error:  # arguments, media and settings are the user's: reading them may fail anyhow
        link.warn("a call without a key was made without the cache", error)
        return None
    return Asking(link, Call(llm, super(Caching, llm), method, prompt, arguments), request)
