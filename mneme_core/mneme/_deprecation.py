"""How a public name or argument leaves: it works and warns until the version in which it is gone."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def deprecated(*, since: str, gone_in: str, instead: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator of a function or method that is to leave.

    since, gone_in: versions, as in "0.4". instead: what to write, in a few words.
    """

    def mark(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def warn_and_call(*args: P.args, **kwargs: P.kwargs) -> R:
            _warn(f"{function.__qualname__}()", since, gone_in, instead)
            return function(*args, **kwargs)

        return warn_and_call

    return mark


def renamed_arguments(*, since: str, gone_in: str, **names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator of a function whose keyword arguments have new names: `old="new"`.

    Raises TypeError where a call gives both.
    """

    def mark(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def rename_and_call(*args: P.args, **kwargs: P.kwargs) -> R:
            given: dict[str, Any] = kwargs
            for old, new in names.items():
                if old in given:
                    if new in given:
                        raise TypeError(f"{function.__qualname__}() got {new} and {old}, its former name. Give {new}.")
                    _warn(f"the argument {old} of {function.__qualname__}()", since, gone_in, f"write {new}=")
                    given[new] = given.pop(old)
            return function(*args, **kwargs)

        return rename_and_call

    return mark


def _warn(what: str, since: str, gone_in: str, instead: str) -> None:
    # 1 is this line, 2 the wrapper, 3 the user's.
    warnings.warn(
        f"{what} is deprecated since {since} and will be gone in {gone_in}; {instead}.",
        DeprecationWarning,
        stacklevel=3,
    )
