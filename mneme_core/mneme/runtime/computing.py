"""The steps of `get_or_compute` that both facades share: turning values into text and hits into outcomes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

from numpy.typing import NDArray

from mneme.engine.costs import check_cost
from mneme.engine.freshness import check_ttl
from mneme.engine.origins import NOWHERE, Origins, check_sources, check_tags, origins_of
from mneme.engine.spending import check_usage
from mneme.errors import InvalidArgumentError
from mneme.model import Hit, Metadata, Mode, Outcome, TokenUsage
from mneme.runtime import labels
from mneme.runtime.core import Core
from mneme.runtime.refusals import Refused
from mneme.runtime.requests import Request, check_mode

_log = logging.getLogger("mneme.cache")

# Times that what others change is read for an answer that ran out: in a store that changes more often it is not given.
LOOKS = 4

T = TypeVar("T")
S = TypeVar("S")
# Whatever the caller's vectors are: rows of an array, arrays, lists of numbers.
Embeddings: TypeAlias = Sequence[Any] | NDArray[Any]


class Codec(Protocol[T]):
    """Turns values into the text that is stored, and back."""

    def encode(self, value: T) -> str | None:
        """Return the text of `value`; None leaves it uncached."""
        ...

    def decode(self, text: str) -> T:
        """Return the value of a text; an exception makes the entry a miss and removes it."""
        ...


class TextCodec:
    """The codec of values that are text; others are not cached."""

    def encode(self, value: Any) -> str | None:
        """Return `value` if it is text."""
        if isinstance(value, str):
            return value
        _log.warning(
            "a value of type %s is not cached; pass codec=mneme.JsonCodec() for JSON values, or a codec of your own",
            type(value).__name__,
        )
        return None

    def decode(self, text: str) -> Any:
        """Return `text`."""
        return text


Admission: TypeAlias = Callable[[T], "bool | Literal['exact']"]
"""Whether a value may be stored; "exact": for the same request alone."""


Tags: TypeAlias = "Iterable[str] | Callable[[T], Iterable[str]]"
"""Tags of a value, or a function of the value that gives them."""
SourceVersion: TypeAlias = "Mapping[str, str] | Callable[[T], Mapping[str, str]]"
"""Source -> version of what a value was made from, or a function of the value that gives it."""
UsageOf: TypeAlias = "TokenUsage | Mapping[str, Any] | Callable[[T], TokenUsage | Mapping[str, Any] | None]"
"""The tokens that a value took, or a function of the value that gives them."""

Cost: TypeAlias = "float | Callable[[T], float | None] | None"
"""What a value cost to compute, in a unit of the caller's, or a function of the value that gives it."""


class Kept(NamedTuple):
    """What is stored of a computed value."""

    text: str
    semantic: bool
    """Whether a request in other words may be answered with it."""
    origins: Origins
    cost: float | None
    usage: TokenUsage | None = None


@dataclass(frozen=True, slots=True)
class Filled(Generic[T]):
    """What a flight hands to all who wait for it."""

    outcome: Outcome[T]
    text: str | None
    """The value as it is stored; None where it is not."""


