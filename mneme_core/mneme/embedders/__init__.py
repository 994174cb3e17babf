"""Embedders: what turns a text into a vector. Names load on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mneme.embedders.adapters import is_async_embedder, to_async_embedder, to_sync_embedder
    from mneme.embedders.base import AsyncBatchEmbedder, AsyncEmbedder, BatchEmbedder, Embedder
    from mneme.embedders.batching import Batching
    from mneme.embedders.langchain import AsyncLangChainEmbedder, LangChainEmbedder
    from mneme.embedders.llama_index import AsyncLlamaIndexEmbedder, LlamaIndexEmbedder
    from mneme.embedders.minilm import MiniLMEmbedder, default_embedder
    from mneme.embedders.openai import AsyncOpenAIEmbedder, OpenAIEmbedder
    from mneme.embedders.sentence_transformers import (
        AsyncSentenceTransformerEmbedder,
        SentenceTransformerEmbedder,
    )

__all__ = [
    "AsyncBatchEmbedder",
    "AsyncEmbedder",
    "AsyncLangChainEmbedder",
    "AsyncLlamaIndexEmbedder",
    "AsyncOpenAIEmbedder",
    "AsyncSentenceTransformerEmbedder",
    "BatchEmbedder",
    "Batching",
    "Embedder",
    "LangChainEmbedder",
    "LlamaIndexEmbedder",
    "MiniLMEmbedder",
    "OpenAIEmbedder",
    "SentenceTransformerEmbedder",
    "default_embedder",
    "is_async_embedder",
    "to_async_embedder",
    "to_sync_embedder",
]

_MODULES = {
    "adapters": ("is_async_embedder", "to_async_embedder", "to_sync_embedder"),
    "base": ("AsyncBatchEmbedder", "AsyncEmbedder", "BatchEmbedder", "Embedder"),
    "batching": ("Batching",),
    "langchain": ("AsyncLangChainEmbedder", "LangChainEmbedder"),
    "llama_index": ("AsyncLlamaIndexEmbedder", "LlamaIndexEmbedder"),
    "minilm": ("MiniLMEmbedder", "default_embedder"),
    "openai": ("AsyncOpenAIEmbedder", "OpenAIEmbedder"),
    "sentence_transformers": ("AsyncSentenceTransformerEmbedder", "SentenceTransformerEmbedder"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
