"""A semantic cache for LLM calls.

Names are loaded when first used: `import mneme` loads no NumPy, no pluggy and no client library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mneme._version import __version__

if TYPE_CHECKING:
    from mneme.async_cache import AsyncSemanticCache
    from mneme.cache import SemanticCache
    from mneme.embedders import default_embedder, to_async_embedder, to_sync_embedder
    from mneme.embedders.base import AsyncEmbedder, Embedder
    from mneme.engine.cost_aware import CostAware
    from mneme.engine.eviction import Evictable, EvictionOrder, EvictionPolicy, Lru
    from mneme.engine.guarded import Guarded
    from mneme.engine.judge import Policy, Threshold
    from mneme.engine.sieve import Sieve
    from mneme.engine.spending import usage_in
    from mneme.engine.turns import Similar
    from mneme.errors import (
        CacheClosedError,
        CheckpointError,
        CorruptCacheError,
        EmbedderDimensionError,
        EmbedderError,
        EmbedderMismatchError,
        EncryptionError,
        IndexBackendUnavailableError,
        InvalidArgumentError,
        MnemeError,
        MultiProcessLockError,
        NamespaceQuotaExceededError,
        PluginError,
        QuantizationError,
        SchemaMigrationError,
        StoreBackendError,
        UnembeddableTextError,
    )
    from mneme.evaluation.shadow import Shadow, ShadowReport
    from mneme.indexes.base import Index
    from mneme.model import (
        NEVER,
        Candidate,
        ConfidenceFn,
        Explanation,
        Health,
        Hit,
        HitLayer,
        IndexBackend,
        MetricsHook,
        MultiProcessMode,
        Neighbour,
        Outcome,
        Saving,
        Stats,
        StoredEntry,
        TokenUsage,
        Validator,
        VectorDtype,
        Verdict,
    )
    from mneme.plugins.install import install
    from mneme.prices import Prices
    from mneme.runtime.codecs import JsonCodec
    from mneme.runtime.computing import Codec
    from mneme.runtime.served import served_hits
    from mneme.stores.base import Store
    from mneme.stores.memory import MemoryStore
    from mneme.stores.sqlite import SQLiteStore

_HOMES = {
    "mneme.async_cache": ("AsyncSemanticCache",),
    "mneme.cache": ("SemanticCache",),
    "mneme.embedders": ("default_embedder", "to_async_embedder", "to_sync_embedder"),
    "mneme.embedders.base": ("AsyncEmbedder", "Embedder"),
    "mneme.engine.cost_aware": ("CostAware",),
    "mneme.engine.eviction": ("Evictable", "EvictionOrder", "EvictionPolicy", "Lru"),
    "mneme.engine.guarded": ("Guarded",),
    "mneme.engine.sieve": ("Sieve",),
    "mneme.engine.turns": ("Similar",),
    "mneme.evaluation.shadow": ("Shadow", "ShadowReport"),
    "mneme.engine.judge": ("Policy", "Threshold"),
    "mneme.engine.spending": ("usage_in",),
    "mneme.errors": (
        "CacheClosedError",
        "CheckpointError",
        "CorruptCacheError",
        "EmbedderDimensionError",
        "EmbedderError",
        "EmbedderMismatchError",
        "EncryptionError",
        "IndexBackendUnavailableError",
        "InvalidArgumentError",
        "MnemeError",
        "MultiProcessLockError",
        "NamespaceQuotaExceededError",
        "PluginError",
        "QuantizationError",
        "SchemaMigrationError",
        "StoreBackendError",
        "UnembeddableTextError",
    ),
    "mneme.indexes.base": ("Index",),
    "mneme.model": (
        "NEVER",
        "Candidate",
        "ConfidenceFn",
        "Explanation",
        "Health",
        "Hit",
        "HitLayer",
        "IndexBackend",
        "MetricsHook",
        "MultiProcessMode",
        "Neighbour",
        "Outcome",
        "Saving",
        "Stats",
        "StoredEntry",
        "TokenUsage",
        "Validator",
        "VectorDtype",
        "Verdict",
    ),
    "mneme.plugins.install": ("install",),
    "mneme.prices": ("Prices",),
    "mneme.runtime.codecs": ("JsonCodec",),
    "mneme.runtime.served": ("served_hits",),
    "mneme.runtime.computing": ("Codec",),
    "mneme.stores.base": ("Store",),
    "mneme.stores.memory": ("MemoryStore",),
    "mneme.stores.sqlite": ("SQLiteStore",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "NEVER",
    "AsyncEmbedder",
    "AsyncSemanticCache",
    "CacheClosedError",
    "Candidate",
    "CheckpointError",
    "Codec",
    "ConfidenceFn",
    "CorruptCacheError",
    "CostAware",
    "Embedder",
    "EmbedderDimensionError",
    "EmbedderError",
    "EmbedderMismatchError",
    "EncryptionError",
    "Evictable",
    "EvictionOrder",
    "EvictionPolicy",
    "Explanation",
    "Guarded",
    "Health",
    "Hit",
    "HitLayer",
    "Index",
    "IndexBackend",
    "IndexBackendUnavailableError",
    "InvalidArgumentError",
    "JsonCodec",
    "Lru",
    "MemoryStore",
    "MetricsHook",
    "MnemeError",
    "MultiProcessLockError",
    "MultiProcessMode",
    "NamespaceQuotaExceededError",
    "Neighbour",
    "Outcome",
    "PluginError",
    "Policy",
    "Prices",
    "QuantizationError",
    "SQLiteStore",
    "Saving",
    "SchemaMigrationError",
    "SemanticCache",
    "Shadow",
    "ShadowReport",
    "Sieve",
    "Similar",
    "Stats",
    "Store",
    "StoreBackendError",
    "StoredEntry",
    "Threshold",
    "TokenUsage",
    "UnembeddableTextError",
    "Validator",
    "VectorDtype",
    "Verdict",
    "__version__",
    "default_embedder",
    "install",
    "served_hits",
    "to_async_embedder",
    "to_sync_embedder",
    "usage_in",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'mneme' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
