"""What a dashboard shows, and what it may do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from mneme.embedders.base import Embedder
from mneme.engine.judge import Policy
from mneme.errors import InvalidArgumentError
from mneme.prices import Prices

DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a dashboard shows, and what it may do."""

    url: str | PathLike[str]
    """The cache's path or URL."""
    prices: Prices | None = None
    pairs: tuple[Path, ...] = ()
    """JSONL files of pairs, of a shadow, or of an audit trail, which are shown besides those of entries."""
    trail: Path | None = None
    """The file of an AuditTrail, whose decisions are shown."""
    labels: Path | None = None
    """Where labels go; without it nothing can be labelled."""
    embedder: Callable[[], Embedder] | None = None
    """Makes the cache's embedder, when it is first needed: for pairs without a similarity and to explain questions."""
    policy: Policy | str | PathLike[str] | None = None
    """What the program judges with, where that is not what `SemanticCache.open` does."""
    feedback: Path | None = None
    """The file that the program opens with `feedback=`."""
    allow_delete: bool = False
    """Whether entries can be deleted, and answers reported as wrong."""
    quotas: Mapping[str, int] = field(default_factory=dict)
    """Namespace -> entries, as the program has them: a cache's file does not hold its quotas."""
    interval: float = 2.0
    """Seconds between two samples of the charts, at most a day."""

    def __post_init__(self) -> None:
        """Check what would be asked for without end; raises InvalidArgumentError."""
        if not 0 < self.interval <= DAY:
            raise InvalidArgumentError(f"interval is {self.interval}; it is seconds, more than 0 and at most {DAY:,}.")
