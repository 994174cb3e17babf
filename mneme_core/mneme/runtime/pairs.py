"""Sets of question pairs: which wordings must share an answer, and which must not."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

from mneme.engine.canonical import canonical_text
from mneme.errors import InvalidArgumentError

Pair: TypeAlias = tuple[str, str]
Pairs: TypeAlias = Sequence[Pair]


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """Two questions, and whether one answer serves both."""

    a: str
    b: str
    same: bool
    kind: str = ""
    """What the pair is an example of; results are also given by kind."""
    cluster: str = ""
    """Pairs of one origin, such as a template: resampled as one. By default each first question is its own."""
    turns_a: tuple[str, ...] = ()
    """What the user said before, in the first conversation."""
    turns_b: tuple[str, ...] = ()
    similarity: float | None = None
    """Cosine of the two, where the file says it."""

    @property
    def origin(self) -> str:
        """The pair's cluster."""
        return self.cluster or self.a


def read_pairs(path: str | PathLike[str]) -> list[Pair]:
    """Return the pairs of a JSONL file whose lines are objects with the texts "a" and "b".

    Empty lines are skipped, other members ignored.
    Raises OSError when the file cannot be read, InvalidArgumentError naming a line that is no such object.
    """
    return [_parse(_value(line, place), place) for line, place in _lines(path)]


def read_labelled(path: str | PathLike[str]) -> list[LabelledPair]:
    """Return the pairs of a JSONL file whose lines also say whether they are the "same": true or false, 1 or 0.

    Optional: the texts "kind" and "cluster", the lists of texts "turns_a" and "turns_b", the number "similarity".
    A later line with "withdrawn": true in the place of "same" takes back what was said of its pair.
    Raises as `read_pairs` does.
    """
    pairs: list[LabelledPair] = []
    for line, place in _lines(path):
        _add(pairs, _value(line, place), place)
    return pairs


def latest(pairs: Iterable[LabelledPair]) -> list[LabelledPair]:
    """Return the pairs, of several labels for the same two questions and turns the last alone."""
    said = {frozenset([(pair.a, pair.turns_a), (pair.b, pair.turns_b)]): pair for pair in pairs}
    return list(said.values())


def read_noted(path: str | PathLike[str]) -> tuple[list[LabelledPair], int]:
    """Return the pairs of a file that Mneme itself adds to, and how many of its lines cannot be read.

    The machine may have stopped within a line. Raises OSError, InvalidArgumentError for a file without one such pair.
    """
    pairs: list[LabelledPair] = []
    errors: list[InvalidArgumentError] = []
    for line, place in _lines(path):
        try:
            _add(pairs, _value(line, place), place)
        except InvalidArgumentError as error:
            errors.append(error)
    if errors and not pairs:
        raise errors[0]
    return pairs, len(errors)


def read_rows(path: str | PathLike[str]) -> tuple[list[dict[str, Any]], int]:
    """Return the objects of a JSONL file, whatever they hold, and how many of its lines cannot be read.

    The file may be written meanwhile. Raises OSError, InvalidArgumentError for a file without one such line.
    """
    rows: list[dict[str, Any]] = []
    errors: list[InvalidArgumentError] = []
    for line, place in _lines(path):
        try:
            rows.append(_value(line, place))
        except InvalidArgumentError as error:
            errors.append(error)
    if errors and not rows:
        raise errors[0]
    return rows, len(errors)


def _labelled(value: dict[str, Any], place: str) -> LabelledPair:
    a, b = _parse(value, place)
    same = value.get("same", value.get("label"))
    if not isinstance(same, int) or same not in (0, 1):
        raise InvalidArgumentError(f'{place} does not say whether the pair is the "same": true or false.')
    turns_a, turns_b = _turns(value, "turns_a", place), _turns(value, "turns_b", place)
    kind, cluster = str(value.get("kind") or ""), str(value.get("cluster") or "")
    similarity = value.get("similarity")
    if not (isinstance(similarity, int | float) and -1.0 <= similarity <= 1.0):
        similarity = None
    return LabelledPair(a, b, bool(same), kind, cluster, turns_a, turns_b, similarity)


def _add(pairs: list[LabelledPair], value: dict[str, Any], place: str) -> None:
    """Add the pair of a line; one that withdraws a report takes away what was said of its pair."""
    if value.get("withdrawn") is not True:
        pairs.append(_labelled(value, place))
        return
    gone = set(map(canonical_text, _parse(value, place)))
    pairs[:] = [pair for pair in pairs if {canonical_text(pair.a), canonical_text(pair.b)} != gone]


def write_labelled(pairs: Sequence[LabelledPair], path: str | PathLike[str]) -> None:
    """Write pairs as `read_labelled` reads them, in place of what the file held. Raises OSError."""
    lines = (json.dumps({"a": pair.a, "b": pair.b, "same": pair.same, "kind": pair.kind}) for pair in pairs)
    Path(path).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def append_row(path: str | PathLike[str], row: dict[str, object]) -> None:
    """Add a line of JSON to a file that its owner alone can read, after ending one that was torn. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        is_torn = file.seek(0, os.SEEK_END) > 0 and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n"
        file.write(("\n" if is_torn else "").encode() + json.dumps(row).encode() + b"\n")


def _lines(path: str | PathLike[str]) -> Iterator[tuple[str, str]]:
    """Yield the lines of a JSONL file that are not empty, each with the words that name its place."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidArgumentError(f"{path} is not UTF-8: {error}") from error
    # Not splitlines(): it also splits at U+2028, which a JSON text may contain.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield line, f"{path}, line {number}"


def _value(line: str, place: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"{place} is not JSON: {error}") from error
    return value if isinstance(value, dict) else {}


def _parse(value: dict[str, Any], place: str) -> Pair:
    if not all(isinstance(value.get(side), str) for side in ("a", "b")):
        raise InvalidArgumentError(f'{place} is not an object with the texts "a" and "b".')
    return value["a"], value["b"]


def _turns(value: dict[str, Any], name: str, place: str) -> tuple[str, ...]:
    turns = value.get(name, [])
    if not isinstance(turns, list) or not all(isinstance(turn, str) for turn in turns):
        raise InvalidArgumentError(f'{place}: "{name}" is not a list of texts.')
    return tuple(turns)
