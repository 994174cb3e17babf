"""Pairs out of a log of queries: what a cache would have had to decide."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mneme.engine.canonical import canonical_text
from mneme.errors import InvalidArgumentError
from mneme.indexes.base import Vector
from mneme.runtime.pairs import Pair

FLOOR = 0.6
BLOCK = 512


class Known(Protocol):
    """Has the unit vectors of texts, such as `Vectors`."""

    def of(self, text: str) -> Vector | None:
        """Return a text's vector; None where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Mined:
    """What a log holds."""

    requests: int
    repeats: int
    """Requests that equal an earlier one."""
    pairs: tuple[Pair, ...]
    """Of the others each that has an earlier neighbour, with the nearest: (earlier, asked)."""


def read_log(path: str | PathLike[str]) -> list[str]:
    """Return the queries of a log in order: a text a line, or JSON lines with "query", "prompt" or "messages".

    Empty lines are skipped, and those of an AuditTrail that have no question; of messages the last is the query.
    Raises OSError, or InvalidArgumentError naming the line or the file.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise InvalidArgumentError(f"{path} is not UTF-8: {error}") from error
    read = (_query(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.strip())
    queries = [query for query in read if query is not None]
    if not queries:
        raise InvalidArgumentError(f"{path} holds no queries.")
    return queries


def mine(queries: Sequence[str], vectors: Known, *, floor: float = FLOOR) -> Mined:
    """Return the nearest earlier query of each that is no repeat, where it lies at `floor` or nearer.

    vectors: must know the queries. What the embedder has no vector for has no neighbours.
    Takes a product of each query with all before it.
    """
    first: dict[str, str] = {}
    for query in queries:
        first.setdefault(canonical_text(query), query)
    known = [(query, vector) for query in first.values() if (vector := vectors.of(query)) is not None]
    pairs: list[Pair] = []
    if known:
        rows = np.stack([vector for _, vector in known])
        for start in range(0, len(rows), BLOCK):
            block = rows[start : start + BLOCK] @ rows[: start + BLOCK].T
            for offset, similarities in enumerate(block):
                place = start + offset
                if place and similarities[:place].max() >= floor:
                    pairs.append((known[int(similarities[:place].argmax())][0], known[place][0]))
    return Mined(len(queries), len(queries) - len(first), tuple(pairs))


def sample(pairs: Sequence[Pair], number: int, seed: int = 0) -> list[Pair]:
    """Return so many of the pairs, each as likely as the others, in an order of chance."""
    chance = random.Random(seed)  # noqa: S311  # a sample, no secret
    return chance.sample(list(pairs), min(number, len(pairs)))


def _query(line: str, place: str) -> str | None:
    if not line.lstrip().startswith("{"):
        return line.strip()
    try:
        value: Any = json.loads(line)
    except ValueError as error:
        raise InvalidArgumentError(f"{place} is not JSON: {error}") from error
    query = value.get("query", value.get("prompt"))
    messages = value.get("messages")
    if query is None and isinstance(messages, list) and messages and isinstance(messages[-1], dict):
        query = messages[-1].get("content")
    if query is None and "outcome" in value:
        return None
    if not isinstance(query, str):
        raise InvalidArgumentError(f'{place} has no text "query", "prompt" or "messages".')
    return query
