"""The demonstration from end to end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mneme.demo.alone import Once, threshold_alone
from mneme.demo.replay import Recorder, Result, answers_for, replay
from mneme.demo.server import StandInModel
from mneme.demo.summary import Summary, summarise
from mneme.demo.traffic import DemoRequest

if TYPE_CHECKING:
    from mneme.embedders.base import Embedder

# That of `SemanticCache.open`.
DEFAULT_THRESHOLD: Final = 0.70
DATABASE: Final = "mneme-demo.db"
PLOT: Final = "similarities.png"
REPORT: Final = "report.json"


@dataclass(frozen=True, slots=True)
class Demo:
    """How to run the demonstration; `out` is the directory for its files."""

    out: Path
    threshold: float = DEFAULT_THRESHOLD
    concurrency: int = 8
    latency: float = 1.0
    embedder: Embedder | None = None
    """None is the bundled one."""

    async def run(self, requests: Sequence[DemoRequest], on_result: Callable[[], None]) -> Summary:
        """Replay `requests` over a new cache file, write the report and the plot, and return the summary.

        on_result: called once for each request that has its answer.
        Raises ImportError where a client library or the bundled embedder is not installed.
        """
        import mneme
        from mneme.demo.neighbours import nearest_earlier
        from mneme.demo.plot import draw

        embedder = self.embedder or mneme.default_embedder()
        self.out.mkdir(parents=True, exist_ok=True)
        for leftover in self.out.glob(f"{DATABASE}*"):
            leftover.unlink()
        recorder = Recorder()
        started = time.perf_counter()
        results = await self._replay(requests, embedder, recorder, on_result)
        seconds = time.perf_counter() - started
        once = Once(embedder)
        summary = summarise(
            results,
            recorder.events,
            threshold=self.threshold,
            wall_seconds=seconds,
            alone=threshold_alone(requests, once),
        )
        (self.out / REPORT).write_text(json.dumps(asdict(summary), indent=2, ensure_ascii=False), "utf-8")
        draw(nearest_earlier(requests, once), self.threshold, self.out / PLOT)
        return summary

    async def _replay(
        self,
        requests: Sequence[DemoRequest],
        embedder: Embedder,
        recorder: Recorder,
        on_result: Callable[[], None],
    ) -> list[Result]:
        from mneme import AsyncSemanticCache, Guarded, to_async_embedder
        from mneme.demo.clients import open_clients

        cache = AsyncSemanticCache(
            self.out / DATABASE,
            to_async_embedder(embedder),
            policy=Guarded(self.threshold),
            metrics_hook=recorder,
        )
        with StandInModel(answers_for(requests), latency=self.latency) as model:
            async with cache, open_clients(cache, model.base_url, recorder.headers) as clients:
                return await replay(
                    requests,
                    clients,
                    cache,
                    model,
                    recorder,
                    concurrency=self.concurrency,
                    on_result=on_result,
                )
