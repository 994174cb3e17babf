"""Telling the metrics hook and the plugins what happened; whatever they raise stays here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from mneme.model import MetricsHook
from mneme.observe.observers import BUSY, Observers

_log = logging.getLogger("mneme.metrics")


class Events:
    """Calls each listener with (event, attributes); holds those who hear decisions. Used with no lock held.

    hit {namespace, layer, similarity, confidence, age_seconds}; miss {namespace, reason};
    eviction {namespace, count}; expired {namespace, count}; invalidated {namespace (None for all), count};
    write_failed {count, error}: of a cache with durability="deferred", how many changes wait, and why.
    """

    def __init__(self, listeners: Sequence[MetricsHook | None], observers: Sequence[Any]) -> None:
        self._listeners: tuple[Callable[[str, dict[str, Any]], object], ...] = tuple(
            listener for listener in listeners if listener is not None
        )
        self.observers = Observers(observers)
        self.heard = bool(self._listeners) or self.observers.heard
        """Whether anybody listens, to events or to decisions."""

    def emit(self, event: str, **attributes: Any) -> None:
        """Call the listeners, each with attributes of its own; none of what a listener itself does with a cache."""
        if BUSY.telling:
            return
        BUSY.telling = True
        try:
            for listener in self._listeners:
                try:
                    listener(event, dict(attributes))
                except Exception:
                    _log.warning("metrics hook raised on %r", event, exc_info=True)
        finally:
            BUSY.telling = False
