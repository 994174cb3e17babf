"""Mneme as a decorator: `@cached(cache)` on completion functions, and around the clients of OpenAI and Anthropic."""

from mneme_decorator._admission import is_complete, is_complete_stream
from mneme_decorator._anthropic import wrap_anthropic
from mneme_decorator._base import CacheInfo
from mneme_decorator._cached import Decorator, cached
from mneme_decorator._codecs import Codec
from mneme_decorator._functions import CachedCoroutine, CachedFunction
from mneme_decorator._openai import wrap_openai
from mneme_decorator._streams import CachedGenerator, CachedStream

__all__ = [
    "CacheInfo",
    "CachedCoroutine",
    "CachedFunction",
    "CachedGenerator",
    "CachedStream",
    "Codec",
    "Decorator",
    "cached",
    "is_complete",
    "is_complete_stream",
    "wrap_anthropic",
    "wrap_openai",
]
