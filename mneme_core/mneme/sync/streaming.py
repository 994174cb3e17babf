"""get_or_stream: the same of an answer that comes in chunks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from mneme.model import Metadata, Mode, Outcome, Vary
from mneme.runtime import computing, streams
from mneme.runtime.computing import Admission, Codec, Cost, Plan, SourceVersion, Tags, UsageOf
from mneme.sync.computing import Computing

T = TypeVar("T")


class Streaming(Computing):
    """Gives a cached stream, or the one that is made, to all who read it."""

    def get_or_stream(
        self,
        query: str,
        produce: Callable[[], Iterator[T]],
        *,
        codec: Codec[list[T]],
        namespace: str = "default",
        vary: Vary | None = None,
        ttl: float | None = None,
        metadata: Metadata | None = None,
        mode: Mode = "semantic",
        cache_if: Admission[list[T]] | None = None,
        tags: Tags[list[T]] = (),
        source_version: SourceVersion[list[T]] | None = None,
        cost: Cost[list[T]] = None,
        usage: UsageOf[list[T]] | None = None,
    ) -> Outcome[Iterator[T]]:
        """Return a cached stream chunk for chunk, or `produce()`, run once for all who read it meanwhile.

        The outcome's value is the stream. It is stored when it ends by itself: not where it fails, or is left
        early by all. Readers that come later get the earlier chunks, then live ones, as objects of their own.
        codec: how the list of chunks becomes text and back; the rest as for `get_or_compute`.
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
            cost=cost,
            usage=usage,
        )
        if plan is None or not (plan.request.reads or plan.request.writes):
            return computing.computed(produce())
        if plan.request.reads:
            outcome = plan.of_hit(self._lookup(plan.request))
            if outcome is not None:
                return computing.streamed(outcome, streams.replayed(outcome.value))
        else:
            core.miss(plan.request, "bypass")
        return computing.computed(core.sharing.streams.follow(plan.flight, produce, self._finisher(plan)))

    def _finisher(self, plan: Plan[list[T]]) -> Callable[[list[T]], None]:
        started = time.perf_counter()

        def finish(chunks: list[T]) -> None:
            kept = plan.kept(chunks)
            if kept is not None:
                self._keep(plan, kept, time.perf_counter() - started)
            self._core.came_of(plan.request, "computed")

        return finish
