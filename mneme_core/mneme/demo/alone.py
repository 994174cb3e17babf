"""What a threshold alone serves of the same requests: what many semantic caches do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mneme.demo.traffic import DemoRequest

if TYPE_CHECKING:
    from mneme.embedders.base import Embedder

# The default of `SemanticCache(...)`, and what most caches come with.
USUAL: Final = 0.85


@dataclass(frozen=True, slots=True)
class Alone:
    """What came of it."""

    threshold: float
    hits: int
    wrong: int | None
    """Hits whose answer belongs to another question; None where the data state no truth."""


def threshold_alone(requests: Sequence[DemoRequest], embedder: Embedder) -> Alone:
    """Ask the requests one after the other of a cache that compares cosines and nothing else."""
    from mneme import MemoryStore, SemanticCache

    by_id = {request.id: request for request in requests}
    right: list[bool | None] = []
    with SemanticCache(store=MemoryStore(), embedder=embedder, similarity_threshold=USUAL) as cache:
        for request in requests:
            vary = {"client": request.client, "history": request.history}
            found = cache.get_or_compute(
                request.text, partial(json.dumps, request.id), namespace=request.tenant, vary=vary
            )
            if found.status == "hit":
                right.append(request.may_share_answer(by_id[json.loads(found.value)]))
    is_stated = any(request.truth is not None for request in requests)
    return Alone(USUAL, len(right), right.count(False) if is_stated else None)


class Once:
    """An embedder that embeds each text once."""

    def __init__(self, embedder: Embedder) -> None:
        self.dim, self.fingerprint = embedder.dim, embedder.fingerprint
        self._embed = embedder.embed
        self._vectors: dict[str, Any] = {}

    def embed(self, text: str) -> Any:
        """Return the vector of a text."""
        if text not in self._vectors:
            self._vectors[text] = self._embed(text)
        return self._vectors[text]
