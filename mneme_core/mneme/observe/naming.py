"""Namespaces as labels of metrics: a bounded number of them, in a form that every exporter can send."""

from __future__ import annotations

import threading
from typing import Final

from mneme.errors import InvalidArgumentError

MOST_NAMESPACES: Final = 100
OTHERS: Final = "(others)"
"""The label of namespaces that came when there were enough."""
EMPTY: Final = "(empty)"
"""That of the namespace without a name."""
CHARS: Final = 200


class NamespaceLabels:
    """Gives each of the first `most` namespaces a label of its own: each is some hundred time series."""

    def __init__(self, most: int) -> None:
        if isinstance(most, bool) or not isinstance(most, int) or most < 0:
            raise InvalidArgumentError(f"most_namespaces is {most!r}; it is a whole number from 0 on.")
        self._most = most
        self._lock = threading.Lock()
        self._labels: dict[str, str] = {}

    def of(self, namespace: str) -> str:
        """Return the label of a namespace."""
        label = self._labels.get(namespace)
        return label if label is not None else self._new(namespace)

    def _new(self, namespace: str) -> str:
        with self._lock:
            if namespace not in self._labels:
                if len(self._labels) >= self._most:
                    return OTHERS
                self._labels[namespace] = _label(namespace)
            return self._labels[namespace]


def _label(namespace: str) -> str:
    # A lone surrogate would make the whole page of metrics fail, each time it is asked for.
    text = namespace.encode("utf-8", "backslashreplace").decode("utf-8") or EMPTY
    return text if len(text) <= CHARS else f"{text[: CHARS - 1]}…"
