"""What SemanticCache and AsyncSemanticCache have in common: how they are made, and all that never waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from os import PathLike
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from mneme.embedders.base import AsyncEmbedder, Embedder
from mneme.embedders.batching import Batching
from mneme.engine.eviction import EvictionPolicy
from mneme.engine.judge import Policy, check_similarity
from mneme.engine.keys import Normalizer
from mneme.errors import InvalidArgumentError
from mneme.indexes.quantize import check_dtype
from mneme.model import (
    BypassIf,
    ConfidenceFn,
    Durability,
    MetricsHook,
    MultiProcessMode,
    Validator,
    Vary,
    VectorDtype,
)
from mneme.observe.decisions import Listener
from mneme.prices import Prices, prices_of
from mneme.runtime import scope as scopes
from mneme.runtime.core import Core
from mneme.runtime.known import Known
from mneme.runtime.options import Options
from mneme.runtime.policy_file import policy_given
from mneme.stores.base import Store

if TYPE_CHECKING:
    from mneme_decorator._cached import Decorator

E = TypeVar("E", bound=Embedder | AsyncEmbedder)


class _OfLangChain:
    """A method that LangChain asks for: it is not there, and its error says what to give LangChain instead.

    A `__getattr__` could say so too; with one, Python finds every attribute several times slower.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, cache: object, owner: type) -> None:
        raise AttributeError(
            f"{owner.__name__!r} object has no attribute {self._name!r}. For LangChain wrap it: "
            "set_llm_cache(mneme_langchain.MnemeCache(cache))"
        )


