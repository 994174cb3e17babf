"""The values that cross Mneme's boundaries: frozen, with units in their names or docstrings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar, cast

VectorDtype: TypeAlias = Literal["float32", "float16", "int8"]
HitLayer: TypeAlias = Literal["exact", "semantic"]
IndexBackend: TypeAlias = Literal["numpy", "hnsw", "auto"]
MultiProcessMode: TypeAlias = Literal["single", "stale-tolerant", "mmap-shared"]
Durability: TypeAlias = Literal["normal", "full", "deferred"]
Mode: TypeAlias = Literal["semantic", "exact"]
"""`semantic` asks both layers; `exact` only the first, and stores no vector."""

# Metadata and vary are JSON whose shape is the caller's, hence Any.
Metadata: TypeAlias = dict[str, Any]
Vary: TypeAlias = Mapping[str, Any]
ConfidenceFn: TypeAlias = Callable[[float, float, Metadata], float]
"""(similarity, age_seconds, metadata) -> confidence in [0, 1]."""
Validator: TypeAlias = Callable[[str], bool]
"""(response) -> whether it may be served."""
BypassIf: TypeAlias = Callable[[str], bool]
"""(question or answer) -> whether the cache must neither look it up nor store it."""
MetricsHook: TypeAlias = Callable[[str, dict[str, Any]], None]
"""(event, attributes) -> None."""

NEVER: Final = math.inf
"""A `ttl` that never runs out, whatever the cache's `default_ttl`."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Hit:
    """An answer found in the cache. `metadata` is the caller's own copy."""

    response: str
    similarity: float
    confidence: float
    age_seconds: int
    layer: HitLayer
    namespace: str
    metadata: Metadata
    query: str = ""
    """The question the answer was stored under, as it was put."""
    key: str = ""
    """The entry's key, hexadecimal."""
    compute_seconds: float | None = None
    """What the answer took to compute, where `get_or_compute` measured it."""
    asked: str = ""
    """The question that was asked."""


def _opened(frozen: type[T]) -> type[T]:
    """Return what makes the same values in a quarter of the time: all fields given, by place.

    It fills a class with the same slots and without the guard that keeps a value as it is, which it then becomes.
    """
    names = [field.name for field in fields(frozen)]  # type: ignore[arg-type]  # a dataclass
    body = "; ".join(f"self.{name} = {name}" for name in names)
    scope: dict[str, Any] = {"_Frozen": frozen}
    exec(f"def __init__(self, {', '.join(names)}): {body}; self.__class__ = _Frozen", scope)  # noqa: S102  # as dataclasses do
    return cast("type[T]", type(f"_Open{frozen.__name__}", (), {"__slots__": names, "__init__": scope["__init__"]}))


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """The tokens that a model's answer took."""

    model: str
    """As its provider calls it, such as "gpt-4o-mini"; empty where it is not known."""
    input_tokens: int
    """All of the prompt, with those that the provider had cached."""
    output_tokens: int
    cached_input_tokens: int = 0
    """Those among the input tokens that the provider had cached, which cost less."""


@dataclass(frozen=True, slots=True)
class Saving:
    """What hits saved of one model."""

    usage: TokenUsage
    cost: float | None
    """In the currency of the prices; None where there are none for this model."""


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts of one namespace, or of the whole cache where `namespace` is None."""

    namespace: str | None
    entries: int
    hits_exact: int
    hits_semantic: int
    misses: int
    evictions: int
    expirations: int
    embedder_fingerprint: str
    vector_dtype: VectorDtype
    memory_bytes_estimate: int
    """entries x dim x bytes per number: what the vectors alone need."""
    index_memory_bytes: int
    """What the index holds in fact, over all namespaces."""
    index_tombstone_count: int
    saved_seconds: float = 0.0
    """What computing the answers that hits gave again once took, where `get_or_compute` measured it."""
    saved_input_tokens: int = 0
    saved_output_tokens: int = 0
    saved_cost: float | None = None
    """In the currency of `prices=`, of the models that have a price there; None without prices."""
    savings: tuple[Saving, ...] = ()
    """The same for each model."""
    resident_bytes: int = 0
    """What the whole cache holds in memory, over all namespaces: the index, entries, texts that are here, and what its
    store holds; an estimate, within a tenth of what the process grows by."""


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of the cache without reading the store."""

    healthy: bool
    schema_version: int
    integrity_ok: bool
    embedder_fingerprint_match: bool
    entries: int
    namespaces: int
    oldest_entry_age_seconds: float | None
    index_backend: str
    store_backend: str
    vector_dtype: VectorDtype
    multi_process_mode: MultiProcessMode


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as a store keeps it. Times are seconds since the epoch."""

    id: int
    """The entry's place in the store's change sequence; a replacement gets a new one."""
    namespace: str
    query_hash: str
    """The entry's key, hexadecimal: H(partition, canonical query)."""
    query: str
    response: str
    embedding: bytes
    """float32, unit length, native byte order; empty for an entry of the exact layer alone."""
    metadata: Metadata
    created_at: float
    last_accessed_at: float
    ttl: float | None
    """Seconds from `created_at`; None never runs out."""
    access_count: int
    partition: bytes = b""
    """H(namespace, vary), 16 bytes: similarity is computed inside it alone."""
    compute_seconds: float | None = None


