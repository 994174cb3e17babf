"""OpenAI's clients, and those of every service that speaks its format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from mneme_decorator._clients import Cache, Kinds, cache_create

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

C = TypeVar("C", bound="OpenAI | AsyncOpenAI")


def wrap_openai(client: C, cache: Cache, **options: Any) -> C:
    """Return a copy of the client whose chat completions and responses are cached; the client itself stays as it is.

    Covers `chat.completions.create` and `responses.create`, streams included. The last user message may be worded
    differently; model, parameters, system prompt, tools, earlier turns, the base URL, and the client's own headers and
    query must be equal. Clients that differ in their API key alone share answers.
    options: those of `cached`, such as ttl, namespace, mode or context.
    Not cached: `with_raw_response`, `with_streaming_response`, `parse`, copies made by `with_options`, and requests
    that go on from what the server keeps: `conversation`, a container, a stored prompt without a version.
    Raises TypeError for another object, ImportError without the `openai` package.
    """
    from openai import AsyncOpenAI, AsyncStream, OpenAI, Stream
    from openai.types.chat import ChatCompletion, ChatCompletionChunk
    from openai.types.responses import Response, ResponseStreamEvent

    if not isinstance(client, OpenAI | AsyncOpenAI):
        raise TypeError(f"wrap_openai needs an OpenAI or AsyncOpenAI client, got {type(client).__name__}.")
    copy = cast("C", client.copy())
    is_async = isinstance(client, AsyncOpenAI)
    stream = AsyncStream if is_async else Stream
    for resource, path, kinds in (
        (copy.chat.completions, "chat/completions", Kinds("messages", ChatCompletion, ChatCompletionChunk, stream)),
        (copy.responses, "responses", Kinds("input", Response, ResponseStreamEvent, stream)),
    ):
        cache_create(resource, kinds, cache, client=copy, path=path, is_async=is_async, **options)
    return copy
