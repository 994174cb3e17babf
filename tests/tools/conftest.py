"""A cache file with entries over many pages, some replaced, some deleted, and what it answers."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mneme import SemanticCache
from mneme.testing import WordEmbedder


class Sample:
    """A whole file, what it answers, and the page at which each table begins."""

    page_bytes = 8_192

    def __init__(self, path: Path) -> None:
        self.embedder = WordEmbedder(384)
        with SemanticCache(path, self.embedder) as cache:
            # Most rows share pages; some run over several.
            cache.put_many([(f"question {n}", f"answer {n} " * (3_000 if n % 50 == 0 else 30)) for n in range(1_500)])
            for number in range(0, 1_500, 3):
                cache.delete(f"question {number}")
            cache.put_many([(f"question {n}", f"replaced {n}") for n in range(1, 300, 3)])
        with closing(sqlite3.connect(path)) as db:
            self.roots = dict(db.execute("SELECT name, rootpage FROM sqlite_master"))
        self.content = path.read_bytes()
        self.answers = self.answers_of(path)
        self.pages = len(self.content) // self.page_bytes

    def answers_of(self, path: Path) -> dict[str, str]:
        """Query -> response, by exact lookups."""
        with SemanticCache(path, self.embedder) as cache:
            return {query: cache.get(query, mode="exact").response for query in cache.list_queries()}

    def overwritten(self, *numbers: int, by: bytes = b"\x00" * page_bytes) -> bytes:
        """The content with other bytes at the start of some of its pages."""
        content = bytearray(self.content)
        for number in numbers:
            start = (number - 1) * self.page_bytes
            content[start : start + len(by)] = by
        return bytes(content)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return Sample(tmp_path_factory.mktemp("sample") / "cache.db")