stored_entry_of: Final = _opened(StoredEntry)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An entry near the query, as a policy sees it."""

    query: str
    response: str
    similarity: float
    """Cosine in [-1, 1], larger is closer, to six decimals."""
    age_seconds: float
    metadata: Metadata
    namespace: str = ""
    key: str = ""
    turns: tuple[tuple[str, str], ...] = ()
    """(role, text) of what was said before, where the entry was put with similar turns."""
    wrong_for: tuple[str, ...] = ()
    """The questions that its answer was reported wrong for: it may be served to its own question alone."""


neighbour_of: Final = _opened(Neighbour)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a neighbour's answer may be served, and why."""

    accepted: bool
    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A neighbour together with what was decided about it."""

    neighbour: Neighbour
    verdict: Verdict
    features: Mapping[str, Any] = field(default_factory=dict)
    """What the policy counts, by name, where it says so; filled in by `explain` alone."""


candidate_of: Final = _opened(Candidate)


@dataclass(frozen=True, slots=True)
class OtherVary:
    """An entry of the same question that was put with another `vary`."""

    key: str
    """Hexadecimal."""
    model: str | None
    """Which model answered, where the answer told of its tokens."""
    differs: tuple[str, ...]
    """What differs: `model: "gpt-4o" there, "gpt-4o-mini" here`. Empty where it is not known: stored is a digest alone,
    so that it can be told of what this process asked before, and where a single part differs."""

    def __str__(self) -> str:
        known = "; ".join(self.differs) or "what differs is not known, as a digest is stored alone"
        answered = f", answered by {self.model}" if self.model and not self.differs else ""
        return f"the same question is entry {self.key[:8]}: {known}{answered}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a query hits or misses; `print` shows it as a table."""

    query: str
    canonical: str
    namespace: str
    outcome: str
    """`exact`, `semantic`, `shadow` (served but for a policy on trial), or the reason of the miss."""
    key: str
    exact: str | None
    """The state of the exact entry: `fresh`, `expired`, or None where there is none."""
    candidates: tuple[Candidate, ...] = field(default=())
    elsewhere: int = 0
    """Entries of the namespace that were put with another `vary` and are never compared with this query."""
    exact_only: int = 0
    """Entries beside this query that are served to their own questions alone: those reported as wrong for another one,
    and those without a vector, which are answers that call tools and texts that could not be embedded."""
    other_vary: tuple[OtherVary, ...] = ()
    """Entries of the same question that were put with another `vary`, the newest first, five at most."""

    def __str__(self) -> str:
        from mneme.tools.readable import readable  # nothing but who prints this needs it

        lines = [
            f"query      {self.query!r}",
            f"canonical  {self.canonical!r}",
            f"namespace  {self.namespace}",
            f"outcome    {self.outcome}",
            f"exact      {self.exact or 'no entry'} (key {self.key})",
        ]
        if self.elsewhere:
            lines.append(
                f"elsewhere  {self.elsewhere} entries of this namespace have another vary (model, prompt, turns …)"
            )
        lines += [f"other vary {each}" for each in self.other_vary]
        if self.exact_only:
            some = "1 entry serves its" if self.exact_only == 1 else f"{self.exact_only:,} entries serve their"
            lines.append(f"exact only {some} own question alone (tools, reports …)")
        if not self.candidates:
            return "\n".join([*lines, "candidates none"])
        lines.append("candidates similarity  confidence  verdict")
        for candidate in self.candidates:
            near, verdict = candidate.neighbour, candidate.verdict
            word = "accept" if verdict.accepted else "refuse"
            lines.append(f"           {near.similarity:10.4f}  {verdict.confidence:10.4f}  {word}: {verdict.reason}")
            lines.append(f"             {near.query!r} -> {readable(near.response)[:80]!r}")
            if candidate.features:
                said = ", ".join(f"{name} {_short(value)}" for name, value in candidate.features.items())
                lines.append(f"             {said}")
        return "\n".join(lines)


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What `get_or_compute` gives back."""

    value: T
    status: Literal["hit", "computed", "stale", "refused"]
    """`stale`: the old answer, which is computed anew meanwhile. `refused`: one that was just computed and may not be
    stored, given again while `negative_ttl` lasts."""
    similarity: float | None
    """Of the hit; None where the value was computed."""
    hit: Hit | None
    saved_seconds: float
    """What computing the answer once took, where it is known and was not spent again."""
