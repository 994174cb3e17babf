"""What an import did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mneme.tools.importing.found import Skipped


@dataclass(frozen=True, slots=True)
class Reason:
    """How many questions were skipped for one reason."""

    count: int
    example: str
    """The first of them: its table and row, and what is known besides; never its text."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of each question of the source: read = imported + present + all that `skipped` counts."""

    format: str
    normalize: bool
    """How the cache must be opened: False where the source tells questions apart by case and white space."""
    read: int
    imported: int
    replaced: int
    """Of those imported, how many took the place of an older answer, of the cache or of the source itself."""
    present: int
    """Left out because the cache has an answer to the question that is as new, or newer."""
    vectors_reused: int
    vectors_made: int
    exact_only: int
    """Of those imported, how many have no vector and serve equal requests alone."""
    skipped: Mapping[str, Reason]
    """By reason, most first."""


@dataclass(slots=True)
class Tally:
    """Counts while the import runs."""

    read: int = 0
    imported: int = 0
    replaced: int = 0
    present: int = 0
    vectors_reused: int = 0
    vectors_made: int = 0
    exact_only: int = 0
    reasons: dict[str, Reason] = field(default_factory=dict)

    def skip(self, skipped: Skipped) -> None:
        """Count a question that cannot be imported."""
        first = f"{skipped.place}: {skipped.detail}" if skipped.detail else skipped.place
        known = self.reasons.get(skipped.reason)
        self.reasons[skipped.reason] = Reason(known.count + 1, known.example) if known else Reason(1, first)

    def report(self, format: str, normalize: bool) -> ImportReport:
        """Return the counts as they are now."""
        by_count = sorted(self.reasons.items(), key=lambda item: (-item[1].count, item[0]))
        return ImportReport(
            format=format,
            normalize=normalize,
            read=self.read,
            imported=self.imported,
            replaced=self.replaced,
            present=self.present,
            vectors_reused=self.vectors_reused,
            vectors_made=self.vectors_made,
            exact_only=self.exact_only,
            skipped=dict(by_count),
        )
