"""The vectors of texts of which the embedder may refuse some."""

from __future__ import annotations

import logging

from mneme.embedders.base import AsyncEmbedder, Embedder
from mneme.errors import InvalidArgumentError
from mneme.evaluation.vectors import aembed_all, embed_all

# Texts that are in memory at once with their vectors.
MOST = 1_000_000

logger = logging.getLogger("mneme.tools")


def embed_each(texts: list[str], embedder: Embedder, size: int) -> list[bytes]:
    """Return the vectors of `texts` as stores hold them; an empty one for a text refused with InvalidArgumentError."""
    try:
        return [row.tobytes() for row in embed_all(texts, embedder, batch_size=size)]
    except InvalidArgumentError as error:
        if len(texts) == 1:
            logger.debug("no vector for one entry: %s", error)
            return [b""]
    return [vector for text in texts for vector in embed_each([text], embedder, size)]


async def aembed_each(texts: list[str], embedder: AsyncEmbedder, size: int, concurrency: int) -> list[bytes]:
    """Return what `embed_each` does."""
    try:
        rows = await aembed_all(texts, embedder, batch_size=size, concurrency=concurrency)
        return [row.tobytes() for row in rows]
    except InvalidArgumentError as error:
        if len(texts) == 1:
            logger.debug("no vector for one entry: %s", error)
            return [b""]
    return [vector for text in texts for vector in await aembed_each([text], embedder, size, concurrency)]


def positive(value: int, name: str) -> int:
    """Return `value`; raises InvalidArgumentError unless it is a whole number from 1 to MOST."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST:
        raise InvalidArgumentError(f"{name} is {value!r}; it is a whole number from 1 to {MOST:,}.")
    return value