class Facade(Known, Generic[E]):
    """A cache over one file or store, judged by a cosine of 0.85 alone: pass policy="guarded", or use `open`.

    `open(url)` compares the words of two questions as well; the constructor keeps to what it always did.

    path: the SQLite file, made where it is missing; or store: any store. Exactly one of them.
    embedder: turns texts into vectors; the store is bound to its fingerprint.
    similarity_threshold, confidence_fn, min_confidence: a semantic neighbour is served when its cosine reaches the
    threshold and its confidence (the cosine, unless confidence_fn says otherwise) reaches min_confidence.
    policy: judges neighbours in their place: a policy, its name ("guarded", "guarded:0.05", "threshold:0.9"), or the
    file of `mneme calibrate`. feedback: a JSONL file for what `report_wrong` is told, read when opening and whenever
    others add to it.
    default_ttl: seconds; None keeps entries. ttl_jitter: every ttl is shortened by up to this share of it, so that what
    is stored together does not run out together. negative_ttl: seconds for which `get_or_compute` gives a value again
    that validator or cache_if refused; None asks anew each time.
    flight_wait: seconds for which `get_or_compute` waits for another process or machine that computes the same answer
    over the same store; None lets each compute its own.
    max_entries, namespace_quotas, max_bytes: limits, kept by evicting entries: how many there are, in all or in a
    namespace, which a quota rules alone; and the bytes of all texts, metadata and vectors, with 1,024 for each entry
    and 640 for each vector.
    eviction: which leave: "lru", the least recently used; "sieve"; "cost", what saves least; or a policy.
    validator: refuses answers (empty ones and error texts, unless given). metrics_hook: called with every event.
    observers: told every decision with its question, verdict and time, such as mneme.observe.AuditTrail.
    bypass_if: a function of a text, such as mneme.pii.looks_personal; a question of which it is true is neither looked
    up nor stored, and an answer is not stored.
    batching: how texts that are asked for meanwhile are embedded together; what the embedder declares unless given.
    prices: what tokens cost, for the money in `stats`: a file of prices, a mapping, `mneme.Prices`, "shipped".
    durability: what a `put` that returned survives. "normal": the death of the process; "full": a power cut too;
    "deferred": nothing yet, it is written moments later, see `flush`.
    normalize: True compares queries without regard to case, white space and Unicode form; False as they are;
    or a function of the query.
    index_backend: "numpy" searches exactly; "ann" (or "hnsw", both of the extra `ann`) by a graph where a partition is
    large, with the index_options `above` (rows), `recall` (share of true neighbours) and `save` (False keeps no graphs
    beside the file); "auto" exactly, but for partitions above 500,000 where that extra is installed; other names are
    plugins'.
    vector_dtype: how vectors are held in memory; hits are rescored with the stored float32.
    multi_process_mode: kept for compatibility; processes on one file always see each other's changes.
    stale_check_interval: seconds for which another process's changes may go unseen.
    Raises InvalidArgumentError (a ValueError) for what cannot be, IndexBackendUnavailableError for an index that is not
    installed, EmbedderMismatchError and EmbedderDimensionError for a store of another embedder, StoreBackendError when
    the store cannot be opened.
    """

    if not TYPE_CHECKING:
        lookup, alookup, update, aupdate = (_OfLangChain() for _ in range(4))

    def __init__(
        self,
        path: str | PathLike[str] | None = None,
        embedder: E | None = None,
        *,
        store: Store | None = None,
        similarity_threshold: float = 0.85,
        default_ttl: float | None = None,
        max_entries: int | None = None,
        namespace_quotas: Mapping[str, int] | None = None,
        confidence_fn: ConfidenceFn | None = None,
        validator: Validator | None = None,
        metrics_hook: MetricsHook | None = None,
        normalize: bool | Normalizer = True,
        index_backend: str = "auto",
        index_options: Mapping[str, Any] | None = None,
        vector_dtype: VectorDtype = "float32",
        multi_process_mode: MultiProcessMode = "single",
        stale_check_interval: float = 0.0,
        max_query_bytes: int = 32_768,
        max_response_bytes: int = 4 * 1_048_576,
        max_metadata_bytes: int = 65_536,
        min_confidence: float = 0.7,
        policy: Policy | str | PathLike[str] | None = None,
        feedback: str | PathLike[str] | None = None,
        ttl_jitter: float = 0.0,
        negative_ttl: float | None = None,
        flight_wait: float | None = None,
        max_bytes: int | None = None,
        eviction: str | EvictionPolicy = "lru",
        bypass_if: BypassIf | None = None,
        batching: Batching | None = None,
        observers: Sequence[Listener] = (),
        prices: Prices | str | PathLike[str] | Mapping[str, Any] | None = None,
        durability: Durability = "normal",
        clock: Callable[[], float] = time.time,
    ) -> None:
        if (path is None) == (store is None):
            raise InvalidArgumentError(
                f"exactly one of path and store is needed, got {'neither' if path is None else 'both'}. "
                "Give the path of a file, or store=MemoryStore()."
            )
        options = Options(
            similarity_threshold=similarity_threshold,
            default_ttl=default_ttl,
            max_entries=max_entries,
            namespace_quotas=namespace_quotas,
            confidence_fn=confidence_fn,
            validator=validator,
            metrics_hook=metrics_hook,
            normalize=normalize,
            index_backend=index_backend,
            index_options=index_options,
            vector_dtype=vector_dtype,
            multi_process_mode=multi_process_mode,
            stale_check_interval=stale_check_interval,
            max_query_bytes=max_query_bytes,
            max_response_bytes=max_response_bytes,
            max_metadata_bytes=max_metadata_bytes,
            min_confidence=min_confidence,
            policy=policy_given(policy, getattr(embedder, "fingerprint", "")),
            feedback=feedback,
            ttl_jitter=ttl_jitter,
            negative_ttl=negative_ttl,
            flight_wait=flight_wait,
            max_bytes=max_bytes,
            eviction=eviction,
            bypass_if=bypass_if,
            batching=batching,
            observers=observers,
            prices=prices_of(prices),
            durability=durability,
            clock=clock,
        )
        self._embedder = self._check_embedder(embedder)
        self._core = Core(
            _sqlite(path) if store is None else store, self._embedder.fingerprint, self._embedder.dim, options
        )
        self._core.observers.dress(self)

    @classmethod
    def _check_embedder(cls, embedder: Any) -> E:
        """Return an embedder of this facade's colour."""
        raise NotImplementedError  # each facade says which colour it needs

    @classmethod
    def _over(cls, core: Core, embedder: Any) -> Self:
        """Return a facade of this class over an engine that is open."""
        facade = cls.__new__(cls)
        facade._core = core
        facade._embedder = cls._check_embedder(embedder)
        core.observers.dress(facade)
        return facade

    def key(self, query: str, *, namespace: str = "default", vary: Vary | None = None) -> str:
        """Return the exact key of a request, hexadecimal: equal keys share an entry."""
        return self._core.request(query, namespace, vary, "exact").key.hex()

    def scope(self, *, namespace: str | None = None, vary: Vary | None = None) -> AbstractContextManager[None]:
        """Hold a namespace and a vary for every call below the `with`, in this thread or task and those it starts.

        The namespace stands in for the default one; a call that names another keeps it. Varies of inner scopes and of
        the call are merged over those of outer ones.
        """
        core = self._core
        core.check_open()
        core.requests.check_scope(namespace, vary)
        around = scopes.scope_of(core) or scopes.Scope(core, None)
        namespace = around.namespace if namespace is None else namespace
        return scopes.entered(core, namespace=namespace, vary=scopes.merged(around.vary, vary and dict(vary)))

    def override(
        self, *, bypass: bool = False, refresh: bool = False, read_only: bool = False
    ) -> AbstractContextManager[None]:
        """Change how every call below the `with` uses the cache.

        bypass: neither read nor write. refresh: do not read, but write. read_only: read, but do not write.
        What an override around this one forbids stays forbidden.
        """
        self._core.check_open()
        around = scopes.scope_of(self._core) or scopes.Scope(self._core, None)
        return scopes.entered(
            self._core,
            reads=around.reads and not (bypass or refresh),
            writes=around.writes and not (bypass or read_only),
        )

    def cached(self, *function: Any, **options: Any) -> Decorator:
        """Return a decorator that caches a completion function: `@cache.cached()`, with parentheses.

        The options are those of `mneme_decorator.cached`.
        """
        if function:
            raise TypeError("cached needs parentheses: write @cache.cached(), then the function.")
        from mneme_decorator import cached

        return cached(self, **options)  # type: ignore[arg-type]  # each facade is one of the two it takes

    @property
    def similarity_threshold(self) -> float:
        """The cosine below which nothing is served."""
        return self._core.policy.floor

    def set_similarity_threshold(self, value: float) -> None:
        """Set the threshold; raises InvalidArgumentError outside [-1, 1] and for a policy that has none."""
        self._core.check_open()
        check_similarity(value, "similarity_threshold")
        policy = self._core.policy
        if not callable(getattr(policy, "at", None)):
            raise InvalidArgumentError(
                f"similarity_threshold cannot be set: this cache is judged by {type(policy).__name__}, "
                "which was given as policy=."
            )
        self._core.policy = policy.at(value)  # type: ignore[attr-defined]  # just checked

    def requantize(self, dtype: VectorDtype) -> None:
        """Hold the vectors in memory as `dtype` from now on; reads them all from the store.

        Raises QuantizationError for an unknown type. The stored vectors stay float32.
        """
        core = self._core
        core.check_open()
        core.journal.rebuild(core.new_index(check_dtype(dtype)))


