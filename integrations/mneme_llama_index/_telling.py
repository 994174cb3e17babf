"""Tells LlamaIndex of an answer that no call was made for, in the words it uses for one that was.

The events and callbacks are those of LlamaIndex's own decorators, and of every method that the answer came through
when it was made. They are told for a stand-in of the model that has no rate limiter: a hit uses up no request.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from inspect import BoundArguments, signature
from typing import Any, TypeAlias, TypeVar, cast
from uuid import uuid4

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse
from llama_index.core.instrumentation.span import active_span_id
from llama_index.core.llms import LLM
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.dispatcher import active_instrument_tags

Answer: TypeAlias = ChatResponse | CompletionResponse
Prompt: TypeAlias = Sequence[ChatMessage] | str
R = TypeVar("R", ChatResponse, CompletionResponse)

_dispatcher = get_dispatcher(__name__)


class _StandIn:
    """What LlamaIndex's decorators ask of a model."""

    rate_limiter = None

    def __init__(self, llm: LLM) -> None:
        self.callback_manager = llm.callback_manager
        self.to_payload = llm.to_payload

    @llm_chat_callback()
    def chat(self, _messages: Sequence[ChatMessage], **_: Any) -> Any:
        return self.made()

    @llm_completion_callback()
    def complete(self, _prompt: str, **_: Any) -> Any:
        return self.made()

    made: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a method of a model, and the further methods of it that the answer came through."""

    llm: LLM
    own: Any
    """The model without the cache: `super()` of its cached class."""
    method: str
    prompt: Prompt
    arguments: dict[str, Any]
    via: Sequence[str] = ()

    @property
    def chats(self) -> bool:
        """Whether the method takes messages."""
        return "chat" in self.method

    def inner(self) -> Call:
        """Return the call that this one makes."""
        # With the arguments that `CustomLLM`, whose methods call each other, passes on.
        method, *via = self.via
        call = replace(self, method=method, via=via)
        if self.chats and call.chats:
            return call
        if call.chats:
            arguments = {name: value for name, value in self.arguments.items() if name != "formatted"}
            return replace(call, prompt=[ChatMessage(content=cast(str, self.prompt))], arguments=arguments)
        if self.chats:
            render = cast("Callable[[Prompt], str]", self.llm.messages_to_prompt)
            rendered = render(self.prompt)
            return replace(call, prompt=rendered, arguments={"formatted": True, **self.arguments})
        return replace(call, arguments={"formatted": False, **self.arguments})


def tell_answer(call: Call, answer: Answer) -> None:
    """Tell of a whole answer."""

    def made() -> Answer:
        if call.via:
            inner = call.inner()
            tell_answer(inner, answer if inner.chats == call.chats else _other(answer))
        return answer

    _in_span(call, made)


def tell_stream(call: Call, chunks: Iterator[R]) -> Generator[R]:
    """Return the chunks; each is told of when it is read."""
    return cast("Generator[R]", _in_span(call, lambda: _through(call, chunks)))


async def atell_stream(call: Call, chunks: AsyncIterator[R]) -> AsyncGenerator[R]:
    """Yield the chunks; each is told of when it is read."""
    arrived: deque[R | None] = deque()
    told = tell_stream(call, _arrived(arrived))
    try:
        async for chunk in chunks:
            arrived.append(chunk)
            yield next(told)
        arrived.append(None)
        next(told, None)
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()


def _arrived(chunks: deque[R | None]) -> Iterator[R]:
    while (chunk := chunks.popleft()) is not None:
        yield chunk


def _through(call: Call, chunks: Iterator[R]) -> Generator[R]:
    """Return the chunks, told of by the inner call first, where there is one."""
    if not call.via:
        return _generated(chunks)
    inner, waiting = call.inner(), deque[R]()

    def passed() -> Iterator[Any]:
        for chunk in chunks:
            waiting.append(chunk)
            yield chunk if inner.chats == call.chats else _other(chunk)

    def lazily() -> Generator[R]:
        for _ in tell_stream(inner, passed()):
            yield waiting.popleft()

    if call.method.startswith("a"):  # it makes its inner call when it is first read
        return lazily()
    told: Generator[Any] = tell_stream(inner, passed())
    return _generated(waiting.popleft() for _ in told)


def _generated(chunks: Iterator[R]) -> Generator[R]:
    yield from chunks


def _in_span(call: Call, made: Callable[[], Any]) -> Any:
    """Tell of what `made` gives, in a span like the one that LlamaIndex puts around the method."""
    stand_in = _StandIn(call.llm)
    stand_in.made = made
    tell: Callable[..., Any] = stand_in.chat if call.chats else stand_in.complete
    name = f"{type(call.llm).__name__}.{call.method}-{uuid4()}"
    parent = active_span_id.get()
    token = active_span_id.set(name)
    span: dict[str, Any] = {"id_": name, "bound_args": _bound(call), "instance": call.llm}
    _dispatcher.span_enter(**span, parent_id=parent, tags=active_instrument_tags.get())
    try:
        result = tell(call.prompt, **call.arguments)
    except BaseException as error:
        _dispatcher.span_drop(**span, err=error)
        raise
    finally:
        active_span_id.reset(token)
    _dispatcher.span_exit(**span, result=result)
    return result


def _bound(call: Call) -> BoundArguments:
    return signature(getattr(call.own, call.method)).bind(call.prompt, **call.arguments)


def _other(answer: Answer) -> Answer:
    """Return the completion of a chat's answer, or the chat's answer of a completion."""
    if isinstance(answer, ChatResponse):
        known = {**answer.message.additional_kwargs, **answer.additional_kwargs}
        text = answer.message.content or ""
        return CompletionResponse(text=text, delta=answer.delta, raw=answer.raw, additional_kwargs=known)
    message = ChatMessage(role="assistant", content=answer.text, additional_kwargs=answer.additional_kwargs)
    return ChatResponse(message=message, delta=answer.delta, raw=answer.raw)
