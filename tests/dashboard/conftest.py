"""A cache to look into, and the dashboard over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from shutil import copy2
from typing import Any

import pytest
from starlette.testclient import TestClient

from mneme import SemanticCache, TokenUsage
from mneme.dashboard import Settings, dashboard
from mneme.testing import FakeClock, WordEmbedder

TOKEN = "a-token-for-tests"
ORIGIN = "http://localhost:8765"
QUESTIONS = {
    "how do I pay my bill": "By card.",
    "how can I pay my bill": "By card or by transfer.",
    "where is my order": "On its way.",
    "where is my last order": "It was delivered.",
    "do you ship to Canada": "Yes.",
}


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("filled") / "cache.db"
    with SemanticCache(file, WordEmbedder(), clock=FakeClock(1_000.0)) as cache:
        cache.put("what was once", "long ago", ttl=5)
    with SemanticCache(file, WordEmbedder()) as cache:
        for query, response in QUESTIONS.items():
            cache.put(query, response, tags=["doc:1"], usage=TokenUsage("small", 1_000, 100))
        cache.put("who are we", "Acme.", namespace="acme", source_version={"handbook": "7"}, metadata={"page": 3})
        for query in ("how do I pay my bill", "pay my bill how do I", "something else"):
            cache.get(query)
    return file


@pytest.fixture
def path(filled: Path, tmp_path: Path) -> Path:
    """A closed file with entries of two namespaces, one that ran out, and counts."""
    return copy2(filled, tmp_path / "cache.db")


@pytest.fixture
def serve() -> Iterator[Callable[..., TestClient]]:
    """Makes a browser's stand-in that has been let in."""
    with ExitStack() as stack:

        def start(url: Path, **settings: Any) -> TestClient:
            made = Settings(url=url, **{"embedder": WordEmbedder, "interval": 3_600.0, **settings})
            client = stack.enter_context(TestClient(dashboard(made, token=TOKEN), base_url=ORIGIN))
            assert client.get("/", params={"token": TOKEN}).status_code == 200
            client.headers["origin"] = ORIGIN
            return client

        yield start
