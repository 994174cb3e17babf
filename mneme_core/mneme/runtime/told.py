"""Decisions as observers are told them."""

from __future__ import annotations

import time
from typing import Any

from mneme.model import Candidate, Hit
from mneme.observe.decisions import Decided, Decision
from mneme.runtime.requests import Request


def of_hit(request: Request, hit: Hit, outcome: Decided, verdict: str | None, now: float) -> Decision:
    """Return the decision to serve an entry."""
    return _decision(
        request,
        outcome,
        now,
        layer=hit.layer,
        similarity=hit.similarity,
        confidence=hit.confidence,
        entry=hit.key,
        matched=hit.query,
        verdict=verdict,
    )


def of_miss(request: Request, reason: str, nearest: Candidate | None, now: float) -> Decision:
    """Return the decision to serve none. nearest: the nearest that was judged."""
    outcome: Decided = "bypass" if reason == "bypass" else "miss"
    if nearest is None:
        return _decision(request, outcome, now, reason=reason)
    neighbour, verdict = nearest.neighbour, nearest.verdict
    return _decision(
        request,
        outcome,
        now,
        reason=reason,
        similarity=neighbour.similarity,
        confidence=verdict.confidence,
        entry=neighbour.key,
        matched=neighbour.query,
        verdict=verdict.reason,
    )


def of_call(request: Request, outcome: Decided, now: float) -> Decision:
    """Return what a call ended with."""
    return _decision(request, outcome, now)


def _decision(request: Request, outcome: Decided, now: float, **found: Any) -> Decision:
    return Decision(
        time=now,
        seconds=time.perf_counter() - request.started if request.started else 0.0,
        namespace=request.namespace,
        outcome=outcome,
        key=request.key.hex(),
        query=request.query,
        **found,
    )
