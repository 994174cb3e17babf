"""What an answer cost: a number in the caller's unit, kept in the entry's metadata."""

from __future__ import annotations

import json
import math
from typing import Any, Final

from mneme.errors import InvalidArgumentError
from mneme.model import Metadata

COST: Final = "mneme.cost"
"""The name in an entry's metadata under which its cost is kept; no caller sees it."""


def check_cost(cost: Any) -> float | None:
    """Return the cost; raises InvalidArgumentError unless it is a finite number from 0 on, or None."""
    if cost is None:
        return None
    if isinstance(cost, bool) or not isinstance(cost, int | float) or not 0 <= cost < math.inf:
        raise InvalidArgumentError(
            f"cost is {cost!r}; it is a finite number from 0 on, in a unit of your own, or None."
        )
    return float(cost)


def priced(metadata: Metadata, cost: float | None) -> Metadata:
    """Return metadata with the cost."""
    return metadata if cost is None else {**metadata, COST: cost}


def cost_in(metadata: str | None) -> float | None:
    """Return the cost that stored metadata, as JSON text, names; what is no cost is none."""
    if metadata is None or COST not in metadata:
        return None
    try:
        return check_cost(json.loads(metadata).get(COST))
    except InvalidArgumentError:
        return None
