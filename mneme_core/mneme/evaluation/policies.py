"""A policy named on a command line."""

from __future__ import annotations

import importlib
from functools import reduce
from pathlib import Path
from typing import Any, Final

from mneme.engine.judge import Policy
from mneme.errors import InvalidArgumentError
from mneme.runtime.policy_file import NAMES, policy_named, read_policy

EXACT: Final = "exact"
HELP: Final = f"exact, {NAMES}, a policy file, or MODULE:ATTRIBUTE (a policy, or what makes one)"


def policy_of(spec: str, fingerprint: str) -> Policy | None:
    """Return the policy that `spec` names, for an embedder with this fingerprint; None for "exact".

    Whatever a module raises on import passes through. Raises InvalidArgumentError for what names no policy.
    """
    if spec == EXACT:
        return None
    named = policy_named(spec, fingerprint)
    if named is not None:
        return named
    name, _, argument = spec.partition(":")
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
