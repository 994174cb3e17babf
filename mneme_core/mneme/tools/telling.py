"""What was decided about a request, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

SERVED: Final = {
    "exact": "The same request had been answered before.",
    "semantic": "Served the answer to a question near it: {verdict}.",
    "stale": "Served an answer whose time had run out, while a new one was made.",
    "refused": "Given again: an answer that may not be stored.",
    "bypass": "Not looked up: the caller passed the cache by.",
}
MISSED: Final = {
    "no_match": "Nothing to compare it with was stored.",
    "below_threshold": "The nearest question was refused: {verdict}.",
    "refused_by_policy": "The nearest question was refused: {verdict}.",
    "reported_wrong": "It might have been served but for a report: {verdict}.",
    "embedder_failure": "It could not be compared: the embedder failed.",
    "unembeddable": "It could not be compared: the embedder has no vector for it.",
    "dim_mismatch": "It could not be compared: its vector has another length than those of the cache.",
    "store_failure": "It could not be looked up: the store failed.",
}


def reason_of(decision: Mapping[str, Any]) -> str:
    """Return why a decision was made, as a sentence, by the fields of an audit trail, of which some may be missing."""
    outcome, reason = str(decision["outcome"]), decision.get("reason")
    verdict = str(decision.get("verdict") or "")
    if outcome != "miss":
        text = SERVED.get(outcome, f"{outcome}.")
    elif reason == "below_threshold" and not verdict:
        return "Nothing near enough was stored."
    else:
        text = MISSED.get(str(reason), f"Not served: {reason}." if reason else "Not served.")
    return text.replace("{verdict}", verdict) if verdict else text.replace(": {verdict}", "")
