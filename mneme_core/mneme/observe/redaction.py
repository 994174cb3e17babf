"""What a text that people wrote becomes before it is written down."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias, cast, get_args

from mneme.errors import InvalidArgumentError

Redact: TypeAlias = Callable[[str], str | None]
"""(text) -> what is written in its place; None leaves it out."""
RedactName: TypeAlias = Literal["personal", "hash", "omit"]

DIGEST_BYTES: Final = 16
HASHED: Final = "blake2b:"
"""What a digest begins with."""


def hashed(text: str) -> str:
    """Return a digest, by which equal texts can be told to be equal; whoever guesses a short text can check it."""
    return HASHED + hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).hexdigest()


def omitted(_: str) -> None:
    """Return None."""


def redaction(given: Any) -> Redact:
    """Return what redacts: a function, or one by its name; raises InvalidArgumentError for anything else."""
    match given:
        case "personal":
            # Here, where no thread that writes is under way: a process that forks within an import never gets it.
            from mneme.pii import looks_personal

            return lambda text: None if looks_personal(text) else text
        case "hash":
            return hashed
        case "omit":
            return omitted
    if not callable(given):
        names = ", ".join(map(repr, get_args(RedactName)))
        raise InvalidArgumentError(f"redact is {given!r}; it is one of {names}, or a function of a text.")
    return cast("Redact", given)
