"""Where no thread can be started, calls are answered in the thread that asks."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from mneme import AsyncSemanticCache, SemanticCache
from mneme.runtime import core, lookups
from mneme.testing import WordEmbedder


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    for module in (core, lookups):  # counts are to be written with the first lookup that is timed
        monkeypatch.setattr(module, "COUNTS_SECONDS", 0.0)


@pytest.mark.usefixtures("no_threads")
@pytest.mark.parametrize("options", [{}, {"durability": "deferred"}, {"flight_wait": 1.0}])
def test_a_cache_works_where_no_thread_can_be_started(tmp_path: Path, options: dict[str, object]) -> None:
    async def answers() -> list[object]:
        async with AsyncSemanticCache(tmp_path / "cache.db", WordEmbedder(), **options) as cache:  # type: ignore[arg-type]
            await cache.put("one two three", "answer")
            await cache.put("to be deleted", "answer")
            hits = [await cache.get(query) for query in ("one two three", "three two one", "else")]
            outcome = await cache.get_or_compute("computed", lambda: "value")
            return [
                *(hit and hit.response for hit in hits),
                outcome.value,
                await cache.delete("to be deleted"),
                await cache.vacuum(),
            ]

    assert asyncio.run(answers()) == ["answer", "answer", None, "value", True, 0]
    with SemanticCache(tmp_path / "cache.db", WordEmbedder(), **options) as cache:  # type: ignore[arg-type]
        cache.put("another", "answer")
        outcome = cache.get_or_compute("computed, too", lambda: "value")
        held = sorted(cache.list_queries())

    assert (outcome.value, held) == ("value", ["another", "computed", "computed, too", "one two three"])


def test_threads_that_outlive_the_main_one_go_on_with_a_cache(tmp_path: Path) -> None:
    program = """
        import asyncio, sys, threading
        from mneme import SemanticCache
        from mneme.runtime import core, lookups
        from mneme.testing import WordEmbedder
        core.COUNTS_SECONDS = lookups.COUNTS_SECONDS = 0.0
        cache = SemanticCache(sys.argv[1], WordEmbedder())
        async def use():
            again = cache.as_async()
            await again.put("async", "answer")
            return [await again.get(query) for query in ("async", "else", "answer or question")]
        def work():
            threading.main_thread().join()
            cache.put("sync", "answer")
            cache.get("another question")
            asyncio.run(use())
            print(sorted(cache.list_queries()), flush=True)
        threading.Thread(target=work).start()
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(tmp_path / "cache.db")],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (run.stdout, run.stderr) == ("['async', 'sync']\n", "")
