"""get_or_compute: one computation, however many callers wait. The twin of `mneme.sync.computing`."""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar, cast

from mneme.aio.reading import AsyncReading
from mneme.errors import CacheClosedError
from mneme.model import Metadata, Mode, Outcome, Vary
from mneme.runtime import computing, writing
from mneme.runtime.complaints import complain
from mneme.runtime.computing import Admission, Codec, Cost, Filled, Kept, Plan, SourceVersion, Tags, UsageOf
from mneme.runtime.leasing import Turn

T = TypeVar("T")


class AsyncComputing(AsyncReading):
    """Gives the cached answer, or computes it once and stores it."""

    async def get_or_compute(
        self,
        query: str,
        compute: Callable[[], T | Awaitable[T]],
        *,
        namespace: str = "default",
        vary: Vary | None = None,
        ttl: float | None = None,
        metadata: Metadata | None = None,
        mode: Mode = "semantic",
        codec: Codec[T] | None = None,
        cache_if: Admission[T] | None = None,
        tags: Tags[T] = (),
        source_version: SourceVersion[T] | None = None,
        stale_while_revalidate: float | None = None,
        cost: Cost[T] = None,
        usage: UsageOf[T] | None = None,
    ) -> Outcome[T]:
        """Return the cached value, or compute it once however many callers wait, and store it.

        codec: how values become text and back; without one only text is stored. cache_if: whether a value may be
        stored; "exact" stores it for the same request alone. tags, source_version: as for `put`, or functions of the
        value; what was begun before it was invalidated is not stored. cost: what it cost, in a unit of your own, or a
        function of the value that says so. stale_while_revalidate: seconds after its ttl for
        which the answer of the same request is still given, while it is computed anew once in the background.
        usage: the tokens that the value took, or a function of the value, such as mneme.usage_in.
        An error of `compute` is raised in every caller that waits and is not stored; an error of the cache is logged,
        and the value is computed.
        """
        core = self._core
        plan = computing.plan(
            core,
            lambda: core.request(query, namespace, vary, mode),
            codec=codec,
            cache_if=cache_if,
            ttl=ttl,
            metadata=metadata,
            mode=mode,
            tags=tags,
            source_version=source_version,
            stale_while_revalidate=stale_while_revalidate,
            cost=cost,
            usage=usage,
        )
        if plan is None or not (plan.request.reads or plan.request.writes):
            return computing.computed(await _value(compute))
        outcome = plan.of_hit(await self._exact(plan.request)) or await self._stale(plan) or plan.of_refused()
        if outcome is not None:
            if plan.is_due(outcome):
                refresh = partial(core.sharing.flights.arun, plan.flight, lambda: self._take_turn(plan, compute))
                core.sharing.refreshes.astart(plan.flight, refresh)
            return outcome
        filled, led = await core.sharing.flights.arun(plan.flight, lambda: self._fill(plan, compute))
        return filled.outcome if led else await self._follow(plan, filled)

    async def _stale(self, plan: Plan[T]) -> Outcome[T] | None:
        core = self._core
        for _ in range(plan.looks):
            outcome = plan.of_stale()
            if outcome is not None or not core.behind() or not await self._store(core.catch_up):
                return outcome
        return None

    async def _fill(self, plan: Plan[T], compute: Callable[[], T | Awaitable[T]]) -> Filled[T]:
        core, request = self._core, plan.request
        if request.reads:
            outcome = plan.of_hit(await self._lookup(request))  # another leader may just have stored it
            if outcome is not None:
                return Filled(outcome, None)
        else:
            core.miss(request, "bypass")
        return await self._take_turn(plan, compute)

    async def _take_turn(self, plan: Plan[T], compute: Callable[[], T | Awaitable[T]]) -> Filled[T]:
        """Compute, after other processes that compute the same, unless one of them has stored it meanwhile."""
        core, request = self._core, plan.request
        turn = core.sharing.turn(request)
        if turn is None:
            return await self._make(plan, compute, None)
        try:
            with suppress(CacheClosedError):  # closed while it waited: computed all the same
                outcome = await self._wait(plan, turn)
                if outcome is not None:
                    return Filled(outcome, None)
            return await self._make(plan, compute, turn)
        finally:
            turn.release()

    async def _wait(self, plan: Plan[T], turn: Turn) -> Outcome[T] | None:
        """Wait for the turn; return the outcome where another has stored it meanwhile."""
        is_mine = False
        while not is_mine:
            is_mine = await self._store(turn.take)
            if is_mine:  # whoever had it before may have stored what is not told here yet
                await self._store(self._core.catch_up)
            outcome = plan.of_hit(await self._exact(self._core.timed(plan.request)))
            if outcome is not None:
                return outcome
            if not is_mine:
                await self._pause(turn.pause)
        return None

    async def _make(self, plan: Plan[T], compute: Callable[[], T | Awaitable[T]], turn: Turn | None) -> Filled[T]:
        core = self._core
        started = time.perf_counter()
        with core.observers.computing():
            value = await _value(compute)
        seconds = time.perf_counter() - started
        kept = plan.kept(value)
        if kept is not None:
            await self._keep(plan, kept, seconds, turn)
        core.came_of(plan.request, "computed")
        return Filled(computing.computed(value), kept and kept.text)

    async def _keep(self, plan: Plan[Any], kept: Kept, seconds: float, turn: Turn | None = None) -> None:
        core, request = self._core, plan.request
        try:
            draft = writing.draft(
                core, request, kept.text, plan.metadata, plan.ttl, kept.origins, kept.cost, kept.usage
            )
            if draft is None or plan.is_outdated(kept.origins):
                return
            try:
                vector = await self._vector(request) if kept.semantic else None
            except Exception:
                complain("Embedder failed; the value is kept for the same request only")
                vector = None
            if turn is not None and turn.is_lost():
                return
            await self._write([writing.entry(core, draft, vector, seconds)])
            if plan.is_outdated(kept.origins):  # invalidated while it was written
                await self._write(core.removal(request.key, kept.text))
            await self._evict(request.namespace)
        except Exception:
            complain("a computed value could not be stored")

    async def _follow(self, plan: Plan[T], filled: Filled[T]) -> Outcome[T]:
        core = self._core
        request = core.timed(plan.request)
        if request.reads:
            hit = await self._exact(request)
            if hit is None:
                shared = filled.outcome.status == "hit" and request.semantic
                hit = await self._semantic(request) if shared else core.miss(request, "no_match")
            outcome = plan.of_hit(hit)
            if outcome is not None:
                return outcome
        return plan.of_shared(filled)


async def _value(compute: Callable[[], T | Awaitable[T]]) -> T:
    value = compute()
    if inspect.isawaitable(value):
        value = await value
    return cast("T", value)
