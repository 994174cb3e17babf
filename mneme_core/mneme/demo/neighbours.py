"""How similar each request is to the nearest earlier one: what a threshold has to decide on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mneme.demo.traffic import DemoRequest
from mneme.engine.canonical import canonical_text
from mneme.errors import MnemeError

if TYPE_CHECKING:
    from mneme.embedders.base import Embedder


@dataclass(frozen=True, slots=True)
class Nearest:
    """A request and the most similar one before it in the same tenant, client and conversation."""

    request: DemoRequest
    earlier: DemoRequest
    similarity: float

    @property
    def is_right(self) -> bool | None:
        """Whether the earlier one's answer would be right; None where the truth is not known."""
        return self.request.may_share_answer(self.earlier)


def nearest_earlier(requests: Sequence[DemoRequest], embedder: Embedder) -> list[Nearest]:
    """Return the nearest earlier request of each that has one, in order.

    Repeats of a text are left out: the exact layer serves them. All earlier requests count, also those the
    cache answered without storing anything, so this does not depend on a threshold. Texts that the embedder
    refuses are left out too.
    """
    partitions: defaultdict[tuple[str, str, str], dict[str, _Seen]] = defaultdict(dict)
    found: list[Nearest] = []
    for request in requests:
        earlier = partitions[request.tenant, request.client, request.history]
        text = canonical_text(request.text)
        if text in earlier:
            continue
        try:
            vector = _unit(embedder.embed(text))
        except MnemeError:
            continue
        if earlier:
            near = _most_similar(vector, earlier.values())
            found.append(Nearest(request, near.request, min(float(vector @ near.vector), 1.0)))
        earlier[text] = _Seen(request, vector)
    return found


@dataclass(frozen=True, slots=True)
class _Seen:
    request: DemoRequest
    vector: NDArray[np.float32]


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def _most_similar(vector: NDArray[np.float32], earlier: Iterable[_Seen]) -> _Seen:
    return max(earlier, key=lambda seen: float(vector @ seen.vector))
