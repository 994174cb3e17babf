"""Codecs that come with Mneme."""

from __future__ import annotations

import json
import logging
from typing import Any

_SCALARS = (str, int, float, bool, type(None))
_log = logging.getLogger("mneme.cache")


class JsonCodec:
    """Stores JSON values: `get_or_compute(query, compute, codec=mneme.JsonCodec())`.

    A value that would come back as another type, such as a tuple, a mapping whose keys are numbers, an IntEnum or an
    object, is not cached, with a WARNING.
    """

    def encode(self, value: Any) -> str | None:
        """Return `value` as JSON, or None where it would not come back equal, and of the same types."""
        try:
            other = not_json(value)
            text = json.dumps(value, ensure_ascii=False, allow_nan=False) if other is None else None
        except (TypeError, ValueError, RecursionError) as error:
            _log.warning("a value of type %s is not cached, it is not JSON: %s", type(value).__name__, error)
            return None
        if other is not None:
            _log.warning("a value of type %s is not cached, JSON gives back no %s", type(value).__name__, other)
        return text

    def decode(self, text: str) -> Any:
        """Return the value of a text."""
        return json.loads(text)


def not_json(value: Any) -> str | None:
    """Return the name of the first type within `value` that JSON does not give back, or None."""
    if type(value) is dict:
        keys = (f"key of type {type(key).__name__}" for key in value if type(key) is not str)
        return next(keys, None) or next(filter(None, map(not_json, value.values())), None)
    if type(value) is list:
        return next(filter(None, map(not_json, value)), None)
    return None if type(value) in _SCALARS else type(value).__name__
