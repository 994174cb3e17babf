"""The limit that the explorer and the near misses are shown for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from mneme.engine.guarded import Guarded
from mneme.engine.judge import Threshold
from mneme.evaluation.tuning import PolicyKind


@dataclass(frozen=True, slots=True)
class Limit:
    """A kind of policy, and what is compared with what it finds."""

    kind: PolicyKind
    value: float
    starts: Mapping[PolicyKind, float]
    """Of each kind the limit that is meant where none is given."""

    @property
    def policy(self) -> str | None:
        """The text that a program gives as `policy=`; None where none serves so little."""
        if self.kind == "threshold":
            return f"threshold:{self.value:g}"
        return f"guarded:{1 - self.value:.6g}" if self.value < 1 else None


def limit_of(given: Mapping[str, str], policy: Any) -> Limit:
    """Return the limit that a page or a form asks for; what makes no sense counts as not given.

    policy: what the program judges with; None for what `SemanticCache.open` does.
    """
    starts: dict[PolicyKind, float] = {"threshold": Threshold().threshold, "guarded": 1 - Guarded().max_error}
    kind: PolicyKind = "guarded"
    if isinstance(policy, Threshold):
        kind, starts["threshold"] = "threshold", policy.threshold
    elif isinstance(policy, Guarded):
        starts["guarded"] = 1 - policy.max_error
    if given.get("kind") in starts:
        kind = cast("PolicyKind", given["kind"])
    value = number_in(given.get("limit"))
    if value is None or given.get("was", kind) != kind:  # the limit is that of another kind
        value = starts[kind]
    return Limit(kind, min(max(value, 0.0), 1.0), starts)


def number_in(text: str | None) -> float | None:
    """Return the number of a field; None for what is none."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return None if math.isnan(number) else number
