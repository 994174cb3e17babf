"""A policy named on a command line."""

from __future__ import annotations

import importlib
from functools import reduce
from pathlib import Path
from typing import Any, Final

from mneme.engine.guarded import Guarded
from mneme.engine.judge import Policy, Threshold
from mneme.engine.likeness import calibration_for
from mneme.errors import InvalidArgumentError
from mneme.runtime.policy_file import read_policy

EXACT: Final = "exact"
HELP: Final = (
    "exact, guarded, guarded:MAX_ERROR, threshold:COSINE, a policy file, or MODULE:ATTRIBUTE (a policy, or what makes "
    "one)"
)


def policy_of(spec: str, fingerprint: str) -> Policy | None:
    """Return the policy that `spec` names, for an embedder with this fingerprint; None for "exact".

    Whatever a module raises on import passes through. Raises InvalidArgumentError for what names no policy.
    """
    name, _, argument = spec.partition(":")
    if spec == EXACT:
        return None
    if name == "guarded":
        calibration = calibration_for(fingerprint)
        return (
            Guarded(max_error=_number(argument, spec), calibration=calibration)
            if argument
            else Guarded(calibration=calibration)
        )
    if name == "threshold":
        return Threshold(_number(argument, spec), min_confidence=0.0)
    if spec.endswith(".json") or Path(spec).is_file():
        return read_policy(spec, fingerprint)
    if not argument:
        raise InvalidArgumentError(f"{spec!r} names no policy; it is {HELP}.")
    found: Any = reduce(getattr, argument.split("."), importlib.import_module(name))
    if not isinstance(found, Policy) or isinstance(found, type):
        found = found()
    if not isinstance(found, Policy):
        raise InvalidArgumentError(f"{spec} is {found!r}; a policy has a `floor` and a method `judge`.")
    return found


def _number(text: str, spec: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InvalidArgumentError(f"{spec!r} names no policy: {text!r} is no number. It is {HELP}.") from error
