"""The steps of a write: what is to be put, checked, and what must leave for it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mneme.engine.costs import check_cost, priced
from mneme.engine.freshness import check_time, effective_ttl, is_expired, jittered
from mneme.engine.origins import NOWHERE, Origins, noted
from mneme.engine.reported import WRONG_FOR
from mneme.engine.spending import noted_usage
from mneme.engine.turns import TURNS
from mneme.engine.vectors import unit as unit_vector
from mneme.errors import InvalidArgumentError, NamespaceQuotaExceededError
from mneme.indexes.base import Vector
from mneme.model import Metadata, TokenUsage, stored_entry_of
from mneme.runtime import counters as count
from mneme.runtime.limits import size_of
from mneme.runtime.record import Record, utf8_bytes
from mneme.runtime.requests import Request
from mneme.stores.base import Put

if TYPE_CHECKING:
    from mneme.runtime.core import Core

# Expired entries that are removed in one write, for which puts wait: some 3 ms in a file.
REMOVED_AT_ONCE = 64


class Draft(NamedTuple):
    """What is to be put, checked, before its vector is known."""

    request: Request
    response: str
    metadata: Metadata
    ttl: float | None


def unit(core: Core, embedding: Any) -> Vector:
    """Return a caller's embedding as a unit vector; raises for one that cannot be compared."""
    return unit_vector(embedding, core.identity.dim)


def draft(
    core: Core,
    request: Request,
    response: str,
    metadata: Any,
    ttl: float | None,
    origins: Origins = NOWHERE,
    cost: float | None = None,
    usage: TokenUsage | None = None,
) -> Draft | None:
    """Check what is to be put; None where it is not to be: forbidden by the scope, or personal.

    Raises for what cannot be stored.
    """
    if (core.options.namespace_quotas or {}).get(request.namespace) == 0:
        raise NamespaceQuotaExceededError(
            f"the namespace {request.namespace!r} has a quota of 0 entries. Raise it in namespace_quotas, "
            "or do not put into it."
        )
    metadata = core.requests.check_storable(request, response, metadata)
    if origins != NOWHERE or usage is not None:
        metadata = noted_usage(noted(metadata, origins), usage)
        core.requests.check_metadata_size(json.dumps(metadata))
    metadata = priced(metadata, check_cost(cost))
    _check_fits(core, request, response, metadata)
    lifetime = jittered(effective_ttl(ttl, core.options.default_ttl), core.options.ttl_jitter, request.key)
    if not request.writes or not core.requests.may_store(response):
        return None
    return Draft(request, response, metadata, lifetime)


def entry(core: Core, draft: Draft, vector: Vector | None, compute_seconds: float | None = None) -> Put:
    """Return the change that stores a draft with its vector; None leaves it to the exact layer."""
    request, now = draft.request, check_time(core.clock())
    if core.trial is not None:
        core.trial.answered(request.key, draft.response)
    embedding = b"" if vector is None else vector.tobytes()
    metadata = {**draft.metadata, TURNS: request.turns} if request.turns else draft.metadata
    held = core.table.by_key.get(request.key)
    if held is not None and (wrong_for := held.wrong_for()):
        # What was reported is that two questions are not one: a new answer to one of them does not change it.
        metadata = {**metadata, WRONG_FOR: list(wrong_for)}
    return Put(
        stored_entry_of(
            0,
            request.namespace,
            request.key.hex(),
            request.query,
            draft.response,
            embedding,
            metadata,
            now,
            now,
            draft.ttl,
            0,
            request.partition,
            compute_seconds,
        )
    )


def _check_fits(core: Core, request: Request, response: str, metadata: Metadata) -> None:
    """Raise InvalidArgumentError for an entry that takes more than `max_bytes` by itself."""
    limit = core.options.max_bytes
    if limit is None:
        return
    vector_bytes = 4 * core.identity.dim if request.semantic else 0
    text_bytes = utf8_bytes(request.query) + utf8_bytes(response)
    size = size_of(text_bytes, json.dumps(metadata) if metadata else None, vector_bytes)
    if size > limit:
        raise InvalidArgumentError(
            f"the entry takes {size:,} bytes with its place in the tables, the whole cache may take {limit:,}. Shorten "
            "the answer, or open the cache with a larger max_bytes."
        )


def evict(core: Core, namespace: str) -> bool:
    """Remove some of what must leave where a put into `namespace` passed a limit; return whether more must leave."""
    if not core.table.is_limited:
        return False
    with core.table.lock:
        leaving, is_due = core.table.evict(namespace)
    if leaving:
        core.journal.removed(leaving)
        _count_gone(core, "eviction", count.EVICTIONS, leaving)
    return is_due


def scan(core: Core, namespace: str | None) -> Iterator[list[Record]]:
    """Yield the records of a namespace, or all, that have run out, some or none at a time.

    Between two others may use the cache, whatever its size.
    """
    batches = core.table.batches() if core.remote is None else core.remote.batches()
    for batch in batches:
        now = check_time(core.clock())
        yield [
            record
            for record in batch
            if namespace in (None, record.namespace) and is_expired(record.created_at, record.ttl, now)
        ]


def part(scanned: Iterator[list[Record]]) -> list[Record] | None:
    """Return the next records of a scan, or None at its end."""
    return next(scanned, None)


def forget_expired(core: Core, records: Sequence[Record]) -> None:
    """Count and tell entries that `vacuum` removed."""
    _count_gone(core, "expired", count.EXPIRATIONS, records)


def _count_gone(core: Core, event: str, which: int, records: Sequence[Record]) -> None:
    amounts = Counter(record.namespace for record in records)
    with core.table.lock:
        for namespace, amount in amounts.items():
            core.counters.add(namespace, which, amount)
    if core.events.heard:
        for namespace, amount in amounts.items():
            core.events.emit(event, namespace=namespace, count=amount)
