"""A cache file, and caches over it in this and in other processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from mneme import SemanticCache, SQLiteStore
from mneme.stores.base import Put
from mneme.testing import WordEmbedder
from mneme.testing.reader import IDENTITY, Reader, entry
from mneme.testing.waiting import eventually
from mneme.tools import looking

# Repeatable: the examples are derived from the test, not drawn.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

DIM = 64


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.db"


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder(DIM)


@pytest.fixture
def open_cache(path: Path, embedder: WordEmbedder) -> Iterator[Callable[..., SemanticCache]]:
    """Open a cache over `path`, or another; all are closed after the test."""
    caches: list[SemanticCache] = []

    def make(other: Path = path, **options: Any) -> SemanticCache:
        caches.append(SemanticCache(other, embedder, **options))
        return caches[-1]

    yield make
    for cache in caches:
        cache.close()


class Peer:
    """A cache over a file in a process of its own; see peer.py."""

    def __init__(self, path: Path) -> None:
        program = Path(__file__).with_name("peer.py")
        self.process = subprocess.Popen(
            [sys.executable, str(program), str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def send(self, method: str, *arguments: Any, **options: Any) -> None:
        """Call a method of the cache and do not wait."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([method, arguments, options]) + "\n")
        self.process.stdin.flush()

    def receive(self) -> Any:
        """Return the result of the next call: a hit as its response, an error as its name."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def call(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Call a method of the cache and return its result."""
        self.send(method, *arguments, **options)
        return self.receive()

    def end(self) -> None:
        """Close the cache and the process."""
        self.process.communicate()


@pytest.fixture
def start_peer(path: Path) -> Iterator[Callable[[], Peer]]:
    """Start a peer over `path`; all are ended after the test."""
    peers: list[Peer] = []

    def start() -> Peer:
        peers.append(Peer(path))
        return peers[-1]

    yield start
    for peer in peers:
        if peer.process.poll() is None:
            peer.process.kill()
        peer.process.communicate()


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    with closing(SQLiteStore(path, timeout=0.2)) as store:
        yield store


@pytest.fixture
def filled(path: Path) -> bytes:
    """A cache file with entries over many pages; return what it holds."""
    with closing(SQLiteStore(path)) as store:
        store.open(IDENTITY)
        Reader(store).write(*(Put(entry(f"q{number}", "x" * 500)) for number in range(200)))
    return path.read_bytes()


@pytest.fixture
def answers() -> Callable[[Path], dict[str, str]]:
    """Query -> response of a cache file."""

    def answers(path: Path) -> dict[str, str]:
        with closing(SQLiteStore(path)) as store:
            store.open(IDENTITY)
            return Reader(store).pull()

    return answers


@pytest.fixture
def look_into() -> Callable[[str, str], None]:
    """Look into a cache on a server, which holds nothing yet, as a program is using it; name: its store's."""

    def look_into(url: str, name: str) -> None:
        with SemanticCache.open(url, embedder=WordEmbedder(64)) as cache:
            cache.put("q", "r", usage={"model": "m", "input_tokens": 3, "output_tokens": 2}, namespace="a")
            cache.get("q", namespace="a")
            cache._core.journal.flush()
            counters = cache._core.store.counters()
            view, _ = looking.look(url)
            (found,), number = looking.entries(url)
            explained = looking.explain(url, "q", WordEmbedder(64), namespace="a")

            assert (view.store, view.total.hits_exact, view.total.saved_input_tokens) == (name, 1, 3)
            assert (found.query, found.access_count, number, explained.outcome) == ("q", 1, 1, "exact")
            assert cache._core.store.counters() == counters
            deleted = looking.delete(url, found.key[:8])
            assert deleted is not None
            assert deleted.key == found.key
            assert eventually(lambda: cache.get("q", namespace="a", mode="exact") is None)

    return look_into
