"""Mneme for LlamaIndex: `Settings.llm = cached_llm(llm, cache)`."""

try:
    import llama_index.core as _  # noqa: F401  # what is missing is said here, once
except ImportError as error:
    raise ImportError("mneme_llama_index needs LlamaIndex: pip install 'mneme-middleware[llama-index]'") from error

from mneme_llama_index._activate import activate
from mneme_llama_index._events import SemanticCacheHitEvent
from mneme_llama_index._kv_store import MnemeKVStore
from mneme_llama_index._llm import cached_llm

__all__ = ["MnemeKVStore", "SemanticCacheHitEvent", "activate", "cached_llm"]
