"""A policy as a text: a name such as "guarded:0.05", or the file that calibration wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final

from mneme.engine.guarded import Guarded
from mneme.engine.judge import Policy, Threshold
from mneme.engine.likeness import calibration_for
from mneme.errors import InvalidArgumentError

NAMES: Final = "guarded, guarded:MAX_ERROR, threshold:COSINE"
FORMAT: Final = "mneme-policy"
VERSION: Final = 1


class PolicyFileNotFoundError(InvalidArgumentError, FileNotFoundError):
    """A text that names no policy, and no file either."""


def policy_given(given: Any, fingerprint: str) -> Any:
    """Return the policy that `policy=` means, for a cache whose embedder has this fingerprint: a text names one.

    What is no text passes: the options say what is wrong with it. Raises InvalidArgumentError and what
    `read_policy` raises.
    """
    if not isinstance(given, str | PathLike):
        return given
    found = policy_named(given, fingerprint) if isinstance(given, str) else None
    if found is not None:
        return found
    if not Path(given).is_file():
        raise PolicyFileNotFoundError(
            f"policy is {str(given)!r}, which is no file and no policy's name: {NAMES}, or the file that "
            '`mneme calibrate` wrote. To compare no meaning pass mode="exact" with each call.'
        )
    return read_policy(given, fingerprint)


def policy_named(name: str, fingerprint: str) -> Policy | None:
    """Return the policy of a name like "guarded:0.05", or None. Raises InvalidArgumentError for a wrong number."""
    kind, colon, number = name.partition(":")
    if kind == "guarded":
        calibration = calibration_for(fingerprint)
        if not colon:
            return Guarded(calibration=calibration)
        return Guarded(max_error=_number(number, name), calibration=calibration)
    # The similarity was chosen on purpose, so no second cutoff.
    return Threshold(_number(number, name), min_confidence=0.0) if kind == "threshold" and colon else None


def _number(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InvalidArgumentError(f"{name!r} names no policy: {text!r} is no number. It is {NAMES}.") from error


def write_policy(
    policy: Guarded | Threshold, fingerprint: str, path: str | PathLike[str], measured: Mapping[str, Any]
) -> None:
    """Write a policy for the embedder with this fingerprint, with what was measured of it. Raises OSError."""
    numbers: dict[str, Any] = (
        {"policy": "guarded", "threshold": policy.threshold, "max_error": policy.max_error}
        if isinstance(policy, Guarded)
        else {"policy": "threshold", "threshold": policy.threshold}
    )
    content = {"format": FORMAT, "version": VERSION, **numbers, "embedder": fingerprint, "measured": dict(measured)}
    Path(path).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_policy(path: str | PathLike[str], fingerprint: str) -> Policy:
    """Return the policy of a file, for a cache whose embedder has this fingerprint.

    Raises InvalidArgumentError for a file that is none, or was calibrated with another embedder, OSError for one that
    cannot be read.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # of JSON, or of UTF-8
        raise InvalidArgumentError(f"{path} is no policy file: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InvalidArgumentError(f'{path} is no policy file: it has no "format": "{FORMAT}".')
    if content.get("version") != VERSION:
        raise InvalidArgumentError(
            f"{path} has version {content.get('version')!r} of the format; this Mneme reads {VERSION}."
        )
    if content.get("embedder") != fingerprint:
        raise InvalidArgumentError(
            f"{path} was calibrated with the embedder {content.get('embedder')!r}; this cache uses {fingerprint!r}. "
            "Similarities of two embedders mean different things: calibrate again."
        )
    try:
        if content["policy"] == "guarded":
            calibration = calibration_for(fingerprint)
            return Guarded(content["threshold"], max_error=content["max_error"], calibration=calibration)
        if content["policy"] == "threshold":
            # The similarity was chosen on purpose, so no second cutoff.
            return Threshold(content["threshold"], min_confidence=0.0)
    except (KeyError, TypeError, OverflowError) as error:
        raise InvalidArgumentError(f"{path} is no policy file: {type(error).__name__}: {error}") from error
    raise InvalidArgumentError(f'{path} has the policy {content["policy"]!r}; it is "guarded" or "threshold".')
