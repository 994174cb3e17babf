"""How calls of one embedder are gathered, which it may declare and a cache may be told."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mneme.errors import InvalidArgumentError


@dataclass(frozen=True, slots=True)
class Batching:
    """How texts that are asked for one by one, meanwhile, are embedded together.

    texts: the most in one call of `embed_many`; 1 gathers none. at_once: calls under way at a time; only what comes
    while so many are is gathered, so that nothing waits for an idle embedder. window: seconds for which a call waits
    for others when the embedder is idle.

    Raises InvalidArgumentError for what is none of that.
    """

    texts: int = 32
    at_once: int = 4
    window: float = 0.0

    def __post_init__(self) -> None:
        for name in ("texts", "at_once"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidArgumentError(f"{name} of Batching is {value!r}; it is a whole number from 1 on.")
        window = self.window
        if isinstance(window, bool) or not isinstance(window, int | float) or not 0 <= window < math.inf:
            raise InvalidArgumentError(f"window of Batching is {window!r}; it is a number of seconds from 0 on.")


NONE = Batching(texts=1)


def batching_of(embedder: object) -> Batching:
    """Return what an embedder declares as `batching`; where it does not, the default if it has `embed_many`."""
    declared = getattr(embedder, "batching", None)
    if not hasattr(embedder, "embed_many") or is_inline(embedder):
        return NONE
    return declared if isinstance(declared, Batching) else Batching()


def is_inline(embedder: object) -> bool:
    """Return whether an embedder declares that it is done before a thread could begin, and never waits."""
    return getattr(embedder, "inline", False) is True
