"""What a reader finds in another cache's file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from mneme.model import Mode, Vary


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A question with its answer. Times are seconds since the epoch, None where the source has none."""

    place: str
    """The table and row, for the report."""
    query: str
    response: str
    namespace: str | None = None
    """None where the source knows no namespaces."""
    vary: Vary | None = None
    mode: Mode = "semantic"
    metadata: dict[str, Any] = field(default_factory=dict)
    created_at: float | None = None
    last_accessed_at: float | None = None
    ttl: float | None = None
    """Seconds from `created_at`; None never runs out."""
    access_count: int = 0
    vector: bytes = b""
    """Little-endian float32 of the cache's own embedder; empty where there is none to reuse."""
    vector_of: str = ""
    """The SHA-256, hexadecimal, of the text that `vector` is of."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A question that cannot be imported. Neither field quotes what the source holds."""

    reason: str
    place: str
    detail: str = ""


Item: TypeAlias = Found | Skipped


class Reader(Protocol):
    """Reads one kind of file. Blocking; one thread."""

    @property
    def normalize(self) -> str:
        """`default`, or `none` where the source's questions are told apart by case and white space."""
        ...

    @property
    def has_namespaces(self) -> bool:
        """Whether the source says in which namespace an entry is."""
        ...

    def count(self) -> int:
        """Return how many items `items` yields."""
        ...

    def items(self) -> Iterator[Item]:
        """Yield every question once, in an order that does not change."""
        ...


Tables: TypeAlias = Mapping[str, frozenset[str]]
"""Table -> its columns."""
