"""Telling a cache that an answer of it was wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import Final

from mneme.cache import SemanticCache
from mneme.embedders.base import Embedder
from mneme.engine.canonical import canonical_text, folded_text
from mneme.engine.keys import normalizer
from mneme.engine.vectors import unit
from mneme.errors import InvalidArgumentError
from mneme.model import Hit, HitLayer
from mneme.runtime.opening import careful
from mneme.tools.looking.counting import shown
from mneme.tools.looking.finding import entry_in
from mneme.tools.looking.opening import Stand, cache_over, reading

# Below it no policy that is of use serves an answer by meaning.
LEAST_SIMILARITY: Final = 0.5


@dataclass(frozen=True, slots=True)
class Reported:
    """What became of an answer that was wrong."""

    key: str
    """Of the entry that holds it, hexadecimal."""
    question: str
    """What it was wrong for."""
    removed: bool
    """Whether the entry is gone: its answer was wrong for its own question."""
    changed: int
    """How many entries are gone, or serve no other question from now on."""


def report_wrong(
    url: str | PathLike[str],
    key: str,
    *,
    question: str | None = None,
    feedback: str | PathLike[str] | None = None,
) -> Reported | None:
    """Do what `cache.report_wrong` does, with the answer of the entry whose key is, or begins with, `key`.

    question: what was asked where the answer was wrong; by default the entry's own question.
    feedback: the file that the cache's programs open with `feedback=`. They never take the two questions for one
    another, from some seconds on.
    Returns None where there is no such entry. Raises as `entry` does, InvalidArgumentError for a cache with a
    normaliser of its own, and for a file that holds no pairs.
    """
    return _told(url, key, question, feedback, SemanticCache.report_wrong)


def unreport(
    url: str | PathLike[str],
    key: str,
    *,
    question: str | None = None,
    feedback: str | PathLike[str] | None = None,
) -> Reported | None:
    """Do what `cache.unreport` does: take back what was reported of an entry; all of it where `question` is None.

    Returns and raises as `report_wrong` does.
    """
    return _told(url, key, question, feedback, SemanticCache.unreport)


def are_akin(url: str | PathLike[str], a: str, b: str, embedder: Embedder | None) -> bool:
    """Return whether a cache may have taken two questions for one another.

    By the embedder that filled it, where that is given; else whether they have a word in common.
    """
    with reading(url) as (_, identity):
        fits = embedder is not None and embedder.fingerprint == identity.fingerprint
    if embedder is None or not fits:
        return not set(folded_text(a).split()).isdisjoint(folded_text(b).split())
    vectors = [unit(embedder.embed(canonical_text(text)), embedder.dim) for text in (a, b)]
    return float(vectors[0] @ vectors[1]) >= LEAST_SIMILARITY


def _told(
    url: str | PathLike[str],
    key: str,
    question: str | None,
    feedback: str | PathLike[str] | None,
    tell: Callable[[SemanticCache, Hit], int],
) -> Reported | None:
    with reading(url, writes=True) as (store, identity):
        found = entry_in(store, identity, key)
        if found is None:
            return None
        if identity.normalize == "custom":
            raise InvalidArgumentError(
                f"{shown(url)} was filled with a normaliser of its program's own, which is not known here: call "
                f"cache.{tell.__name__} in that program."
            )
        asked = found.query if question is None else question
        canonical, _ = normalizer(identity.normalize == "default")
        layer: HitLayer = "exact" if canonical(asked) == canonical(found.query) else "semantic"
        hit = Hit(
            response=found.response,
            similarity=math.nan,  # nothing is embedded here
            confidence=0.0,
            age_seconds=0,
            layer=layer,
            namespace=found.namespace,
            metadata={},
            query=found.query,
            key=found.key,
            asked=asked,
        )
        # How far the same answer is looked for is said by the policy.
        with cache_over(store, identity, feedback=feedback, **careful({}, Stand(identity))) as cache:
            changed = tell(cache, hit)
    is_removed = tell is SemanticCache.report_wrong and layer == "exact" and changed > 0
    return Reported(found.key, asked, is_removed, changed)
