"""Until when an entry may be served."""

from __future__ import annotations

import math

from mneme.errors import InvalidArgumentError
from mneme.model import NEVER


def age_seconds(created_at: float, now: float) -> float:
    """Return the age; a clock that went back makes no entry younger than new."""
    return max(0.0, now - created_at)


def is_expired(created_at: float, ttl: float | None, now: float) -> bool:
    """Return whether the age has reached `ttl`, both in seconds, or cannot be known; None never runs out."""
    return ttl is not None and not now - created_at < ttl


def effective_ttl(ttl: float | None, default_ttl: float | None) -> float | None:
    """Return the ttl to store: the entry's own, else the default; NEVER is None.

    Raises InvalidArgumentError when it is not a number above zero.
    """
    chosen = default_ttl if ttl is None else ttl
    if chosen is None:
        return None
    check_ttl(chosen, "ttl")
    return None if chosen == NEVER else float(chosen)


def jittered(ttl: float | None, jitter: float, key: bytes) -> float | None:
    """Return the ttl shortened by up to its share `jitter`, in [0, 1): by how much, the key alone decides.

    What is stored together does not run out together.
    """
    if ttl is None or not jitter:
        return ttl
    return ttl * (1.0 - jitter * (int.from_bytes(key[:4], "big") / 2**32))


def is_stale(created_at: float, ttl: float | None, grace: float, now: float) -> bool:
    """Return whether an entry has run out, but not for longer than `grace` seconds."""
    return ttl is not None and is_expired(created_at, ttl, now) and not is_expired(created_at, ttl + grace, now)


def check_time(now: float) -> float:
    """Return the time that a clock gave; raises InvalidArgumentError for one that is no number of seconds."""
    if isinstance(now, int | float) and math.isfinite(now):
        return now
    raise InvalidArgumentError(f"clock() gave {now!r}; it gives seconds, such as time.time. Nothing was changed.")


def check_ttl(ttl: float | None, name: str) -> None:
    """Raise InvalidArgumentError unless `ttl` is None or a number of seconds above zero."""
    if ttl is None:
        return
    if isinstance(ttl, bool) or not isinstance(ttl, int | float) or math.isnan(ttl) or ttl <= 0:
        others = "None for the default, or mneme.NEVER" if name == "ttl" else "or None"
        raise InvalidArgumentError(f"{name} is {ttl!r}; it is a number of seconds above 0, {others}.")
