"""Earlier turns of a conversation that need not be equal, but must say the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from mneme.engine.guard.turns import Turn, shape_of, turns_difference
from mneme.engine.judge import Policy
from mneme.errors import InvalidArgumentError
from mneme.model import Neighbour, Vary, Verdict

TURNS: Final = "mneme.turns"
"""The name in an entry's metadata under which its turns are kept; no caller sees it."""


class Similar:
    """Earlier turns, for `vary={"turns": Similar(turns)}`: compared by meaning instead of exactly.

    turns: oldest first, each a text of the user, or a mapping with "role" and "content". The question itself is none.
    The user's turns must say the same, one by one, as the guard finds; where they hold code they must be equal. The
    assistant's must be equal unless the question names its subject ("What is the capital of *France*?"). Turns of other
    roles must be equal, in the same places. The turns are stored with the entry, in clear.
    Raises InvalidArgumentError for what are no turns.
    """

    __slots__ = ("turns",)

    def __init__(self, turns: Sequence[str | Mapping[str, Any]]) -> None:
        if isinstance(turns, str) or not isinstance(turns, Sequence):
            raise InvalidArgumentError(f"turns are of type {type(turns).__name__}; they are a list, the oldest first.")
        self.turns = tuple(_turn(turn, position) for position, turn in enumerate(turns))


class Split(NamedTuple):
    """A vary that names turns, taken apart."""

    exact: Vary
    """With the turns as they are: what an equal request has."""
    partition: Vary
    """Without them: what a similar request has."""
    turns: tuple[Turn, ...]


def split(vary: Vary) -> Split | None:
    """Return a vary taken apart, or None where it names no similar turns.

    Raises InvalidArgumentError where it names them twice.
    """
    names = [name for name, value in vary.items() if isinstance(value, Similar)]
    if not names:
        return None
    if len(names) > 1:
        raise InvalidArgumentError(f"vary names similar turns {len(names)} times, as {', '.join(names)}; it may once.")
    turns = vary[names[0]].turns
    said = [list(turn) for turn in turns]
    # What would be refused anyhow is not even looked at: of one follow-up there may be thousands.
    return Split({**vary, names[0]: said}, {**vary, names[0]: {TURNS: shape_of(turns)}}, turns)


class InContext:
    """A policy that also compares what was said before."""

    def __init__(self, inner: Policy, turns: tuple[Turn, ...]) -> None:
        self._inner = inner
        self._turns = turns

    @property
    def floor(self) -> float:
        """The inner policy's."""
        return self._inner.floor

    def judge(self, query: str, neighbour: Neighbour, neighbours: Sequence[Neighbour]) -> Verdict:
        """Judge as the inner policy does, then compare the turns."""
        verdict = self._inner.judge(query, neighbour, neighbours)
        if not verdict.accepted:
            return verdict
        reason = turns_difference(query, self._turns, neighbour.turns)
        reason = reason or turns_difference(neighbour.query, self._turns, neighbour.turns)
        return verdict if reason is None else Verdict(False, verdict.confidence, reason)


def _turn(turn: Any, position: int) -> Turn:
    role, text = ("user", turn) if isinstance(turn, str) else (None, None)
    if isinstance(turn, Mapping):
        role, text = turn.get("role"), turn.get("content")
    if not (isinstance(role, str) and isinstance(text, str)):
        raise InvalidArgumentError(
            f"turn {position} is of type {type(turn).__name__}; it is a text of the user, or a mapping with the texts "
            '"role" and "content".'
        )
    return role, text
