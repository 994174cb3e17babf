"""What is evaluated: a cache that is asked and given answers, with the vectors of the texts known ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, Protocol

from mneme.cache import SemanticCache
from mneme.embedders.base import Embedder
from mneme.engine.canonical import canonical_text
from mneme.engine.judge import Policy
from mneme.engine.turns import Similar
from mneme.errors import MnemeError, UnembeddableTextError
from mneme.evaluation.vectors import embed_all
from mneme.indexes.base import Vector
from mneme.model import Mode
from mneme.stores.memory import MemoryStore

BATCH = 64


class Contender(Protocol):
    """A cache under test. Nothing put in one group answers in another.

    A group is JSON; its "turns" are what was said before, as texts of the user or mappings with role and content.
    """

    @property
    def name(self) -> str:
        """What the report calls it."""
        ...

    def ask(self, group: Mapping[str, Any], query: str) -> str | None:
        """Return what the cache serves for a question."""
        ...

    def keep(self, group: Mapping[str, Any], query: str, response: str) -> None:
        """Give the cache an answer."""
        ...

    def close(self) -> None:
        """Let go of what is held."""
        ...


class Vectors:
    """An embedder that knows the texts ahead, so that every contender sees the same vectors."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, Vector | None] = {}
        self.dim = embedder.dim
        self.fingerprint = embedder.fingerprint

    def learn(self, texts: Iterable[str], step: Callable[[int], None] = lambda _: None) -> None:
        """Embed what is new among `texts`; what cannot be embedded is known as such. `step` gets how many are done."""
        new = self.unknown(texts)
        for start in range(0, len(new), BATCH):
            batch = new[start : start + BATCH]
            try:
                self._known.update(zip(batch, embed_all(batch, self._embedder), strict=True))
            except UnembeddableTextError:
                self._known.update((text, self._alone(text)) for text in batch)
            except Exception as error:  # the embedder is the user's: it may raise anything
                raise MnemeError(f"the embedder failed: {type(error).__name__}: {error}") from error
            step(len(batch))

    def unknown(self, texts: Iterable[str]) -> list[str]:
        """Return the canonical texts, each once, that are not embedded yet."""
        return [text for text in dict.fromkeys(map(canonical_text, texts)) if text not in self._known]

    def _alone(self, text: str) -> Vector | None:
        try:
            vector: Vector = embed_all([text], self._embedder)[0]
        except UnembeddableTextError:
            return None
        return vector

    def of(self, text: str) -> Vector | None:
        """Return a text's unit vector, float32, shape (dim,); None where the embedder has none for it."""
        return self._known[canonical_text(text)]

    def embed(self, text: str) -> Vector:
        """Return a text's vector, as an embedder does."""
        vector = self.of(text)
        if vector is None:
            raise UnembeddableTextError(f"the embedder has no vector for {text[:80]!r}.")
        return vector


class Own:
    """A `SemanticCache` in memory with a policy; `mode="exact"` is the baseline.

    context: whether the turns of a group must be equal, or may be worded differently.
    """

    def __init__(
        self,
        name: str,
        vectors: Vectors,
        policy: Policy | None,
        mode: Mode = "semantic",
        context: Literal["exact", "similar"] = "exact",
    ) -> None:
        self.name = name
        self._context = context
        self._mode: Mode = mode
        self._cache = SemanticCache(store=MemoryStore(), embedder=vectors, policy=policy)

    def ask(self, group: Mapping[str, Any], query: str) -> str | None:
        """Look up."""
        hit = self._cache.get(query, vary=self._vary(group), mode=self._mode)
        return None if hit is None else hit.response

    def keep(self, group: Mapping[str, Any], query: str, response: str) -> None:
        """Put."""
        self._cache.put(query, response, vary=self._vary(group), mode=self._mode)

    def _vary(self, group: Mapping[str, Any]) -> Mapping[str, Any]:
        return group if self._context == "exact" else {**group, "turns": Similar(group["turns"])}

    def close(self) -> None:
        """Close the cache."""
        self._cache.close()
