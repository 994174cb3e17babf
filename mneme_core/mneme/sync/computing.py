"""get_or_compute: one computation, however many callers wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from mneme.errors import CacheClosedError
from mneme.model import Metadata, Mode, Outcome, Vary
from mneme.runtime import computing, writing
from mneme.runtime.complaints import complain
from mneme.runtime.computing import Admission, Codec, Cost, Filled, Kept, Plan, SourceVersion, Tags, UsageOf
from mneme.runtime.leasing import Turn
from mneme.sync.reading import Reading

T = TypeVar("T")


class Computing(Reading):
    """Gives the cached answer, or computes it once and stores it."""

    def get_or_compute(
        self,
        query: str,
        compute: Callable[[], T],
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
            return computing.computed(compute())
        outcome = plan.of_hit(self._exact(plan.request)) or self._stale(plan) or plan.of_refused()
        if outcome is not None:
            if plan.is_due(outcome):
                refresh = partial(core.sharing.flights.run, plan.flight, lambda: self._take_turn(plan, compute))
                core.sharing.refreshes.start(plan.flight, refresh)
            return outcome
        filled, led = core.sharing.flights.run(plan.flight, lambda: self._fill(plan, compute))
        return filled.outcome if led else self._follow(plan, filled)

    def _stale(self, plan: Plan[T]) -> Outcome[T] | None:
        core = self._core
        for _ in range(plan.looks):
            outcome = plan.of_stale()
            if outcome is not None or not core.behind() or not self._store(core.catch_up):
                return outcome
        return None

    def _fill(self, plan: Plan[T], compute: Callable[[], T]) -> Filled[T]:
        core, request = self._core, plan.request
        if request.reads:
            outcome = plan.of_hit(self._lookup(request))  # another leader may just have stored it
            if outcome is not None:
                return Filled(outcome, None)
        else:
            core.miss(request, "bypass")
        return self._take_turn(plan, compute)

    def _take_turn(self, plan: Plan[T], compute: Callable[[], T]) -> Filled[T]:
        """Compute, after other processes that compute the same, unless one of them has stored it meanwhile."""
        core, request = self._core, plan.request
        turn = core.sharing.turn(request)
        if turn is None:
            return self._make(plan, compute, None)
        try:
            with suppress(CacheClosedError):  # closed while it waited: computed all the same
                outcome = self._wait(plan, turn)
                if outcome is not None:
                    return Filled(outcome, None)
            return self._make(plan, compute, turn)
        finally:
            turn.release()

    def _wait(self, plan: Plan[T], turn: Turn) -> Outcome[T] | None:
        """Wait for the turn; return the outcome where another has stored it meanwhile."""
        is_mine = False
        while not is_mine:
            is_mine = self._store(turn.take)
            if is_mine:  # whoever had it before may have stored what is not told here yet
                self._store(self._core.catch_up)
            outcome = plan.of_hit(self._exact(self._core.timed(plan.request)))
            if outcome is not None:
                return outcome
            if not is_mine:
                self._pause(turn.pause)
        return None

    def _make(self, plan: Plan[T], compute: Callable[[], T], turn: Turn | None) -> Filled[T]:
        core = self._core
        started = time.perf_counter()
        with core.observers.computing():
            value = compute()
        seconds = time.perf_counter() - started
        kept = plan.kept(value)
        if kept is not None:
            self._keep(plan, kept, seconds, turn)
        core.came_of(plan.request, "computed")
        return Filled(computing.computed(value), kept and kept.text)

    def _keep(self, plan: Plan[Any], kept: Kept, seconds: float, turn: Turn | None = None) -> None:
        core, request = self._core, plan.request
        try:
            draft = writing.draft(
                core, request, kept.text, plan.metadata, plan.ttl, kept.origins, kept.cost, kept.usage
            )
            if draft is None or plan.is_outdated(kept.origins):
                return
            try:
                vector = self._vector(request) if kept.semantic else None
            except Exception:
                complain("Embedder failed; the value is kept for the same request only")
                vector = None
            if turn is not None and turn.is_lost():
                return
            self._write([writing.entry(core, draft, vector, seconds)])
            if plan.is_outdated(kept.origins):  # invalidated while it was written
                self._write(core.removal(request.key, kept.text))
            self._evict(request.namespace)
        except Exception:
            complain("a computed value could not be stored")

    def _follow(self, plan: Plan[T], filled: Filled[T]) -> Outcome[T]:
        core = self._core
        request = core.timed(plan.request)
        if request.reads:
            hit = self._exact(request)
            if hit is None:
                shared = filled.outcome.status == "hit" and request.semantic
                hit = self._semantic(request) if shared else core.miss(request, "no_match")
            outcome = plan.of_hit(hit)
            if outcome is not None:
                return outcome
        return plan.of_shared(filled)
