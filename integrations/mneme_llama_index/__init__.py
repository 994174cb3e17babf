"""Mneme for LlamaIndex: its models and embedders, with what they answer kept in a cache."""

try:
    import llama_index.core as _  # noqa: F401  # what is missing is said here, once
except ImportError as error:
    raise ImportError("mneme_llama_index needs LlamaIndex: pip install 'mneme-middleware[llama-index]'") from error

from mneme_llama_index._activate import activate
from mneme_llama_index._asking import aexplain, areport_wrong, explain, report_wrong
from mneme_llama_index._embedding import cached_embedding
from mneme_llama_index._events import SemanticCacheHitEvent
from mneme_llama_index._kv_store import MnemeKVStore
from mneme_llama_index._llm import cached_llm

__all__ = [
    "MnemeKVStore",
    "SemanticCacheHitEvent",
    "activate",
    "aexplain",
    "areport_wrong",
    "cached_embedding",
    "cached_llm",
    "explain",
    "report_wrong",
]
