"""Telling a cache that an answer of it was wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass
from os import PathLike

from mneme.engine.keys import normalizer
from mneme.errors import InvalidArgumentError
from mneme.model import Hit, HitLayer
from mneme.runtime.opening import careful
from mneme.tools.looking.counting import shown
from mneme.tools.looking.finding import entry_in
from mneme.tools.looking.opening import Stand, cache_over, reading


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
    feedback: the file that the cache's programs open with `feedback=`. They then never take the two questions for one
    another, once they open the cache anew.
    Returns None where there is no such entry. Raises as `entry` does, InvalidArgumentError for a cache with a
    normaliser of its own, and for a file that holds no pairs.
    """
    with reading(url, writes=True) as (store, identity):
        found = entry_in(store, identity, key)
        if found is None:
            return None
        if identity.normalize == "custom":
            raise InvalidArgumentError(
                f"{shown(url)} was filled with a normaliser of its program's own, which is not known here: call "
                "cache.report_wrong in that program."
            )
        asked = found.query if question is None else question
        canonical, _ = normalizer(identity.normalize == "default")
        layer: HitLayer = "exact" if canonical(asked) == canonical(found.query) else "semantic"
        # How far the same answer is looked for is said by the policy.
        cache = cache_over(store, identity, feedback=feedback, **careful({}, Stand(identity)))
        try:
            changed = cache.report_wrong(
                Hit(
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
            )
        finally:
            cache.close()
    return Reported(found.key, asked, layer == "exact" and changed > 0, changed)