@dataclass(frozen=True, slots=True)
class Plan(Generic[T]):
    """One `get_or_compute`: its request and how its values are kept."""

    core: Core
    request: Request
    codec: Codec[T]
    cache_if: Admission[T] | None
    ttl: float | None
    metadata: Metadata | None
    tags: Tags[T] = ()
    source_version: SourceVersion[T] | None = None
    grace: float | None = None
    """Seconds for which an answer that ran out is served while it is computed anew."""
    cost: Cost[T] = None
    moment: int = 0
    """When it was begun, as `Invalidated` counts."""
    usage: UsageOf[T] | None = None

    def of_hit(self, hit: Hit | None) -> Outcome[T] | None:
        """Return the outcome of a hit; None for no hit, and for one that cannot be decoded, which is removed."""
        if hit is None:
            return None
        try:
            value = self.codec.decode(hit.response)
        except Exception:
            _log.warning("a stored value could not be decoded; it is removed and computed anew", exc_info=True)
            if self.request.writes:
                self.core.remove_answer(hit.key, hit.response)
            return None
        return Outcome(value, "hit", hit.similarity, hit, hit.compute_seconds or 0.0)

    @property
    def looks(self) -> int:
        """How often it is worth asking for an answer that has just run out."""
        return 0 if self.grace is None or not (self.request.reads and self.request.writes) else LOOKS

    def of_stale(self) -> Outcome[T] | None:
        """Return the outcome of an answer that has just run out; the caller sees to it that it is computed anew."""
        if self.grace is None or self.core.journal.behind():  # what is not read yet may be its removal
            return None
        outcome = self.of_hit(self.core.probe(self.request, self.grace))
        return outcome and Outcome(outcome.value, "stale", 1.0, outcome.hit, outcome.saved_seconds)

    def is_due(self, outcome: Outcome[T]) -> bool:
        """Return whether an answer that ran out is to be computed anew: not where that was refused just now."""
        return outcome.status == "stale" and self.core.sharing.refusals.of(self.flight) is None

    def of_refused(self) -> Outcome[T] | None:
        """Return the outcome of a value that was refused a moment ago."""
        refused = self.core.sharing.refusals.of(self.flight) if self.request.reads else None
        if refused is None or type(refused.codec) is not type(self.codec):
            return None
        if self.core.invalidated.since(refused.moment, [*self._carried(), *refused.labels]):
            return None
        self.core.came_of(self.request, "refused")
        return Outcome(self._own(refused.text, refused.value), "refused", None, None, 0.0)

    def is_outdated(self, origins: Origins) -> bool:
        """Return whether the value may have been made from what was invalidated since it was begun."""
        return self.core.invalidated.since(self.moment, self._carried(origins))

    def _carried(self, origins: Origins = NOWHERE) -> list[labels.Label]:
        return [("namespace", self.request.namespace), ("query", self.request.text), *labels.of_origins(origins)]

    @property
    def flight(self) -> tuple[bytes, bool, bool, int]:
        """What calls that may share one computation have in common; after an invalidation it is another."""
        request = self.request
        tags = () if callable(self.tags) else tuple(self.tags)
        sources = {} if callable(self.source_version) or self.source_version is None else self.source_version
        last = self.core.invalidated.last(self._carried(Origins(tags, sources)))
        return (request.key, request.reads, request.writes, last)

    def kept(self, value: T) -> Kept | None:
        """Return what to store of a computed value, or None where it is not to be stored."""
        try:
            admitted = True if self.cache_if is None else self.cache_if(value)
            wanted = bool(admitted) or self.core.sharing.refusals.seconds is not None
            text = self.codec.encode(value) if wanted else None
            if not admitted or (text is not None and not self.core.validator(text)):
                self.core.sharing.refusals.note(
                    self.flight, Refused(value, text, self.codec, self._said(value), self.moment)
                )
                return None
            if text is None:
                return None
            semantic = self.request.semantic and admitted != "exact"
        except Exception:
            _log.warning("a computed value could not be encoded; it is not cached", exc_info=True)
            return None
        try:
            return Kept(text, semantic, self._origins(value), self._cost(value), self._used(value))
        except Exception:
            _log.warning("tags or source_version of a computed value failed; it is not cached", exc_info=True)
            return None

    def _said(self, value: T) -> tuple[labels.Label, ...]:
        """Return the labels of a value that is not to be stored; none where they cannot be told of it."""
        try:
            return tuple(labels.of_origins(self._origins(value)))
        except Exception:
            return ()

    def _origins(self, value: T) -> Origins:
        tags = self.tags(value) if callable(self.tags) else self.tags
        source_version = self.source_version
        return origins_of(tags, source_version(value) if callable(source_version) else source_version)

    def _cost(self, value: T) -> float | None:
        """Return what a value cost; None where the caller's function cannot say."""
        try:
            return check_cost(self.cost(value) if callable(self.cost) else self.cost)
        except Exception:
            _log.warning("the cost of a computed value is not known; it is kept without", exc_info=True)
            return None

    def _used(self, value: T) -> TokenUsage | None:
        """Return the tokens that a value took; None, with a warning, where that cannot be told."""
        try:
            return check_usage(self.usage(value) if callable(self.usage) else self.usage)
        except Exception:
            _log.warning("usage of a computed value failed; it is cached without", exc_info=True)
            return None

    def of_shared(self, filled: Filled[T]) -> Outcome[T]:
        """Return a follower's outcome: the leader's value, as an object of its own where the codec can make one."""
        self.core.came_of(self.request, "shared")
        if filled.text is None:
            return filled.outcome
        return computed(self._own(filled.text, filled.outcome.value))

    def _own(self, text: str | None, value: T) -> T:
        """Return the value of `text` as an object of its own, or else `value`, which others have too."""
        try:
            return value if text is None else self.codec.decode(text)
        except Exception:
            return value


def computed(value: T) -> Outcome[T]:
    """Return the outcome of a value that was computed."""
    return Outcome(value, "computed", None, None, 0.0)


def streamed(outcome: Outcome[list[T]], stream: S) -> Outcome[S]:
    """Return the outcome of a hit with the stream of its chunks for a value."""
    return Outcome(stream, outcome.status, outcome.similarity, outcome.hit, outcome.saved_seconds)


def plan(
    core: Core,
    request: Callable[[], Request],
    *,
    codec: Codec[T] | None,
    cache_if: Admission[T] | None,
    ttl: float | None,
    metadata: Metadata | None,
    mode: Mode,
    tags: Tags[T] = (),
    source_version: SourceVersion[T] | None = None,
    stale_while_revalidate: float | None = None,
    cost: Cost[T] = None,
    usage: UsageOf[T] | None = None,
) -> Plan[T] | None:
    """Return the plan, or None, with a warning, where this call's query or vary cannot be cached.

    Raises InvalidArgumentError for a ttl, metadata, tags, cost, usage or mode that can never be used, CacheClosedError
    after close.
    """
    core.check_open()
    check_ttl(ttl, "ttl")
    check_mode(mode)
    check_ttl(stale_while_revalidate, "stale_while_revalidate")
    core.requests.check_metadata(metadata)
    if not callable(cost):
        check_cost(cost)
    usage = usage if callable(usage) else check_usage(usage)
    # Read once here: an iterator is empty the second time.
    tags = tags if callable(tags) else check_tags(tags)
    source_version = source_version if callable(source_version) else check_sources(source_version)
    moment = core.invalidated.now()
    try:
        return Plan(
            core,
            request(),
            codec or TextCodec(),
            cache_if,
            ttl,
            metadata,
            tags,
            source_version,
            stale_while_revalidate,
            cost,
            moment,
            usage,
        )
    except (InvalidArgumentError, TypeError) as error:
        _log.warning("computed without the cache: %s", error)
        return None


def paired(items: Sequence[Any], embeddings: Embeddings | None) -> Sequence[Any]:
    """Return one embedding, or None, for each item; raises InvalidArgumentError when the numbers differ."""
    if isinstance(items, str):
        raise InvalidArgumentError("a list of queries is needed, got one text. Use get or put for one.")
    if embeddings is None:
        return [None] * len(items)
    if len(embeddings) != len(items):
        raise InvalidArgumentError(f"{len(items)} queries came with {len(embeddings)} embeddings; give one for each.")
    return list(embeddings)
