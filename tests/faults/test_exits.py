"""Programs that end while writes are under way: no hang, no traceback, and what returned is there."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from mneme import SemanticCache
from mneme.testing import WordEmbedder

PRELUDE = """
import asyncio, os, sys, threading, time
from mneme import AsyncSemanticCache, SemanticCache
from mneme.testing import AsyncWordEmbedder, WordEmbedder
path = sys.argv[1]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "cache.db"
    with SemanticCache(path, WordEmbedder()) as cache:
        cache.put("before", "answer", namespace="old")
    return path


@pytest.fixture
def ended(path: Path) -> Callable[..., tuple[set[str], str]]:
    """Run a program to its end; return the queries that are in the file then, and what it said."""

    def ended(program: str, code: int = 0) -> tuple[set[str], str]:
        source = PRELUDE + textwrap.dedent(program)
        run = subprocess.run([sys.executable, "-c", source, str(path)], capture_output=True, text=True, timeout=60)
        assert run.returncode == code, run.stderr
        assert code or run.stderr == ""
        with SemanticCache(path, WordEmbedder()) as cache:
            return {
                query for name in cache.list_namespaces() for query in cache.list_queries(namespace=name)
            }, run.stdout

    return ended


def test_puts_of_threads_that_are_waited_for_are_there(ended: Callable[..., tuple[set[str], str]]) -> None:
    held, _ = ended("""
        cache = SemanticCache(path, WordEmbedder())
        for number in range(20):
            threading.Thread(target=cache.put, args=(f"question {number}", "answer")).start()
    """)

    assert held == {"before", *(f"question {number}" for number in range(20))}


def test_puts_of_daemon_threads_that_returned_are_there(ended: Callable[..., tuple[set[str], str]]) -> None:
    held, said = ended("""
        cache = SemanticCache(path, WordEmbedder())
        begun = threading.Event()
        def work():
            for number in range(1_000_000):
                cache.put(f"question {number}", "answer")
                os.write(1, f"question {number}\\n".encode())
                if number == 20:
                    begun.set()
        threading.Thread(target=work, daemon=True).start()
        begun.wait()
    """)

    assert held >= set(said.splitlines())
    assert len(held) > 20


def test_what_an_async_cache_cleared_is_cleared(ended: Callable[..., tuple[set[str], str]]) -> None:
    held, _ = ended("""
        async def main():
            cache = AsyncSemanticCache(path, AsyncWordEmbedder())
            await cache.put("kept", "answer")
            cache.clear_namespace("old")
        asyncio.run(main())
    """)

    assert held == {"kept"}


def test_an_exit_with_async_puts_under_way_ends_and_keeps_those_that_returned(
    ended: Callable[..., tuple[set[str], str]],
) -> None:
    held, said = ended("""
        cache = AsyncSemanticCache(path, AsyncWordEmbedder())
        async def put(number):
            await cache.put(f"question {number}", "answer")
            print(f"question {number}", flush=True)
        async def main():
            puts = [asyncio.create_task(put(number)) for number in range(200)]
            await puts[50]
        asyncio.run(main())
    """)

    assert held >= {"before", *said.splitlines()}
    assert "question 50" in held


@pytest.mark.parametrize("end", ["sys.exit(3)", "raise SystemExit(3)"])
def test_an_exit_in_the_middle_keeps_what_was_put_and_counted(
    ended: Callable[..., tuple[set[str], str]], path: Path, end: str
) -> None:
    held, _ = ended(
        f"""
        cache = SemanticCache(path, WordEmbedder())
        cache.put("in time", "answer")
        cache.get("in time")
        {end}
    """,
        code=3,
    )

    assert held == {"before", "in time"}
    with SemanticCache(path, WordEmbedder()) as cache:
        assert cache.stats().hits_exact == 1


def test_an_exit_hook_may_still_use_the_cache(ended: Callable[..., tuple[set[str], str]]) -> None:
    held, said = ended("""
        import atexit
        cache = SemanticCache(path, WordEmbedder())
        atexit.register(lambda: (cache.put("at last", "answer"), print(cache.get("at last").response)))
    """)

    assert (held, said) == ({"before", "at last"}, "answer\n")
