"""Hits, made from records."""

from __future__ import annotations

from math import inf
from typing import Any

from mneme.model import Hit, HitLayer
from mneme.runtime.record import Whole


class _Open(Hit):
    """A Hit while it is made: without the guard that keeps a Hit as it is."""

    __slots__ = ()
    __init__: Any = object.__init__
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__


def hit_of(record: Whole, similarity: float, confidence: float, layer: HitLayer, now: float, asked: str) -> Hit:
    """Return the hit of a record, in a quarter of the time that `Hit(...)` takes: asked, the question as it was put."""
    created_at = record.created_at
    hit: Any = _Open()
    hit.response = record.response
    hit.similarity = similarity
    hit.confidence = confidence
    hit.age_seconds = int(now - created_at) if created_at < now < inf else 0
    hit.layer = layer
    hit.namespace = record.namespace
    hit.metadata = {} if record.metadata is None else record.metadata_copy()
    hit.query = record.query
    hit.key = record.key.hex()
    hit.compute_seconds = record.compute_seconds
    hit.asked = asked
    hit.__class__ = Hit
    made: Hit = hit
    return made
