"""Anthropic's clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from mneme_decorator._clients import Cache, Kinds, cache_create

if TYPE_CHECKING:
    from anthropic import Anthropic, AsyncAnthropic

C = TypeVar("C", bound="Anthropic | AsyncAnthropic")


def wrap_anthropic(client: C, cache: Cache, **options: Any) -> C:
    """Return a copy of the client whose `messages.create` is cached, streams included; the client stays as it is.

    The last user message may be worded differently; model, parameters, system prompt, tools, earlier turns, the base
    URL, and the client's own headers and query must be equal. Clients that differ in their API key alone share answers.
    options: those of `cached`, such as ttl, namespace, mode or context.
    Not cached: `with_raw_response`, `with_streaming_response`, `messages.stream`, copies made by `with_options`, and
    requests that go on in a `container`.
    Raises TypeError for another object, ImportError without the `anthropic` package.
    """
    from anthropic import Anthropic, AsyncAnthropic, AsyncStream, Stream
    from anthropic.types import Message, RawMessageStreamEvent

    if not isinstance(client, Anthropic | AsyncAnthropic):
        raise TypeError(f"wrap_anthropic needs an Anthropic or AsyncAnthropic client, got {type(client).__name__}.")
    copy = cast("C", client.copy())
    is_async = isinstance(client, AsyncAnthropic)
    kinds = Kinds("messages", Message, RawMessageStreamEvent, AsyncStream if is_async else Stream)
    cache_create(copy.messages, kinds, cache, client=copy, path="v1/messages", is_async=is_async, **options)
    return copy
