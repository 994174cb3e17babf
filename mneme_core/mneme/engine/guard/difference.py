"""What two texts may differ in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal[
    "number",
    "unit",
    "time",
    "name",
    "identifier",
    "code",
    "payload",
    "negation",
    "polarity",
    "comparison",
    "quantifier",
    "modality",
    "tense",
    "question",
    "order",
    "person",
    "language",
    "format",
    "word",
    "too long",
    "no content word",
]

Force: TypeAlias = Literal["always", "alike", "never"]
"""Whether a difference forbids: `always`; in sentences that are `alike`, where it is the only thing that changed, and
not in one built anew; or `never` by itself, where it is for a score to weigh."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing by which two texts may ask for different answers."""

    kind: Kind
    a: str
    """The first text's side of it, empty where that text has nothing there."""
    b: str
    """The second text's side."""
    force: Force = "always"

    @property
    def reason(self) -> str:
        """The difference as people read it: `number: 2 / 3`."""
        return f"{self.kind}: {self.a or '(nothing)'} / {self.b or '(nothing)'}"
