"""What a cache decided about one request, and who is told of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeAlias, get_args, runtime_checkable

from mneme.model import HitLayer

Decided: TypeAlias = Literal["exact", "semantic", "stale", "refused", "miss", "bypass", "computed", "shared"]
"""`exact`, `semantic`, `stale`: served. `refused`: an answer that may not be stored, given again. `miss`, `bypass`: not
served. `computed`, `shared`: what came of a miss in `get_or_compute`, by this call or by the one it waited for."""
DECIDED: Final[tuple[Decided, ...]] = get_args(Decided)
AFTER_A_MISS: Final = ("computed", "shared")
"""They are told beside the `miss` of the same call, not in its place."""

StepName: TypeAlias = Literal["lookup", "embed", "compute"]
STEPS: Final[tuple[StepName, ...]] = get_args(StepName)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided about one request. `query`, `matched` and `verdict` quote what people wrote."""

    time: float
    """Seconds since the epoch, by the cache's clock."""
    seconds: float
    """Since the call began."""
    namespace: str
    outcome: Decided
    key: str
    """The request's exact key, hexadecimal: equal requests share it, and so do all decisions about one call."""
    query: str
    reason: str | None = None
    """Of a miss, as in its event."""
    layer: HitLayer | None = None
    similarity: float | None = None
    """Of the hit, or of the nearest neighbour that was refused."""
    confidence: float | None = None
    entry: str | None = None
    """The key of the entry that was served, or of that neighbour."""
    matched: str | None = None
    """Its question."""
    verdict: str | None = None
    """Why the policy accepted it, or not; None in the exact layer."""


@runtime_checkable
class Observer(Protocol):
    """Hears every decision of a cache; a plain function of a Decision will do in its place."""

    def decided(self, decision: Decision) -> None:
        """Hear a decision, on the caller's thread: it must not block. What it raises is logged, and that is all."""
        ...


@runtime_checkable
class Stepper(Protocol):
    """An observer that is around the steps of a call, too; `steps` names which."""

    @property
    def steps(self) -> tuple[StepName, ...]:
        """The steps it wants to be around."""
        ...

    def step(self, name: StepName, about: dict[str, Any]) -> AbstractContextManager[object]:
        """Return what is entered before the step and left after it, in one thread or task.

        about: for `embed` the `model`, the `provider` ("openai" or None), the `dim` and the number of `texts`; for
        `lookup` the `query`, where it is text.
        """
        ...


Listener: TypeAlias = Observer | Callable[[Decision], object]
