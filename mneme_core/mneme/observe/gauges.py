"""What gauges show of a cache's stats, for every exporter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mneme.model import Stats

# Name -> what it says, its unit by UCUM, its labels beside the namespace.
GAUGES: Final[dict[str, tuple[str, str, tuple[str, ...]]]] = {
    "entries": ("Entries held.", "{entry}", ()),
    "memory_bytes": ("Bytes of the vectors held.", "By", ()),
    "resident_bytes": ("Bytes that the whole cache holds in memory.", "By", ()),
    "saved_seconds": ("What computing the answers that hits gave again once took.", "s", ()),
    "saved_tokens": ("Tokens that hits saved.", "{token}", ("model", "kind")),
    "saved_cost": ("Money that hits saved, by the prices of the cache.", "1", ("model",)),
}


def gauges_of(stats: Stats) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield name, labels and value; what is not known, or nothing yet, is left out."""
    yield "entries", {}, stats.entries
    yield "memory_bytes", {}, stats.memory_bytes_estimate
    if stats.namespace is None and stats.resident_bytes:
        yield "resident_bytes", {}, stats.resident_bytes
    if stats.saved_seconds:
        yield "saved_seconds", {}, stats.saved_seconds
    for saving in stats.savings:
        model = saving.usage.model
        yield "saved_tokens", {"model": model, "kind": "input"}, saving.usage.input_tokens
        yield "saved_tokens", {"model": model, "kind": "output"}, saving.usage.output_tokens
        if saving.cost is not None:
            yield "saved_cost", {"model": model}, saving.cost
