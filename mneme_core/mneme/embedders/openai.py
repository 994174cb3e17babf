"""Embedders over OpenAI's API, or any server that speaks it (vLLM, Ollama, LM Studio, LiteLLM, TEI ...)."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from mneme.embedders.adapters import AsAsyncBatch
from mneme.embedders.clients import PROBE, Vectors, as_vectors, requests
from mneme.embedders.http import checked_key, checked_url, post_json
from mneme.errors import EmbedderError, InvalidArgumentError

URL: Final = "https://api.openai.com/v1"
MODEL: Final = "text-embedding-3-small"

# https://platform.openai.com/docs/guides/embeddings
_DIMS: Final = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
}
# The API takes 2,048 texts and 300,000 tokens a request; a character is rarely more than one token.
_LIMITS: Final = {"max_texts": 256, "max_chars": 250_000}


class _Requests:
    provider = "openai"  # as OpenTelemetry names whose interface this is

    """What both forms share: what a request holds and how its answer is read."""

    def __init__(self, model: str, *, dimensions: int | None, dim: int | None, fingerprint: str | None) -> None:
        self.model = model
        self.fingerprint = fingerprint or f"OpenAIEmbedder:{model}"
        self._dimensions = dimensions
        self._dim = dim or dimensions or _DIMS.get(model)

    def _requests(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        asked: dict[str, Any] = {"model": self.model, "encoding_format": "float"}
        if self._dimensions is not None:
            asked["dimensions"] = self._dimensions
        return [asked | {"input": batch} for batch in requests(texts, **_LIMITS)]

    def _vectors(self, answered: list[tuple[dict[str, Any], Any]]) -> Vectors:
        """Return the vectors of all requests, each paired with its answer."""
        if not answered:
            return np.empty((0, self._dim or 0), np.float32)
        parts = [as_vectors(_rows(answer), len(request["input"])) for request, answer in answered]
        self._dim = self._dim or parts[0].shape[1]
        return np.concatenate(parts)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model!r})"


class OpenAIEmbedder(_Requests):
    """Embeds over HTTP. Thread-safe.

    client: an `openai.OpenAI` (or `AzureOpenAI`); without one the standard library talks to `base_url`,
    with no retries and no redirects. timeout: seconds for connecting and for each read, without a client.
    dimensions: asks the server for shorter vectors. dim: tells a vector's length; where neither this, nor
    `dimensions`, nor the model's name does, the first use embeds a probe. fingerprint: names what makes
    the vectors; the model's name, where it is not given. Give one where the same name means another model
    on another server.

    Some servers cut off long texts in silence, so that texts that differ past the cut get one vector: set
    up yours to refuse them. Raises MnemeError when the server does not answer, refuses, or answers
    something else; a client's own errors pass through.
    """

    def __init__(
        self,
        model: str = MODEL,
        *,
        client: Any = None,  # an openai.OpenAI: importing its type would load the library
        base_url: str | None = None,
        api_key: str | None = None,
        dimensions: int | None = None,
        dim: int | None = None,
        timeout: float = 10.0,
        fingerprint: str | None = None,
    ) -> None:
        super().__init__(model, dimensions=dimensions, dim=dim, fingerprint=fingerprint)
        _check_client(client, base_url, api_key, is_async=False)
        self._client = client
        self._url = f"{checked_url(base_url or URL)}/embeddings"
        self._key = checked_key(api_key)
        self._timeout = timeout

    @property
    def dim(self) -> int:
        """How many numbers a vector has."""
        return self._dim or len(self.embed(PROBE))

    def embed(self, text: str) -> Vectors:
        """Return the vector of `text`: float32, shape (dim,)."""
        return self.embed_many([text]).reshape(-1)

    def embed_many(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of `texts`: float32, shape (len(texts), dim); 256 texts a request."""
        return self._vectors([(request, self._answer(request)) for request in self._requests(texts)])

    def _answer(self, request: dict[str, Any]) -> Any:
        if self._client is not None:
            return self._client.embeddings.create(**request)
        return post_json(self._url, request, key=self._key, timeout=self._timeout)


class AsyncOpenAIEmbedder(_Requests):
    """The same with an `openai.AsyncOpenAI`; without one, `OpenAIEmbedder` in worker threads of its own.

    With a client, `dim` must be known before the first call: from `dim`, `dimensions` or the model's name.
    """

    def __init__(
        self,
        model: str = MODEL,
        *,
        client: Any = None,  # an openai.AsyncOpenAI
        base_url: str | None = None,
        api_key: str | None = None,
        dimensions: int | None = None,
        dim: int | None = None,
        timeout: float = 10.0,
        fingerprint: str | None = None,
    ) -> None:
        super().__init__(model, dimensions=dimensions, dim=dim, fingerprint=fingerprint)
        _check_client(client, base_url, api_key, is_async=True)
        self._client = client
        self._sync = OpenAIEmbedder(
            model, base_url=base_url, api_key=api_key, dimensions=dimensions, dim=dim, timeout=timeout
        )
        self._threads = AsAsyncBatch(self._sync)

    @property
    def dim(self) -> int:
        """How many numbers a vector has."""
        if self._dim is None and self._client is not None:
            raise InvalidArgumentError(f"The length of {self.model!r}'s vectors is not known: pass dim=.")
        return self._dim or self._sync.dim

    async def embed(self, text: str) -> Vectors:
        """Return the vector of `text`: float32, shape (dim,)."""
        return (await self.embed_many([text])).reshape(-1)

    async def embed_many(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of `texts`: float32, shape (len(texts), dim); 256 texts a request."""
        if self._client is None:
            return await self._threads.embed_many(texts)
        create = self._client.embeddings.create
        return self._vectors([(request, await create(**request)) for request in self._requests(texts)])


def _check_client(client: Any, base_url: str | None, api_key: str | None, *, is_async: bool) -> None:
    if client is None:
        return
    if base_url is not None or api_key is not None:
        raise InvalidArgumentError("Pass a client, or base_url and api_key, not both.")
    if inspect.iscoroutinefunction(client.embeddings.create) is not is_async:
        wanted, form = ("AsyncOpenAI", "OpenAIEmbedder") if is_async else ("OpenAI", "AsyncOpenAIEmbedder")
        raise InvalidArgumentError(f"The client must be an openai.{wanted}; for this one use {form}.")


def _rows(answer: Any) -> list[Any]:
    """Return the vectors of one answer, a client's object or JSON, in the order of the texts."""
    try:
        if isinstance(answer, dict):
            rows = {item.get("index", place): item["embedding"] for place, item in enumerate(answer["data"])}
        else:
            rows = {item.index: item.embedding for item in answer.data}
        return [rows[place] for place in range(len(rows))]
    except (AttributeError, KeyError, TypeError) as error:
        raise EmbedderError("The server's answer is not a list of embeddings.") from error
