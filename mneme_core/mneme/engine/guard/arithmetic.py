"""What is to be computed first."""

from __future__ import annotations

import re
from typing import Final

from mneme.engine.guard.difference import Difference

_OPERATION: Final = re.compile(r"[\d)]\s*[-+*/×÷·^]\s*[(\d]")
_REST: Final = re.compile(r"[^()\d.,+*/×÷·^-]+")


def grouping_difference(a: str, b: str) -> Difference | None:
    """Return the difference of two calculations of which one has brackets: (2 + 3) * 4, 2 + 3 * 4."""
    if ("(" in a or "(" in b) and _OPERATION.search(a) and _OPERATION.search(b):
        first, second = (_REST.sub("", text) for text in (a, b))
        if first != second:
            return Difference("order", first, second)
    return None
