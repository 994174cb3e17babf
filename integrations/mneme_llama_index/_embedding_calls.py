"""Texts on their way to an embedder by way of the cache, whose own failures never reach the caller."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeAlias

from llama_index.core.base.embeddings.base import BaseEmbedding

from mneme import Hit, MnemeError
from mneme_llama_index._embedding_link import asking, plan_for
from mneme_llama_index._vector_codec import VectorCodec

Numbers: TypeAlias = list[float]

_CODEC = VectorCodec()


class Batch:
    """Texts to embed, each once, and the vectors they have so far."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._digests = {text: digest(text) for text in texts}
        self._vectors: dict[str, Numbers] = {}
        self._new: list[str] = []
        self.digests = list(self._digests.values())

    def found(self, hits: Sequence[Hit | None]) -> None:
        """Take the vectors that the cache has; a damaged one is made anew."""
        for text, hit in zip(self._digests, hits, strict=True):
            if hit is not None:
                try:
                    self._vectors[text] = _CODEC.decode(hit.response)
                except ValueError:
                    continue

    @property
    def missing(self) -> list[str]:
        """The texts without a vector."""
        return [text for text in self._digests if text not in self._vectors]

    def made(self, vectors: Sequence[Numbers]) -> bool:
        """Take the vectors of the missing texts from the model; False where there are not as many."""
        self._new = self.missing
        self._vectors.update(zip(self._new, vectors, strict=False))
        return len(vectors) == len(self._new)

    def kept(self) -> list[tuple[str, str]]:
        """Return what to store, as pairs of digest and vector."""
        encoded = ((text, _CODEC.encode(self._vectors[text])) for text in self._new)
        return [(self._digests[text], vector) for text, vector in encoded if vector is not None]

    def vectors(self) -> list[Numbers]:
        """Return each text's vector, as a list of the caller's own."""
        return [list(self._vectors[text]) for text in self._texts]


def serve_one(model: BaseEmbedding, kind: str, text: str, ask: Callable[[str], Numbers]) -> Numbers:
    """Return the vector of one text: a cached one, or that of `ask`."""
    plan = plan_for(model, kind)
    if plan is None:
        return ask(text)
    ran = False

    def run() -> Numbers:
        nonlocal ran
        ran = True
        with asking(model):
            return ask(text)

    link = plan.link
    try:
        made = link.cache.get_or_compute(digest(text), compute=run, codec=_CODEC, ttl=link.ttl, **plan.place)
    except MnemeError as error:
        if ran:
            raise
        link.warn("the cache was left out", error)
        return run()
    return made.value if ran else list(made.value)


async def aserve_one(
    model: BaseEmbedding, kind: str, text: str, ask: Callable[[str], Coroutine[Any, Any, Numbers]]
) -> Numbers:
    """The same for a coroutine function."""
    plan = plan_for(model, kind)
    if plan is None:
        return await ask(text)
    ran = False

    async def run() -> Numbers:
        nonlocal ran
        ran = True
        with asking(model):
            return await ask(text)

    link = plan.link
    try:
        made = await link.async_cache.get_or_compute(
            digest(text), compute=run, codec=_CODEC, ttl=link.ttl, **plan.place
        )
    except MnemeError as error:
        if ran:
            raise
        link.warn("the cache was left out", error)
        return await run()
    return made.value if ran else list(made.value)


def serve_many(model: BaseEmbedding, texts: list[str], ask: Callable[[list[str]], list[Numbers]]) -> list[Numbers]:
    """Return the vectors of documents: cached ones, and those of `ask` for the others."""
    plan = plan_for(model, "text")
    if plan is None:
        return ask(texts)
    batch = Batch(texts)
    try:
        batch.found(plan.link.cache.get_many(batch.digests, **plan.place))
    except MnemeError as error:
        plan.link.warn("the cache was left out", error)
    if batch.missing:
        with asking(model):
            if not batch.made(ask(batch.missing)):
                return ask(texts)
        try:
            plan.link.cache.put_many(batch.kept(), ttl=plan.link.ttl, **plan.place)
        except MnemeError as error:
            plan.link.warn("vectors were not kept", error)
    return batch.vectors()


async def aserve_many(
    model: BaseEmbedding, texts: list[str], ask: Callable[[list[str]], Coroutine[Any, Any, list[Numbers]]]
) -> list[Numbers]:
    """The same for a coroutine function."""
    plan = plan_for(model, "text")
    if plan is None:
        return await ask(texts)
    batch = Batch(texts)
    try:
        batch.found(await plan.link.async_cache.get_many(batch.digests, **plan.place))
    except MnemeError as error:
        plan.link.warn("the cache was left out", error)
    if batch.missing:
        with asking(model):
            if not batch.made(await ask(batch.missing)):
                return await ask(texts)
        try:
            await plan.link.async_cache.put_many(batch.kept(), ttl=plan.link.ttl, **plan.place)
        except MnemeError as error:
            plan.link.warn("vectors were not kept", error)
    return batch.vectors()


def digest(text: str) -> str:
    """Return what a text is kept under."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
