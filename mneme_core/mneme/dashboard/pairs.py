"""Two questions near each other, and where that is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, TypeAlias

from mneme.engine.canonical import canonical_text
from mneme.observe.redaction import HASHED

Sides: TypeAlias = tuple[str | None, str | None]
"""Something of both questions, None where it is not known."""
UNKNOWN: Sides = (None, None)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two questions near each other."""

    a: str
    """The one that was answered."""
    b: str
    similarity: float | None
    """None until it is embedded, and where the embedder has no vector for it."""
    same: bool | None
    """Whether one answer serves both, where somebody said so."""
    source: str
    keys: Sides = UNKNOWN
    """Of the entries that hold their answers, where there is or was one."""
    answers: Sides = UNKNOWN
    """As a file tells them."""

    @property
    def id(self) -> str:
        """What a form calls it; the same whichever was asked first, and however it was spaced."""
        one, other = sorted(map(canonical_text, (self.a, self.b)))
        text = f"{len(one)}:{one}{other}"
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()

    def after(self, known: Pair) -> Pair:
        """Return it with what an earlier pair of the same questions knows and it does not."""
        is_turned = canonical_text(known.a) != canonical_text(self.a)
        return replace(
            self,
            same=known.same if self.same is None else self.same,
            similarity=known.similarity if self.similarity is None else self.similarity,
            keys=_filled(self.keys, known.keys, is_turned),
            answers=_filled(self.answers, known.answers, is_turned),
        )


def pair_of(row: Mapping[str, Any], source: str) -> Pair | None:
    """Return the pair of a line: of pairs and shadows, or a decision of an audit trail that names its neighbour."""
    is_decision = "outcome" in row
    a, b = (row.get("matched"), row.get("query")) if is_decision else (row.get("a"), row.get("b"))
    if not (isinstance(a, str) and isinstance(b, str)) or a.startswith(HASHED) or b.startswith(HASHED):
        return None
    if row.get("turns_a") or row.get("turns_b") or canonical_text(a) == canonical_text(b):
        return None
    same, cosine = row.get("same", row.get("label")), row.get("similarity")
    return Pair(
        a,
        b,
        float(cosine) if isinstance(cosine, int | float) and -1 <= cosine <= 1 else None,
        bool(same) if same in (0, 1) else None,
        source,
        _texts(row, "entry", "key") if is_decision else UNKNOWN,
        UNKNOWN if is_decision else _texts(row, "answer_a", "answer_b"),
    )


def has_texts(row: Mapping[str, Any]) -> bool:
    """Return whether a line names two questions as pairs and shadows do."""
    return None not in _texts(row, "a", "b")


def _texts(row: Mapping[str, Any], first: str, second: str) -> Sides:
    one, other = row.get(first), row.get(second)
    return one if isinstance(one, str) else None, other if isinstance(other, str) else None


def _filled(sides: Sides, known: Sides, is_turned: bool) -> Sides:
    one, other = known[::-1] if is_turned else known
    return sides[0] or one, sides[1] or other
