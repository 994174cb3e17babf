"""What a cache is opened with, checked at the door."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from os import PathLike
from typing import Any

from mneme.embedders.batching import Batching
from mneme.engine.eviction import EvictionPolicy
from mneme.engine.freshness import check_ttl
from mneme.engine.judge import Policy, Threshold, is_servable
from mneme.engine.keys import Normalizer
from mneme.errors import InvalidArgumentError
from mneme.indexes.quantize import check_dtype
from mneme.model import BypassIf, ConfidenceFn, Durability, MetricsHook, MultiProcessMode, Validator, VectorDtype
from mneme.observe.decisions import Listener
from mneme.prices import Prices
from mneme.runtime.limits import Limits, policy_of

# The options that a policy has of its own, by their names there.
PARTS_OF_A_POLICY = {
    "similarity_threshold": "threshold",
    "min_confidence": "min_confidence",
    "confidence_fn": "confidence_fn",
}
DURABILITIES = ("normal", "full", "deferred")
MODES = ("single", "stale-tolerant", "mmap-shared")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The arguments of SemanticCache and AsyncSemanticCache, all but path, store and embedder."""

    similarity_threshold: float = 0.85
    default_ttl: float | None = None
    ttl_jitter: float = 0.0
    negative_ttl: float | None = None
    flight_wait: float | None = None
    max_entries: int | None = None
    namespace_quotas: Mapping[str, int] | None = None
    max_bytes: int | None = None
    eviction: str | EvictionPolicy = "lru"
    confidence_fn: ConfidenceFn | None = None
    validator: Validator | None = None
    metrics_hook: MetricsHook | None = None
    observers: Sequence[Listener] = ()
    normalize: bool | Normalizer = True
    index_backend: str = "auto"
    index_options: Mapping[str, Any] | None = None
    vector_dtype: VectorDtype = "float32"
    multi_process_mode: MultiProcessMode = "single"
    stale_check_interval: float = 0.0
    max_query_bytes: int = 32_768
    max_response_bytes: int = 4 * 1_048_576
    max_metadata_bytes: int = 65_536
    min_confidence: float = 0.7
    policy: Policy | None = None
    feedback: str | PathLike[str] | None = None
    bypass_if: BypassIf | None = None
    batching: Batching | None = None
    prices: Prices | None = None
    durability: Durability = "normal"
    clock: Callable[[], float] = field(default=time.time)

    def __post_init__(self) -> None:
        self.judge()
        check_ttl(self.default_ttl, "default_ttl")
        check_ttl(self.negative_ttl, "negative_ttl")
        check_ttl(self.flight_wait, "flight_wait")
        if (
            isinstance(self.ttl_jitter, bool)
            or not isinstance(self.ttl_jitter, int | float)
            or not (0 <= self.ttl_jitter < 1)
        ):
            raise InvalidArgumentError(
                f"ttl_jitter is {self.ttl_jitter!r}; it is a share of the ttl from 0 to below 1."
            )
        check_dtype(self.vector_dtype)
        if self.max_entries is not None:
            _check_count(self.max_entries, "max_entries")
        if self.max_bytes is not None:
            _check_count(self.max_bytes, "max_bytes")
        policy_of(self.eviction)
        for namespace, quota in (self.namespace_quotas or {}).items():
            _check_count(quota, f"the quota of namespace {namespace!r}")
        for name in ("confidence_fn", "validator", "metrics_hook", "bypass_if", "clock"):
            given = getattr(self, name)
            if given is not None and not callable(given):
                raise InvalidArgumentError(f"{name} is {given!r}; it is a function.")
        self.listeners()
        if inspect.iscoroutinefunction(self.bypass_if):
            raise InvalidArgumentError("bypass_if is a coroutine function; it is a plain function of a text.")
        if not (self.feedback is None or isinstance(self.feedback, str | PathLike)):
            raise InvalidArgumentError(f"feedback is {self.feedback!r}; it is the path of a file.")
        if not (self.batching is None or isinstance(self.batching, Batching)):
            raise InvalidArgumentError(
                f"batching is {self.batching!r}; it is a Batching, such as mneme.embedders.Batching(texts=64)."
            )
        for name in ("max_query_bytes", "max_response_bytes", "max_metadata_bytes"):
            _check_count(getattr(self, name), name)
        if self.multi_process_mode not in MODES:
            raise InvalidArgumentError(
                f"multi_process_mode is {self.multi_process_mode!r}; it is one of {', '.join(MODES)}."
            )
        if self.durability not in DURABILITIES:
            raise InvalidArgumentError(f"durability is {self.durability!r}; it is one of {', '.join(DURABILITIES)}.")
        interval = self.stale_check_interval
        if isinstance(interval, bool) or not isinstance(interval, int | float) or not 0 <= interval < math.inf:
            raise InvalidArgumentError(f"stale_check_interval is {interval!r}; it is a number of seconds from 0 on.")

    def judge(self) -> Policy:
        """Return the policy: the one given, else a threshold."""
        if self.policy is not None:
            if isinstance(self.policy, type):
                name = self.policy.__name__
                raise InvalidArgumentError(f"policy is the class {name}; make one of it: policy={name}().")
            if not isinstance(self.policy, Policy):
                raise InvalidArgumentError(
                    f"policy is of type {type(self.policy).__name__}; it has a `floor` and a method `judge`."
                )
            # The defaults are given by nobody.
            defaults = {each.name: each.default for each in fields(self) if each.name in PARTS_OF_A_POLICY}
            given = [name for name, default in defaults.items() if getattr(self, name) != default]
            if given:
                raise two_judges(given)
            return self.policy
        return Threshold(self.similarity_threshold, self.min_confidence, self.confidence_fn)

    def listeners(self) -> list[Any]:
        """Return who hears decisions: the observers, and a metrics hook that hears them too."""
        observers: Any = self.observers
        if isinstance(observers, str) or not isinstance(observers, Sequence):
            raise InvalidArgumentError(f"observers is {observers!r}; it is a list, such as [AuditTrail(path)].")
        for observer in observers:
            hears = getattr(observer, "decided", observer)
            if isinstance(observer, type) or not callable(hears) or inspect.iscoroutinefunction(hears):
                raise InvalidArgumentError(
                    f"observers holds {observer!r}; an observer is a plain function of a Decision, or an object with a "
                    "method `decided`."
                )
        also = [self.metrics_hook] if callable(getattr(self.metrics_hook, "decided", None)) else []
        return [*observers, *(hook for hook in also if not any(hook is observer for observer in observers))]

    def limits(self) -> Limits:
        """Return the limits, with nothing in them."""
        return Limits(self.max_entries, self.namespace_quotas, self.max_bytes, self.eviction)

    def validate(self) -> Validator:
        """Return the validator: the one given, else the one that refuses empty and error answers."""
        return self.validator if self.validator is not None else is_servable


def two_judges(given: Iterable[str]) -> InvalidArgumentError:
    """Return the error of a policy beside options that a policy has of its own."""
    names = " and ".join(given)
    return InvalidArgumentError(
        f"policy and {names} are both given, and the policy alone would judge. Leave out {names}, or policy; a policy "
        "takes them itself, as in policy=mneme.Guarded(0.9, min_confidence=0.5)."
    )


def _check_count(value: Any, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidArgumentError(f"{name} is {value!r}; it is a whole number from 0 on.")
