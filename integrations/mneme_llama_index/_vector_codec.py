"""An embedding as text, and back as the very numbers it had."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

# How exactly the numbers are kept: in 4 bytes each where that is all they have, as most models give them.
_TYPES: dict[str, np.dtype[Any]] = {"f4": np.dtype("<f4"), "f8": np.dtype("<f8")}


class VectorCodec:
    """For one embedding: a list of finite numbers."""

    def encode(self, value: Any) -> str | None:
        """Return the numbers as text, or None for what would come back different."""
        try:
            numbers = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            return None
        if not isinstance(value, list) or numbers.ndim != 1 or not numbers.size or not np.isfinite(numbers).all():
            return None
        if numbers.tolist() != value:
            return None
        with np.errstate(over="ignore"):
            short = numbers.astype(np.float32)
        name = "f4" if np.array_equal(short, numbers) else "f8"
        return f"{name}:{base64.b64encode(numbers.astype(_TYPES[name]).tobytes()).decode()}"

    def decode(self, text: str) -> list[float]:
        """Return the numbers kept as `text`. Raises ValueError when it is damaged."""
        name, _, packed = text.partition(":")
        if name not in _TYPES or not packed:
            raise ValueError("this is no embedding, or was stored by another version")
        numbers = np.frombuffer(base64.b64decode(packed, validate=True), dtype=_TYPES[name])
        vector: list[float] = numbers.tolist()
        return vector
