"""What one decorated function keeps and how, with the user's own functions kept from failing a call."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from mneme import TokenUsage, usage_in
from mneme_decorator._codecs import Codec

# The answer of any function.
Answer: TypeAlias = Any

UsageOf: TypeAlias = Callable[[Answer], TokenUsage | Mapping[str, Any] | None]
"""A function of the answer (for a generator: of the list of chunks) that gives the tokens it took."""

_log = logging.getLogger("mneme.decorator")


class Keeping:
    """Which answers of a function are kept, and as what text.

    Failures of the user's `codec`, `cache_if` and `usage` are a WARNING, said once.
    """

    def __init__(
        self,
        name: str,
        codec: Codec,
        cache_if: Callable[[Answer], bool],
        calls_tools: Callable[[Answer], bool],
        usage: UsageOf = usage_in,
    ) -> None:
        self._name = name
        self._codec = codec
        self._cache_if = cache_if
        self._calls_tools = calls_tools
        self._usage = usage
        self._warned: set[str] = set()

    def encode(self, answer: Answer) -> str | None:
        """Return the text to keep, or None."""
        try:
            return self._codec.encode(answer)
        except Exception as error:
            self.warn(f"an answer of type {type(answer).__name__} cannot be kept", error)
            return None

    def decode(self, text: str) -> Answer:
        """Return the answer that was kept. Raises what the codec raises: the cache counts it as a miss."""
        return self._codec.decode(text)

    def admits(self, answer: Answer) -> bool | Literal["exact"]:
        """Say whether `answer` may be kept; calls of tools for the exact words alone, whose details they carry."""
        try:
            return bool(self._cache_if(answer)) and ("exact" if self._calls_tools(answer) else True)
        except Exception as error:
            self.warn("cache_if failed", error)
            return False

    def used(self, answer: Answer) -> TokenUsage | Mapping[str, Any] | None:
        """Return the tokens that `answer` took, where that is known."""
        try:
            return self._usage(answer)
        except Exception as error:
            self.warn("usage failed", error)
            return None

    def warn(self, what: str, error: Exception | str) -> None:
        """Log `what` and `error`, once for each kind of either."""
        said = f"{what}: {error}"
        if said not in self._warned and len(self._warned) < 100:
            self._warned.add(said)
            _log.warning("%s: %s", self._name, said)
