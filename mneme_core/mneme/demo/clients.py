"""Three real clients of the OpenAI API over one cache, each used as its users use it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias, cast

import httpx
from langchain_core.globals import get_llm_cache, set_llm_cache
from langchain_openai import ChatOpenAI
from llama_index.core import Settings
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai import OpenAI
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion
from pydantic import SecretStr

from mneme import AsyncSemanticCache
from mneme.demo.traffic import ClientName, Message
from mneme_decorator import cached
from mneme_langchain import MnemeCache
from mneme_llama_index import cached_llm

Ask: TypeAlias = Callable[[Sequence[Message]], Awaitable[str]]
"""(messages) -> the text of the answer."""

# LlamaIndex looks the model's name up in a table of context sizes and refuses what is not in it.
MODEL: Final = "gpt-4o-mini"
# The stand-in asks for no key; the clients do.
API_KEY: Final = "not-needed"


@asynccontextmanager
async def open_clients(
    cache: AsyncSemanticCache, base_url: str, headers: Callable[[], Mapping[str, str]]
) -> AsyncIterator[dict[ClientName, Ask]]:
    """Give the three clients, registered with their frameworks until the end of the `with`.

    headers: what to send along with a call, asked in the context of the call. As with a gateway that tells
    tenants apart, the clients know nothing of it: only `cache.scope` keeps the tenants' answers apart.
    """

    async def add_headers(request: httpx.Request) -> None:
        request.headers.update(headers())

    # Reading `Settings.llm` would build OpenAI's model where none is set.
    llm_cache, llm = get_llm_cache(), Settings._llm
    async with httpx.AsyncClient(event_hooks={"request": [add_headers]}, timeout=60) as http:
        try:
            yield {
                "decorator": _decorated(cache, base_url, http),
                "langchain": _langchain(cache, base_url, http),
                "llama_index": _llama_index(cache, base_url, http),
            }
        finally:
            set_llm_cache(llm_cache)
            Settings._llm = llm


def _decorated(cache: AsyncSemanticCache, base_url: str, http: httpx.AsyncClient) -> Ask:
    """The openai SDK under the decorator."""
    client = AsyncOpenAI(base_url=base_url, api_key=API_KEY, http_client=http, max_retries=0)

    @cached(cache, ignore=("client",))
    async def complete(messages: list[Message], model: str = MODEL) -> ChatCompletion:
        return await client.chat.completions.create(messages=cast(Any, messages), model=model)

    async def ask(messages: Sequence[Message]) -> str:
        completion = await complete(list(messages))
        return completion.choices[0].message.content or ""

    return ask


def _langchain(cache: AsyncSemanticCache, base_url: str, http: httpx.AsyncClient) -> Ask:
    """langchain-openai with the global cache."""
    set_llm_cache(MnemeCache(cache))
    key = SecretStr(API_KEY)
    model = ChatOpenAI(model=MODEL, base_url=base_url, api_key=key, http_async_client=http, max_retries=0)

    async def ask(messages: Sequence[Message]) -> str:
        return str((await model.ainvoke(list(messages))).text)

    return ask


def _llama_index(cache: AsyncSemanticCache, base_url: str, http: httpx.AsyncClient) -> Ask:
    """llama-index-llms-openai through Settings.llm."""
    llm = OpenAI(model=MODEL, api_base=base_url, api_key=API_KEY, async_http_client=http, max_retries=0)
    Settings.llm = cached_llm(llm, cache)

    async def ask(messages: Sequence[Message]) -> str:
        response = await Settings.llm.achat([ChatMessage(**message) for message in messages])
        return response.message.content or ""

    return ask
