"""The semantic steps of a lookup: neighbours, verdicts, and the hit that comes of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mneme.engine.freshness import age_seconds, is_expired
from mneme.engine.judge import INVALID, Choice, Policy, Threshold, choose
from mneme.engine.measures import similarity_counter
from mneme.engine.reported import REPORTED
from mneme.engine.turns import InContext
from mneme.engine.vectors import SIMILARITY_DECIMALS, cosine
from mneme.indexes.base import Near, Vector
from mneme.model import Candidate, Hit, Neighbour, neighbour_of
from mneme.runtime.complaints import complain
from mneme.runtime.record import Whole
from mneme.runtime.requests import Request

if TYPE_CHECKING:
    from mneme.runtime.core import Core
    from mneme.runtime.threads import Threads

_log = logging.getLogger("mneme.cache")

NEIGHBOURS = 8
# Where entries were reported, which compete though they are not served: the one that another stands in for may be near.
AMONG_REPORTED = 64
# Refused for one lookup, about, before it is a miss: a policy that reads texts takes a tenth of a millisecond for each,
# and where hundreds of nearer ones were refused the next is hardly an answer.
MOST_REFUSED = 512
# A thread hop costs about 0.1 ms; a search that is shorter than this is not worth one.
INLINE_SECONDS = 0.001


def search(core: Core, request: Request, vector: Vector) -> Hit | None:
    """Return the semantic hit of an embedded request, or None after the event of the miss."""
    now = core.clock()
    try:
        choice = chosen(core, request, vector, now)
        accepted, nearest_refused = _judged(core, request, choice)
    except Exception:
        complain("the search failed; this lookup is a miss")
        return core.miss(request, "store_failure")
    if accepted is None:
        return core.miss(request, miss_reason(core, request, choice), nearest_refused)
    neighbour, verdict = accepted.neighbour, accepted.verdict
    record = core.table.by_key.get(bytes.fromhex(neighbour.key))
    whole = None if record is None else core.texts.whole(record)
    seconds = core.seconds(request)
    if whole is None or whole.response != neighbour.response or whole.id not in core.table.by_id:
        return core.miss(request, "no_match")  # removed or replaced while it was judged
    core.noted.append((whole, now, neighbour.similarity, seconds))
    return core.hit(request, whole, neighbour.similarity, verdict.confidence, now, verdict.reason)


def miss_reason(core: Core, request: Request, choice: Choice) -> str:
    """Return the word for why nothing is served of what was judged."""
    reasons = {candidate.verdict.reason for candidate in choice.refused} - {INVALID}
    if any(reason.startswith(REPORTED) for reason in reasons):
        return "reported_wrong"
    if reasons and not isinstance(core.policy, Threshold):
        return "refused_by_policy"
    return "below_threshold" if core.index.count(request.partition) else "no_match"


def _judged(core: Core, request: Request, choice: Choice) -> tuple[Candidate | None, Candidate | None]:
    """Return what is served, and the nearest that is not: in a trial that may be the one that was accepted."""
    if choice.accepted is None and choice.refused:
        with core.table.lock:
            nearest_refused = choice.refused[0].neighbour.similarity
            core.counters.tally(request.namespace, similarity_counter("refused", nearest_refused))
    for error in choice.errors:
        _log.warning("the policy or the validator raised; the neighbour is refused", exc_info=error)
    if request.writes:
        for neighbour in choice.invalid:
            core.remove_answer(neighbour.key, neighbour.response)
    served = choice.accepted
    if core.trial is not None:
        served = core.trial.judged(request.key, request.query, choice.accepted)
    return served, next(iter(choice.refused), choice.accepted)


def chosen(core: Core, request: Request, vector: Vector, now: float) -> Choice:
    """Judge neighbours, nearest first, in ever larger rounds; ends with one accepted, none left or many refused."""
    floor = core.policy.floor
    core.feedback.freshen(core.submit)
    wanted = AMONG_REPORTED if request.partition in core.table.reported else NEIGHBOURS
    while True:
        near = nearest(core, request.partition, vector, wanted, floor)
        found = neighbours(core, near, request.partition, vector, now)
        choice = choose(request.query, found, judging(core, request), core.validator)
        if choice.accepted is not None or len(near) < wanted or len(choice.refused) >= MOST_REFUSED:
            return choice
        wanted *= 4


def judging(core: Core, request: Request) -> Policy:
    """Return what judges the neighbours of a request: the policy, after reports and with what was said before."""
    policy = core.policy if request.turns is None else InContext(core.policy, request.turns)
    return core.feedback.over(policy, is_held=request.partition in core.table.reported)


def nearest(core: Core, partition: bytes, vector: Vector, k: int, floor: float) -> list[Near]:
    """Return the ids nearest to a vector; raises StoreBackendError where vectors must still be read and cannot."""
    if core.remote is not None:
        return core.remote.nearest(partition, vector, k, floor)
    if core.resident.unread:
        core.journal.read_vectors()
    return core.index.search(partition, vector, k, floor)


def neighbours(core: Core, near: Sequence[Near], partition: bytes, vector: Vector, now: float) -> list[Neighbour]:
    """Return the fresh entries of `near` with exact similarities, best first, and those that were reported wrong.

    Raises StoreBackendError where vectors are held inexactly and the store cannot be read.
    """
    records = core.table.by_id
    fresh: list[tuple[float, Whole]] = []
    for number, similarity in _exact(core, near, vector):
        record = records.get(number)
        # An id that a store gave twice must not lead from one tenant to another.
        if record is None or record.partition != partition:
            continue
        if is_expired(record.created_at, record.ttl, now) and not record.wrong_for():
            continue
        whole = core.texts.whole(record)
        if whole is not None:
            fresh.append((similarity, whole))
    return [
        neighbour_of(
            record.query,
            record.response,
            similarity,
            age_seconds(record.created_at, now),
            record.metadata_copy(),
            record.namespace,
            record.key.hex(),
            record.turns(),
            record.wrong_for(),
        )
        for similarity, record in fresh
    ]


def _exact(core: Core, near: Sequence[Near], vector: Vector) -> list[tuple[int, float]]:
    if core.index.dtype == "float32":
        return [(number, min(round(similarity, SIMILARITY_DECIMALS), 1.0)) for number, similarity in near]
    held = core.store.vectors([number for number, _ in near])
    numbers = [number for number, _ in near if number in held]
    if not numbers:
        return []
    similarities = cosine(vector, b"".join(held[number] for number in numbers))
    return sorted(zip(numbers, similarities, strict=True), key=lambda pair: -pair[1])


def threads_for(core: Core, request: Request) -> Threads | None:
    """Return where a search is to run that would hold an event loop for longer than a thread hop is worth."""
    if core.store.blocking and (core.remote is not None or core.resident.unread or core.index.dtype != "float32"):
        return core.threads
    return core.searchers if core.index.search_seconds(request.partition) > INLINE_SECONDS else None
