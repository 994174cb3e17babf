"""What the wrappers of embedding clients share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mneme.embedders.batching import NONE
from mneme.errors import EmbedderError, InvalidArgumentError

Vectors = NDArray[np.float32]

PROBE: Final = "dimension probe"
"""Embedded once where nothing else tells a vector's length."""

CONCURRENCY: Final = 8

_NAMES: Final = ("model_name", "model", "model_id", "deployment", "azure_deployment")


# Any: what a client returns is looked at here.
def as_vectors(rows: Any, count: int) -> Vectors:
    """Return the rows as float32, shape (count, dim). Raises MnemeError when they have not that shape."""
    try:
        vectors = np.asarray(rows, np.float32)
    except (TypeError, ValueError) as error:
        raise EmbedderError("The embedding client did not return equally long lists of numbers.") from error
    if vectors.ndim != 2 or len(vectors) != count:
        raise EmbedderError(
            f"The embedding client was given {count} texts and returned an array of shape {vectors.shape}."
        )
    return vectors


def as_vector(row: Any) -> Vectors:
    """Return the row as float32, shape (dim,). Raises MnemeError when it has not that shape."""
    return as_vectors([row], 1).reshape(-1)


def fingerprint_of(wrapper: str, client: object) -> str:
    """Return a fingerprint of the wrapper, the client's class and its model's name; never of a key.

    Raises InvalidArgumentError when the client does not tell its model's name.
    """
    values = (getattr(client, name, None) for name in _NAMES)
    names = dict.fromkeys(text for text in values if isinstance(text, str) and text not in ("", "unknown"))
    if not names:
        raise unnamed(client)
    return f"{wrapper}:{type(client).__name__}:{'/'.join(names)}"


def unnamed(client: object) -> InvalidArgumentError:
    """Return the error for a client whose model has no name: two models would share a fingerprint."""
    return InvalidArgumentError(
        f"{type(client).__name__} does not tell its model's name, and a cache is bound to one model. "
        "Name it: pass fingerprint='...'."
    )


def requests(texts: Sequence[str], *, max_texts: int, max_chars: int) -> Iterator[list[str]]:
    """Yield the texts in order, in lists within both limits; a text longer than `max_chars` goes alone."""
    batch: list[str] = []
    chars = 0
    for text in texts:
        if batch and (len(batch) == max_texts or chars + len(text) > max_chars):
            yield batch
            batch, chars = [], 0
        batch.append(text)
        chars += len(text)
    if batch:
        yield batch


class QueryEmbedder:
    """Embeds through a client's method for queries, one text a call."""

    batching = NONE  # a batch would take as long as all its texts one after the other

    def __init__(self, query: Callable[[str], ArrayLike], *, dim: int | None, fingerprint: str) -> None:
        self._query = query
        self._dim = dim
        self.fingerprint = fingerprint

    @property
    def dim(self) -> int:
        """How many numbers a vector has; where it was not given, the first use embeds a probe."""
        if self._dim is None:
            self._dim = len(self.embed(PROBE))
        return self._dim

    def embed(self, text: str) -> Vectors:
        """Return the vector of `text`: float32, shape (dim,)."""
        return as_vector(self._query(text))

    def embed_many(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of `texts`: float32, shape (len(texts), dim)."""
        if not texts:
            return np.empty((0, self.dim), np.float32)
        return np.stack([self.embed(text) for text in texts])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.fingerprint!r})"


class AsyncQueryEmbedder:
    """The same, awaited; `wrapped` is the sync form."""

    batching = NONE

    def __init__(self, query: Callable[[str], Awaitable[ArrayLike]], *, wrapped: QueryEmbedder) -> None:
        self._query = query
        self.wrapped = wrapped
        self.fingerprint = wrapped.fingerprint

    @property
    def dim(self) -> int:
        """How many numbers a vector has; where it was not given, the first use embeds a probe and blocks."""
        return self.wrapped.dim

    async def embed(self, text: str) -> Vectors:
        """Return the vector of `text`: float32, shape (dim,)."""
        return as_vector(await self._query(text))

    async def embed_many(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of `texts`: float32, shape (len(texts), dim). Eight calls run at a time."""
        if not texts:
            return np.empty((0, self.dim), np.float32)
        rows: list[Vectors] = []
        for start in range(0, len(texts), CONCURRENCY):
            rows += await asyncio.gather(*map(self.embed, texts[start : start + CONCURRENCY]))
        return np.stack(rows)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.fingerprint!r})"
