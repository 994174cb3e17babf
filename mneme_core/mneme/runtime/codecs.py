"""Codecs that come with Mneme."""

from __future__ import annotations

import json
import logging
from typing import Any

_log = logging.getLogger("mneme.cache")


class JsonCodec:
    """Stores JSON values: `get_or_compute(query, compute, codec=mneme.JsonCodec())`.

    A value that would come back different, such as a tuple, a mapping whose keys are numbers or an object, is not
    cached, with a WARNING.
    """

    def encode(self, value: Any) -> str | None:
        """Return `value` as JSON, or None where it would not come back equal."""
        try:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False)
            back = json.loads(text)
        except (TypeError, ValueError, RecursionError) as error:
            _log.warning("a value of type %s is not cached, it is not JSON: %s", type(value).__name__, error)
            return None
        if back != value:
            _log.warning("a value of type %s is not cached, as JSON it comes back different", type(value).__name__)
            return None
        return text

    def decode(self, text: str) -> Any:
        """Return the value of a text."""
        return json.loads(text)