def check_embedder(embedder: Any) -> None:
    """Raise InvalidArgumentError unless `embedder` has embed, a fingerprint and a dim."""
    if embedder is None or not callable(getattr(embedder, "embed", None)):
        raise InvalidArgumentError(
            f"an embedder is needed, got {embedder!r}. Give an object with dim, fingerprint and embed(text), "
            "such as mneme.default_embedder()."
        )
    fingerprint, dim = getattr(embedder, "fingerprint", None), getattr(embedder, "dim", None)
    if not isinstance(fingerprint, str) or not fingerprint:
        raise InvalidArgumentError(f"the embedder's fingerprint is {fingerprint!r}; it is a text that names the model.")
    if isinstance(dim, bool) or not isinstance(dim, int) or dim < 1:
        raise InvalidArgumentError(f"the embedder's dim is {dim!r}; it is how many numbers its vectors have.")


def _sqlite(path: Any) -> Store:
    from mneme.stores.sqlite import SQLiteStore

    if isinstance(path, Store):
        raise InvalidArgumentError(f"path is a {type(path).__name__}; a store is given as store=, with embedder=.")
    if "://" in str(path) or str(path) == "memory:":
        raise InvalidArgumentError(f"path is {path!r}, a URL; open it with SemanticCache.open({str(path)!r}).")
    return SQLiteStore(path)
