"""What is asked of every cache that is measured: the same entries, the same questions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

THRESHOLD = 0.85


def no_async(why: str) -> Mapping[str, str]:
    """Return what is missing of a cache without asynchronous calls."""
    return MappingProxyType({"async exact hit": why, "100 at once": why})


class Adapter(ABC):
    """One cache. Questions come with their vectors, float32 of unit length: no model is timed."""

    missing: Mapping[str, str] = MappingProxyType({})
    """Why it has no such operation, for each that it lacks."""
    bulk = False
    """Whether `put_many` is one call of the cache's own."""

    @abstractmethod
    def __init__(self, place: str, dim: int, asynchronous: bool) -> None:
        """Open what lies at a place: the URL of a server, or a folder."""

    @abstractmethod
    def version(self) -> str:
        """Return what is measured."""

    @abstractmethod
    def put(self, query: str, response: str, vector: Any) -> None:
        """Store an entry."""

    def put_many(self, entries: list[tuple[str, str, Any]]) -> None:
        """Store many: one by one, where the cache has nothing better."""
        for entry in entries:
            self.put(*entry)

    def filled(self) -> None:  # noqa: B027  # most have nothing to do
        """Wait for what is made in the background once all is stored."""

    @abstractmethod
    def exact(self, query: str, vector: Any) -> str | None:
        """Return the answer to a question that was stored in the same words."""

    @abstractmethod
    def near(self, query: str, vector: Any) -> str | None:
        """Return the answer to a question in other words."""

    async def exact_async(self, query: str, vector: Any) -> str | None:
        """Return what `exact` returns."""
        raise NotImplementedError

    async def close(self) -> None:  # noqa: B027  # most have nothing to do
        """Close it, so that another process can open it."""
