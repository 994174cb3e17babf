"""What a run comes to: counts, wrong hits, time and tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from mneme.demo.alone import Alone
from mneme.demo.replay import Result
from mneme.demo.traffic import CLIENT_NAMES


@dataclass(frozen=True, slots=True)
class Tally:
    """The counts of a run, or of one client's part of it."""

    requests: int
    calls: int
    """Requests the model answered."""
    exact_hits: int
    semantic_hits: int
    wrong_hits: int | None
    """Hits whose answer belongs to another question; None where the data state no truth."""
    unknown_hits: int
    """Hits of which the data do not say whether they are right."""
    reusable: int | None
    """Requests whose right answer had been given before; None where the data state no truth."""
    missed: int | None
    """Those of them that were not served it: they went to the model, or got another answer."""
    model_seconds: float
    """Spent in the model, summed over its calls."""
    saved_seconds: float
    """What the answers of the right hits took when they were made. Wrong hits save nothing."""
    baseline_seconds: float
    """About what it had been without the cache: each hit counts as the call whose answer it got."""
    tokens: int
    saved_tokens: int
    baseline_tokens: int
    hit_ms: float | None
    """Median over the hits, from asking the client to its answer."""
    call_ms: float | None
    """The same over the calls."""


@dataclass(frozen=True, slots=True)
class WrongHit:
    """An answer that was served and belongs to another question."""

    id: str
    kind: str
    client: str
    tenant: str
    question: str
    matched: str
    """The question the answer was written for."""
    matched_id: str
    layer: str | None
    similarity: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """A whole run."""

    threshold: float
    wall_seconds: float
    total: Tally
    clients: dict[str, Tally]
    wrong: list[WrongHit]
    missed: list[str]
    """The ids of the requests whose right answer was there and not served."""
    events: dict[str, int]
    """The cache's own events, as `hit:exact`, `miss:below_threshold`."""
    alone: Alone | None = None
    """What a threshold alone serves of the same requests."""


def summarise(
    results: Sequence[Result],
    events: Counter[str],
    *,
    threshold: float,
    wall_seconds: float,
    alone: Alone | None = None,
) -> Summary:
    """Count what happened, in all and for each client that was used."""
    reusable = _reusable(results)
    parts = {name: [r for r in results if r.request.client == name] for name in CLIENT_NAMES}
    return Summary(
        threshold=threshold,
        wall_seconds=wall_seconds,
        total=_tally(results, reusable),
        clients={name: _tally(part, reusable) for name, part in parts.items() if part},
        wrong=[_wrong(result) for result in results if result.is_right is False],
        missed=[result.request.id for result in results if _is_missed(result, reusable)],
        events=dict(sorted(events.items())),
        alone=alone,
    )


def _reusable(results: Iterable[Result]) -> set[str]:
    """Return the ids of the requests whose right answer had been asked for before."""
    seen: set[tuple[str, str]] = set()
    found: set[str] = set()
    for result in results:
        request = result.request
        if request.truth is None:
            continue
        if (request.tenant, request.truth) in seen:
            found.add(request.id)
        seen.add((request.tenant, request.truth))
    return found


def _is_missed(result: Result, reusable: set[str]) -> bool:
    return result.request.id in reusable and not (result.is_hit and result.is_right)


def _tally(results: Sequence[Result], reusable: set[str]) -> Tally:
    hits = [result for result in results if result.is_hit]
    calls = [result for result in results if not result.is_hit]
    useful = [hit for hit in hits if hit.is_right is not False]
    stated = any(result.request.truth is not None for result in results)
    return Tally(
        requests=len(results),
        calls=len(calls),
        exact_hits=sum(hit.layer == "exact" for hit in hits),
        semantic_hits=sum(hit.layer == "semantic" for hit in hits),
        wrong_hits=sum(hit.is_right is False for hit in hits) if stated else None,
        unknown_hits=sum(hit.is_right is None for hit in hits),
        reusable=sum(result.request.id in reusable for result in results) if stated else None,
        missed=sum(_is_missed(result, reusable) for result in results) if stated else None,
        model_seconds=sum(call.call.seconds for call in calls),
        saved_seconds=sum(hit.call.seconds for hit in useful),
        baseline_seconds=sum(result.call.seconds for result in results),
        tokens=sum(call.call.tokens for call in calls),
        saved_tokens=sum(hit.call.tokens for hit in useful),
        baseline_tokens=sum(result.call.tokens for result in results),
        hit_ms=median(hit.seconds * 1000 for hit in hits) if hits else None,
        call_ms=median(call.seconds * 1000 for call in calls) if calls else None,
    )


def _wrong(result: Result) -> WrongHit:
    return WrongHit(
        id=result.request.id,
        kind=result.request.kind,
        client=result.request.client,
        tenant=result.request.tenant,
        question=result.request.text,
        matched=result.source.text,
        matched_id=result.source.id,
        layer=result.layer,
        similarity=result.similarity,
    )
