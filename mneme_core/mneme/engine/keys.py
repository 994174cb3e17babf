"""Partitions and exact keys: the only hashing in Mneme.

partition = H(namespace, vary); key = H(partition, canonical query). Two requests share an entry when their
keys are equal, and similarity is computed only between requests of one partition.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, TypeAlias

from mneme.engine.canonical import canonical_text
from mneme.errors import InvalidArgumentError
from mneme.model import Vary

Normalizer: TypeAlias = Callable[[str], str]

# 128 bits: two of 2**40 entries collide with a probability under 2**-48.
DIGEST_BYTES = 16


def verbatim_text(query: str) -> str:
    """Return `query` as it is."""
    return query


def normalizer(normalize: bool | Normalizer) -> tuple[Normalizer, str]:
    """Return the function that `normalize=` asks for, and the word under which a store remembers it.

    Raises InvalidArgumentError for what is neither a bool nor callable.
    """
    if callable(normalize):
        return _checked(normalize), "custom"
    if not isinstance(normalize, bool):
        raise InvalidArgumentError(f"normalize is {normalize!r}; it is True, False or a function from text to text.")
    return (canonical_text, "default") if normalize else (verbatim_text, "none")


def _checked(custom: Normalizer) -> Normalizer:
    """Return a user's function with its failures in our words."""

    def normalize(query: str) -> str:
        try:
            text = custom(query)
        except Exception as error:
            raise InvalidArgumentError(f"normalize raised {type(error).__name__}: {error}") from error
        if not isinstance(text, str):
            raise InvalidArgumentError(f"normalize returned {type(text).__name__}; it must return text (str).")
        return text

    return normalize


def partition_of(namespace: str, vary: Vary | None = None, normalize: str = "default") -> bytes:
    """Return the 16-byte partition of a namespace and all that must be equal for an answer to be reusable.

    normalize: the word of `normalizer`. A query's canonical text says nothing beside one that was made in another
    way: "us" is "US" in one file that is opened with and without normalisation.
    Raises InvalidArgumentError when `vary` is not a mapping of JSON values.
    """
    # The length first, so that no namespace can run over into the vary that follows it.
    name = namespace.encode("utf-8", "surrogatepass")
    person = b"" if normalize == "default" else normalize.encode()
    digest = blake2b(len(name).to_bytes(8, "big") + name, digest_size=DIGEST_BYTES, person=person)
    if vary is not None and not isinstance(vary, Mapping):
        raise InvalidArgumentError(f"vary is of type {type(vary).__name__}; it is a mapping such as {{'model': 'm'}}.")
    if vary:
        digest.update(canonical_json(dict(vary)).encode("utf-8", "surrogatepass"))
    return digest.digest()


def key_of(partition: bytes, canonical: str) -> bytes:
    """Return the 16-byte exact key of a canonical query in a partition."""
    try:
        text = canonical.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        text = canonical.encode("utf-8", "surrogatepass")
    return blake2b(partition + text, digest_size=DIGEST_BYTES).digest()


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a JSON value: keys sorted, no spaces, 1, 1.0, true and "1" all different.

    Raises InvalidArgumentError for what JSON cannot say: other types, keys that are not text, NaN, infinity.
    """
    try:
        _check_json(value, "vary")
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except InvalidArgumentError:
        raise
    except (RecursionError, ValueError) as error:  # nested without end, or a number of thousands of digits
        raise InvalidArgumentError(f"vary cannot be written as JSON: {error}.") from error


def _check_json(value: Any, where: str) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            if not isinstance(name, str):
                raise InvalidArgumentError(
                    f"{where} has the key {name!r} of type {type(name).__name__}; JSON keys are text. Use str(key)."
                )
            _check_json(item, f"{where}[{name!r}]")
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            _check_json(item, f"{where}[{position}]")
    elif isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise InvalidArgumentError(f"{where} is {value}, which equals nothing. Leave it out or use None.")
    elif not (value is None or isinstance(value, str | int | bool)):
        raise InvalidArgumentError(
            f"{where} is of type {type(value).__name__}, which is not JSON. "
            "Name what matters in it with text, numbers, lists and mappings."
        )
