"""A chat model that asks a cache beneath LangChain's core: a subclass of the model's own class."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from mneme import AsyncSemanticCache, SemanticCache
from mneme_langchain._codec import Usage
from mneme_langchain._link import Link
from mneme_langchain._request import MAX_QUESTION_CHARS, Context, QueryExtractor, RequestBuilder
from mneme_langchain._strings import Call

# Where a wrapped model's class keeps its link.
LINK = "__mneme_link__"
M = TypeVar("M", bound=BaseChatModel)


def cached_model(
    model: M,
    cache: SemanticCache | AsyncSemanticCache,
    *,
    namespace: str = "default",
    scope_from_config: Sequence[str] = (),
    query_extractor: QueryExtractor | None = None,
    ttl: float | None = None,
    usage: Usage = "keep",
    max_question_chars: int = MAX_QUESTION_CHARS,
    context: Context = "exact",
) -> M:
    """Return a copy of the model that answers from the cache, streams included; the model itself stays as it is.

    The copy is of a subclass of the model's class: `isinstance`, `bind_tools`, `with_structured_output`, `model_copy`
    and every way to call it work as before. Streams are replayed chunk for chunk; equal calls at once are one.
    The options are those of `MnemeCache`, and ttl in seconds. LangChain's own cache is not asked.
    All fields and private attributes of the model count, secrets by a digest and objects by their attributes; clients,
    callbacks, names, tags, timeouts and what the model itself changes while it answers do not. A model that holds what
    no key can hold, such as an iterator, is asked without the cache, with a WARNING.
    Wrap a model once, not for each request. Pickled, it is the model without the cache, which belongs to its process.
    Raises TypeError for what is no chat model or no cache.
    """
    if not isinstance(model, BaseChatModel):
        raise TypeError(f"cached_model wraps chat models, got {type(model).__name__}; for others use MnemeCache.")
    if not isinstance(cache, SemanticCache | AsyncSemanticCache):
        raise TypeError(f"cached_model needs a SemanticCache or an AsyncSemanticCache, got {cache!r}.")
    names = (scope_from_config,) if isinstance(scope_from_config, str) else scope_from_config
    builder = RequestBuilder(query_extractor, max_question_chars, context)
    link = Link(cache, builder, namespace=namespace, scope_names=names, ttl=ttl, usage=usage, kind=type(model))
    copy = model.model_copy(update={"cache": False})
    object.__setattr__(copy, "__class__", _subclass(type(model), link, model.cache))
    return _fresh(copy)


def _subclass(base: type[M], link: Link, cache: Any) -> type[M]:
    """Return a subclass of a model's class, under its name, whose calls go through `link`."""

    def _generate(
        self: M,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        ask = base._generate
        managed = {"run_manager": run_manager} if run_manager is not None else {}
        return link.generate(self, Call(messages, stop, kwargs), lambda: ask(self, messages, stop, **managed, **kwargs))

    async def _agenerate(
        self: M,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        ask = base._agenerate
        managed = {"run_manager": run_manager} if run_manager is not None else {}
        call = Call(messages, stop, kwargs)
        return await link.agenerate(self, call, lambda: ask(self, messages, stop, **managed, **kwargs))

    def _stream(
        self: M,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        # Each reader tells its own run of the chunks: the upstream belongs to all.
        ask = base._stream
        for chunk in link.stream(self, Call(messages, stop, kwargs), lambda: ask(self, messages, stop, **kwargs)):
            if run_manager is not None:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    async def _astream(
        self: M,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        ask = base._astream
        call = Call(messages, stop, kwargs)
        async for chunk in await link.astream(self, call, lambda: ask(self, messages, stop, **kwargs)):
            if run_manager is not None:
                await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    def __setattr__(self: M, name: str, value: Any) -> None:  # noqa: N807  # it is a method of the class made below
        base.__setattr__(self, name, value)
        _fresh(self)

    def model_copy(self: M, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> M:
        return _fresh(base.model_copy(self, update=update, deep=deep))

    def __reduce_ex__(self: M, _: Any) -> Any:  # noqa: N807
        plain = base.model_copy(self, update={"cache": cache})
        object.__setattr__(plain, "__class__", base)
        return _unpickled, (plain,)

    members: dict[str, Callable[..., Any]] = {
        "_generate": _generate,
        "_agenerate": _agenerate,
        "__setattr__": __setattr__,
        "model_copy": model_copy,
        "__reduce_ex__": __reduce_ex__,
    }
    # A method that the model has not must not seem to be there: LangChain asks by comparing it with its own.
    if base._stream is not BaseChatModel._stream:
        members["_stream"] = _stream
    if base._astream is not BaseChatModel._astream:
        members["_astream"] = _astream
    about = {"__module__": base.__module__, "__qualname__": base.__qualname__, "__doc__": base.__doc__}
    metaclass: Any = type(base)
    made = cast("type[M]", metaclass(base.__name__, (base,), {**about, **members}))
    setattr(made, LINK, link)
    for native in ("_stream_chat_model_events", "_astream_chat_model_events"):
        if getattr(base, native, None) is not None and "_stream" in members:
            setattr(made, native, None)  # LangChain then makes the events from the chunks, which are cached
    return made


def _unpickled(model: M) -> M:
    """Return the model; by its name a pickle finds this function and, in its argument, the plain model."""
    return model


def _fresh(model: M) -> M:
    """Drop what LangChain remembers of the model's parameters, which may have changed; return the model."""
    vars(model).pop("_serialized", None)
    return model
