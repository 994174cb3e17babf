"""Whether the answer of a neighbour may be served."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, runtime_checkable

from mneme.errors import InvalidArgumentError
from mneme.model import Candidate, ConfidenceFn, Neighbour, Validator, Verdict, candidate_of

INVALID: Final = "refused by the validator"


@runtime_checkable
class Policy(Protocol):
    """Judges the neighbours of a query, one at a time, best first."""

    @property
    def floor(self) -> float:
        """The similarity below which no neighbour can be accepted; the search looks no lower."""
        ...

    def judge(self, query: str, neighbour: Neighbour, neighbours: Sequence[Neighbour]) -> Verdict:
        """Say whether `neighbour`'s answer may be served for `query`.

        neighbours: all that were found, best first, the judged one among them. Called in every semantic lookup:
        it must not block. An exception refuses the neighbour and is logged.
        """
        ...


@runtime_checkable
class Trial(Protocol):
    """A policy that decides what is served of what it accepts, and is told what was answered instead."""

    def judged(self, key: bytes, query: str, accepted: Candidate | None) -> Candidate | None:
        """Return what is served of the neighbour that was accepted for a request; called once for each search."""
        ...

    def answered(self, key: bytes, response: str) -> None:
        """Note the answer that was stored for a request. Called in every put: it must not block, nor raise."""
        ...


@runtime_checkable
class Featured(Protocol):
    """A policy that can say what it counts."""

    def features(self, query: str, neighbour: Neighbour) -> dict[str, Any]:
        """Return the numbers and flags of a neighbour by name, for people to read."""
        ...


@dataclass(frozen=True, slots=True)
class Threshold:
    """Accepts a neighbour whose similarity reaches `threshold` and whose confidence reaches `min_confidence`.

    The confidence is the similarity, unless `confidence_fn` says otherwise.
    """

    threshold: float = 0.85
    min_confidence: float = 0.7
    confidence_fn: ConfidenceFn | None = None

    def __post_init__(self) -> None:
        check_similarity(self.threshold, "similarity_threshold")
        if not (isinstance(self.min_confidence, int | float) and 0.0 <= self.min_confidence <= 1.0):
            raise InvalidArgumentError(f"min_confidence is {self.min_confidence!r}; it lies in [0, 1].")

    @property
    def floor(self) -> float:
        """The threshold."""
        return self.threshold

    def at(self, threshold: float) -> Threshold:
        """Return the same policy with another threshold."""
        return replace(self, threshold=threshold)

    def judge(  # the signature is the protocol's
        self,
        query: str,  # noqa: ARG002
        neighbour: Neighbour,
        neighbours: Sequence[Neighbour],  # noqa: ARG002
    ) -> Verdict:
        """Compare the similarity, then the confidence."""
        similarity = neighbour.similarity
        if similarity < self.threshold:
            return Verdict(False, similarity, f"similarity below {self.threshold:g}")
        confidence = similarity
        if self.confidence_fn is not None:
            confidence = float(self.confidence_fn(similarity, neighbour.age_seconds, neighbour.metadata))
        if not confidence >= self.min_confidence:  # NaN is refused too
            return Verdict(False, confidence, f"confidence below {self.min_confidence:g}")
        return Verdict(True, confidence, f"similarity at least {self.threshold:g}")


def check_similarity(value: float, name: str) -> None:
    """Raise InvalidArgumentError unless `value` is a number in [-1, 1]."""
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value) or not -1 <= value <= 1:
        raise InvalidArgumentError(f"{name} is {value!r}; it is a cosine, in [-1, 1].")


def is_servable(response: str) -> bool:
    """The default validator: refuse empty text and text that starts with an error marker."""
    return bool(response.strip()) and not response.startswith(("[LLM Error]", "[ERROR]"))


@dataclass(frozen=True, slots=True)
class Choice:
    """What came out of a list of neighbours."""

    accepted: Candidate | None
    refused: tuple[Candidate, ...]
    """Those judged before the accepted one, or all."""
    invalid: tuple[Neighbour, ...]
    """Those whose response the validator refused: they are to be removed."""
    errors: tuple[Exception, ...]
    """What a policy or validator raised; its neighbour was refused."""


def choose(query: str, neighbours: Sequence[Neighbour], policy: Policy, validator: Validator) -> Choice:
    """Judge `neighbours`, best first, until one may be served; a refused one hides none behind it."""
    refused: list[Candidate] = []
    invalid: list[Neighbour] = []
    errors: list[Exception] = []
    for neighbour in neighbours:
        verdict, error = assess(query, neighbour, neighbours, policy, validator)
        candidate = candidate_of(neighbour, verdict, {})
        if verdict.accepted:
            return Choice(candidate, tuple(refused), tuple(invalid), tuple(errors))
        refused.append(candidate)
        if verdict.reason == INVALID:
            invalid.append(neighbour)
        if error is not None:
            errors.append(error)
    return Choice(None, tuple(refused), tuple(invalid), tuple(errors))


def assess(
    query: str, neighbour: Neighbour, neighbours: Sequence[Neighbour], policy: Policy, validator: Validator
) -> tuple[Verdict, Exception | None]:
    """Return the verdict on one neighbour, and what the policy or the validator raised."""
    try:
        verdict = policy.judge(query, neighbour, neighbours)
        if verdict.accepted and not validator(neighbour.response):
            return Verdict(False, verdict.confidence, INVALID), None
    except Exception as error:
        return Verdict(False, 0.0, f"the policy or the validator raised {type(error).__name__}"), error
    return verdict, None
