"""Mneme for LangChain: `set_llm_cache(MnemeCache(cache))`, `cached_model(model, cache)`, `MnemeCacheMiddleware`."""

from typing import TYPE_CHECKING, Any

from mneme_langchain._activate import activate
from mneme_langchain._asking import aexplain, areport_wrong, explain, report_wrong
from mneme_langchain._model import cached_model
from mneme_langchain.cache import MnemeCache

if TYPE_CHECKING:
    from mneme_langchain._middleware import MnemeCacheMiddleware

__all__ = [
    "MnemeCache",
    "MnemeCacheMiddleware",
    "activate",
    "aexplain",
    "areport_wrong",
    "cached_model",
    "explain",
    "report_wrong",
]


def __getattr__(name: str) -> Any:
    """Load the middleware when it is first asked for: it needs `langchain`, the rest only `langchain-core`."""
    if name == "MnemeCacheMiddleware":
        from mneme_langchain._middleware import MnemeCacheMiddleware

        return MnemeCacheMiddleware
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
