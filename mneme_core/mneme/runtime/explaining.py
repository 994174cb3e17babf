"""Why a query hits or misses."""

from __future__ import annotations

from typing import Any

from mneme.engine.freshness import is_expired
from mneme.engine.guard.turns import Turn
from mneme.engine.judge import Featured, assess
from mneme.engine.keys import key_of, partition_of
from mneme.engine.spending import stored_usage
from mneme.engine.varying import differences_of, guess
from mneme.errors import InvalidArgumentError
from mneme.indexes.base import Vector
from mneme.model import Candidate, Explanation, Neighbour, OtherVary
from mneme.runtime import searching
from mneme.runtime.core import Core
from mneme.runtime.record import Record
from mneme.runtime.requests import Request

LOWEST = -1.0
# Of one question asked in many ways a few tell enough.
TWINS = 5


def explain(core: Core, request: Request, vector: Vector | None, k: int) -> Explanation:
    """Return the explanation of a request, judging each of its `k` nearest neighbours.

    Raises InvalidArgumentError for a `k` below 1.
    """
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise InvalidArgumentError(f"k is {k!r}; it is a number of neighbours from 1 on.")
    now = core.clock()
    record = core.peek(request)
    exact = None
    if record is not None:
        exact = "expired" if is_expired(record.created_at, record.ttl, now) else "fresh"
    candidates: list[Candidate] = []
    if vector is not None:
        near = searching.nearest(core, request.partition, vector, k, LOWEST)
        neighbours = searching.neighbours(core, near, request.partition, vector, now)[:k]
        policy = searching.judging(core, request)
        for neighbour in neighbours:
            verdict, _ = assess(request.query, neighbour, neighbours, policy, core.validator)
            candidates.append(Candidate(neighbour, verdict, _features(core, request, neighbour)))
    if not request.reads:
        outcome = "bypass"
    elif exact == "fresh":
        outcome = "exact"
    elif vector is None:
        outcome = "no_match"
    else:
        choice = searching.chosen(core, request, vector, now)
        outcome = "semantic" if core.trial is None else "shadow"
        if choice.accepted is None:
            outcome = searching.miss_reason(core, request, choice)
    with core.table.lock:
        held = core.table.of(request.namespace)
        here = [each for each in held if each.partition == request.partition]
        elsewhere = core.table.counts.get(request.namespace, 0) - len(here)
        exact_only = sum(each.key != request.key and not (each.searchable and not each.wrong_for()) for each in here)
        others = {each.partition for each in held} - {request.partition}
        twins = [core.table.by_key.get(key_of(partition, request.text)) for partition in others]
    found = sorted((each for each in twins if each is not None), key=lambda each: -each.created_at)[:TWINS]
    return Explanation(
        request.query,
        request.text,
        request.namespace,
        outcome,
        request.key.hex(),
        exact,
        tuple(candidates),
        elsewhere,
        exact_only,
        tuple(_other_vary(core, request, each) for each in found),
    )


def beside(core: Core, request: Request, like: str) -> Request:
    """Return the request as it is asked with all that must be equal to be served the entry whose key is `like`.

    The turns before that entry, if they may differ in wording, are the turns before this request too.
    Raises InvalidArgumentError where there is none.
    """
    try:
        record = core.peek(request._replace(key=bytes.fromhex(like)))
    except (TypeError, ValueError):
        record = None
    if record is None:
        raise InvalidArgumentError(
            f"like is {like!r}, which is no entry's key; give all its digits, as hit.key has them."
        )
    request = request._replace(namespace=record.namespace, partition=record.partition)
    turns = record.turns()
    if not turns:
        return request._replace(key=key_of(record.partition, request.text))
    return request._replace(key=_key_after(core, request, turns), turns=turns)


def _key_after(core: Core, request: Request, turns: tuple[Turn, ...]) -> bytes:
    """Return the key of the entry of the same question after the same turns; where there is none, one that none has.

    Turns are hashed with all else that must be equal, which is not known here.
    """
    with core.table.lock:
        after = [each for each in core.table.of(request.namespace) if each.partition == request.partition]
        after = [each for each in after if each.turns() == turns]
    for whole in filter(None, map(core.texts.whole, after)):
        if core.requests.canonical(whole.query) == request.text:
            return whole.key
    return key_of(request.partition, request.text)


def _other_vary(core: Core, request: Request, record: Record) -> OtherVary:
    here = core.requests.vary_of(request.namespace, request.partition)
    there = core.requests.vary_of(request.namespace, record.partition)
    usage = stored_usage(record.metadata_as_stored())
    model = usage.model if usage is not None else None
    if there is None and here is not None:
        word = core.requests.word
        there = guess(here, record.partition, lambda vary: partition_of(request.namespace, vary, word), model)
    differs = () if here is None or there is None else differences_of(there, here)
    return OtherVary(record.key.hex(), model or None, differs)


def _features(core: Core, request: Request, neighbour: Neighbour) -> dict[str, Any]:
    return core.policy.features(request.query, neighbour) if isinstance(core.policy, Featured) else {}
